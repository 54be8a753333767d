"""Computing time and memory: ours against the paper's path, Basic Pitch with a SoundFont, and Griffin-Lim.

    python -m bench.speed --data DATA --packages PACKAGES

Ratios are of CPU seconds in one run on one thread, so that other work on the machine does not change them. How time and
memory grow is measured on `stylebox transfer` as a process of its own; an hour of sound takes ten minutes or so.
Writes docs/speed.md.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are imported

import librosa
import numpy as np
import soundfile
import soxr
import torch

from bench.basic_pitch import RATE as BASIC_PITCH_RATE
from bench.basic_pitch import BasicPitch
from bench.card import WANTED, operations
from bench.excerpts import RATE, read
from bench.page import Section, Table, machine, page, versions
from bench.players import SoundFontPlayer
from stylebox.core.audio.griffin_lim import ITERATIONS, griffin_lim
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram, mel_to_power
from stylebox.core.config import MelConfig, load_preset
from stylebox.core.data.build import build
from stylebox.core.files import write_text
from stylebox.core.music.notes import Note
from stylebox.core.paper.model import PaperModel
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, StyleEncoder
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
SOUNDFONT = Path("/usr/share/sounds/sf3/MuseScore_General.sf3")
RECORDING = "performances/violin/Garner_john-garner_bwv1002_mov8.opus"
CLIP_SECONDS, ROUNDS, TARGET = 10.0, 3, "piano"
PAPER_CALLS = 250
_LOOK_SECONDS = 0.02  # between two looks at a process
Work = Callable[[], object]


class Run(NamedTuple):
    """What a process took: seconds of wall clock, CPU seconds, and its peak memory in MB."""

    wall: float
    cpu: float
    megabytes: float


def cpu_seconds(work: Work) -> float:
    """The least CPU seconds of some rounds, after one that does not count."""
    work()
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def measured(command: list[str], threads: int) -> Run:
    """Run a command in a process of its own.

    Raises:
        SystemExit: it failed.
    """
    begun = time.monotonic()
    process = os.posix_spawn(sys.executable, command, {**os.environ, "OMP_NUM_THREADS": str(threads)})
    done = peak = status = 0
    while not done:
        peak = max(peak, peak_memory(process))
        time.sleep(_LOOK_SECONDS)
        done, status, used = os.wait4(process, os.WNOHANG)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Run(time.monotonic() - begun, used.ru_utime + used.ru_stime, peak / 1024)


def peak_memory(process: int) -> int:
    """The most memory that a process had until now, in kB; 0 if it has ended.

    What ``wait4`` gives is at least the memory of this process, from which the other was started.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text("ascii"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


@torch.no_grad()
def ratios(audio: np.ndarray, packages: Path, soundfont: Path) -> Section:
    """From sound to sound and from mel to sound, on one thread.

    Args:
        audio: The clip, at `RATE`.
        packages: Has ``basic_pitch``.
        soundfont: Plays the notes.

    Shape:
        audio is ``(S,)``.
    """
    torch.set_num_threads(1)
    pipeline, basic, player = BasePipeline(), BasicPitch(packages), SoundFontPlayer(soundfont)
    levelled = normalise_loudness(audio, RATE)[0]
    mel = pipeline.mel_transform(torch.from_numpy(levelled))
    paper = _paper(audio)

    def transcribed() -> object:
        found = basic.transcribe(soxr.resample(audio, RATE, BASIC_PITCH_RATE)).notes
        return player([Note(*note) for note in found], TARGET, audio)

    def ours(steps: int | None) -> Work:
        return lambda: pipeline.transfer(audio, TransferOptions(TARGET, seed=0, steps=steps))

    steps = pipeline.preset.diffusion.steps
    whole = {
        f"the paper at 22 kHz: {PAPER_CALLS} network calls, `mel_to_audio`": paper,
        f"ours, as shipped ({steps} calls)": ours(None),
        "ours, draft": ours(0),
        "Basic Pitch + SoundFont": transcribed,
    }
    sounding = {
        f"librosa `mel_to_audio`, {ITERATIONS} iterations": lambda: _librosas(mel, pipeline.mel_config),
        f"our Griffin-Lim, {ITERATIONS} iterations": lambda: griffin_lim(mel, pipeline.mel_config, len(audio)),
        "our vocoder": lambda: pipeline.resynthesise(audio, mel),
    }
    explanation = (
        f"{len(audio) / RATE:.0f} s of a violin, one thread, CPU seconds, the least of {ROUNDS} rounds after one that "
        "does not count; networks are loaded before. The paper's networks are those of preset `paper`, untrained: "
        "their time does not depend on training. *Our vocoder* includes transcribing the recording."
    )
    return Section("Ratios", [explanation, _table("sound to sound", whole), _table("mel to sound, 44.1 kHz", sounding)])


def building(audio: np.ndarray, folder: Path) -> Section:
    """Time of `stylebox build` for WAV files, on one core.

    Args:
        audio: A recording at `RATE`.
        folder: For recordings and dataset.

    Shape:
        audio is ``(S,)``.
    """
    pieces = [audio[first : first + len(audio) // 4] for first in range(0, len(audio), len(audio) // 4)][:4]
    for number, piece in enumerate(pieces):
        path = folder / "sources" / "violin" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, piece, RATE, subtype="PCM_16")
    seconds = sum(len(piece) for piece in pieces) / RATE
    used = cpu_seconds(lambda: _built(folder))
    return Section(
        "Building a dataset",
        [
            f"`build` of four WAV files at {RATE / 1000:g} kHz, {seconds:.0f} s together, on one core: {used:.2f} CPU "
            f"seconds, {seconds / used:.0f} times real time."
        ],
    )


def _built(folder: Path) -> object:
    shutil.rmtree(folder / "dataset", ignore_errors=True)
    return build(folder / "sources", folder / "dataset", jobs=1)


def card() -> Section:
    """Operations of a transfer, from which its time on a card can be estimated."""
    counts = operations(BasePipeline(), CLIP_SECONDS)
    explanation = (
        "Convolutions and matrix products of a transfer as shipped; a multiplication and an addition are two, Fourier "
        f"transforms are not counted. {WANTED} times real time takes {WANTED * counts['all'] / 1e12:.1f} TFLOP/s. "
        "`python -m bench.card` measures the time where there is a card."
    )
    rows: list[list[str | float | int | None]] = [[name, count / 1e9] for name, count in counts.items()]
    return Section("Operations", [explanation, Table(["network", "GFLOP per second of sound"], rows)])


def growth(audio: np.ndarray, minutes: list[float], folder: Path) -> Section:
    """Time and memory of `stylebox transfer` by the length of the recording.

    Args:
        audio: A recording at `RATE`, repeated where it is too short.
        minutes: Lengths.
        folder: For inputs and outputs.

    Shape:
        audio is ``(S,)``.
    """
    rows: list[list[str | float | int | None]] = []
    threads = os.cpu_count() or 1
    for length in (CLIP_SECONDS / 60, *minutes):
        source, output = folder / f"{length:.2f}.wav", folder / f"{length:.2f}.flac"
        soundfile.write(source, np.resize(audio, round(length * 60 * RATE)), RATE, subtype="PCM_16")
        command = [sys.executable, "-m", "stylebox", "--quiet", "transfer", str(source), "--style", TARGET, "--force"]
        run = measured([*command, "--seed", "0", "-o", str(output)], threads)
        seconds = length * 60
        rows.append([f"{seconds:g} s", run.wall, run.cpu, run.cpu / seconds, f"{run.megabytes:.0f}"])
    explanation = (
        f"`stylebox transfer` as a process of its own, from start to end, with {threads} threads. Wall-clock seconds "
        "depend on what else the machine does; CPU seconds are the sum over the cores."
    )
    header = ["recording", "wall-clock seconds", "CPU seconds", "CPU seconds per second of sound", "peak memory, MB"]
    return Section("Growth", [explanation, Table(header, rows)])


def _paper(audio: np.ndarray) -> Work:
    """The paper's path for a recording, at its own rate."""
    preset = load_preset("paper")
    torch.manual_seed(0)
    networks = (PaperAutoencoder().eval(), StyleEncoder().eval(), PaperUNet().eval())
    model = PaperModel(*networks, preset.paper, preset.mel, {})
    resampled = soxr.resample(audio, RATE, preset.mel.sample_rate)
    levelled = normalise_loudness(resampled, preset.mel.sample_rate)[0]
    mel = MelSpectrogram(preset.mel)(torch.from_numpy(levelled))
    return lambda: _librosas(transfer_mel(model, mel, mel, steps=PAPER_CALLS), preset.mel)


def _librosas(mel: torch.Tensor, config: MelConfig) -> object:
    """A mel as sound by librosa."""
    return librosa.feature.inverse.mel_to_audio(
        mel_to_power(mel, config).numpy(),
        sr=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        n_iter=ITERATIONS,
    )


def _table(title: str, rows: dict[str, Work]) -> Table:
    seconds = {name: cpu_seconds(work) for name, work in rows.items()}
    first = next(iter(seconds.values()))
    return Table([title, "CPU seconds", "times as fast as the first"], [[n, s, first / s] for n, s in seconds.items()])


def main() -> None:
    """Measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="has `performances`")
    parser.add_argument("--packages", type=Path, required=True, help="has basic_pitch")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    parser.add_argument("--minutes", type=float, nargs="*", default=[1.0, 10.0, 60.0], help="lengths for the growth")
    parser.add_argument("--output", type=Path, default=PAGE)
    asked = parser.parse_args()
    recording, own = read(asked.data / RECORDING)
    audio = soxr.resample(recording, own, RATE)
    sections = [ratios(audio[: round(CLIP_SECONDS * RATE)], asked.packages, asked.soundfont)]
    with tempfile.TemporaryDirectory() as folder:
        sections += [building(audio, Path(folder)), card(), growth(audio, asked.minutes, Path(folder))]
    remarks = [
        "Measured by `python -m bench.speed` in one run; nothing on this page is edited by hand.",
        f"- Machine: {machine()}\n- Versions: {versions()}\n- Written on {time.strftime('%Y-%m-%d')}",
    ]
    write_text(asked.output, page("Speed", remarks, sections))


if __name__ == "__main__":
    main()
