"""Computing time of the paper's system and of ours, from mel to sound and as a whole, on one core."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import librosa
import numpy as np
import torch

from bench.basic_pitch_baseline import BasicPitchBaseline
from bench.page import Section, Table
from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import mel_to_power
from stylebox.core.config import load_preset
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.paper.model import PaperModel
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, StyleEncoder
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.vocode import vocode
from stylebox.core.store import library

ROUNDS = 3
PAPER_CALLS, PAPER_ITERATIONS = 250, 32


@torch.no_grad()
def speed(
    pipeline: BasePipeline, model: str, baseline: BasicPitchBaseline, audio: np.ndarray, style: str, clip: np.ndarray
) -> Section:
    """Seconds for one recording, the least of several rounds, and the speed relative to the paper's system.

    Args:
        pipeline: Ours.
        model: Its name.
        baseline: Transcriber and SoundFont.
        audio: The recording, ``(S,)``.
        style: Name of a style.
        clip: Sound for the spectral envelope, ``(S,)``.
    """
    config, keys = pipeline.mel_config, pipeline.transcribe(audio).frame
    mel = pipeline.mel_transform(torch.from_numpy(normalise_loudness(audio, config.sample_rate)[0]))
    preset = load_preset("paper")
    torch.manual_seed(0)
    networks = (PaperAutoencoder().eval(), StyleEncoder().eval(), PaperUNet().eval())
    report = PaperModel(*networks, preset.paper, preset.mel, {})
    vocoder = library.load_vocoder(model, config)
    steps = pipeline.preset.diffusion.steps

    def librosas(drawn: torch.Tensor) -> np.ndarray:
        return librosa.feature.inverse.mel_to_audio(
            mel_to_power(drawn, config).numpy(),
            sr=config.sample_rate,
            n_fft=config.n_fft,
            hop_length=config.hop_length,
            n_iter=PAPER_ITERATIONS,
        )

    def ours(steps: int, vocoder: str = "auto") -> Callable[[], object]:
        return lambda: pipeline.transfer(audio, TransferOptions(style, seed=0, steps=steps, vocoder=vocoder))

    sounding = {
        f"librosa `mel_to_audio`, {PAPER_ITERATIONS} iterations": lambda: librosas(mel),
        "ours, `griffin-lim`": lambda: griffin_lim(mel, config, len(audio)),
        "ours, `neural`": lambda: vocode(vocoder, mel, keys, len(audio)),
        "ours, `harmonic`": lambda: harmonic_inversion(mel, keys, config, len(audio)),
    }
    whole = {
        f"the paper: {PAPER_CALLS} network calls, `mel_to_audio`": lambda: librosas(
            transfer_mel(report, mel, mel, steps=PAPER_CALLS)
        ),
        f"ours, diffusion ({steps} calls)": ours(steps=steps),
        "ours, draft": ours(steps=0),
        "ours, draft, `harmonic`": ours(steps=0, vocoder="harmonic"),
        "transcriber + SoundFont": lambda: baseline.run(audio, style),
        "spectral envelope": lambda: cross_synthesis(audio, clip, config.sample_rate),
    }
    with one_core():
        tables = [_timed(title, rows) for title, rows in (("mel to sound", sounding), ("sound to sound", whole))]
    explanation = (
        f"{len(audio) / config.sample_rate:.1f} s of sound, one core, one thread, the least of {ROUNDS} rounds after "
        "one round that does not count. Networks and SoundFont are loaded before, except our vocoder in `sound to "
        "sound`, which each transfer loads. Ratios are to the first row. The paper's networks are preset `paper`'s, "
        "untrained: their time does not depend on training."
    )
    return Section("Speed", [explanation, *tables])


def _timed(title: str, rows: dict[str, Callable[[], object]]) -> Table:
    seconds = {}
    for name, work in rows.items():
        work()
        taken = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
        seconds[name] = min(taken)
    first = next(iter(seconds.values()))
    return Table([title, "seconds", "times as fast"], [[n, f"{s:.3f}", f"{first / s:.1f}"] for n, s in seconds.items()])


@contextmanager
def one_core() -> Iterator[None]:
    """Run this process on one core, where the system allows it; some libraries use all cores otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    try:
        if before:
            os.sched_setaffinity(0, {max(before)})
        yield
    finally:
        torch.set_num_threads(threads)
        if before:
            os.sched_setaffinity(0, before)
