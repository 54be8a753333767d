"""A model of preset `tiny`, trained for a few steps on tones with known notes; takes seconds, once per test run."""

from pathlib import Path

import numpy as np
import soundfile

from stylebox.core.config import SAMPLE_RATE as SAMPLE_RATE
from stylebox.core.data.build import build
from stylebox.core.jobs.train import train
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note, key_hz
from stylebox.core.sources.sidecar import Sidecar, write_sidecar

STAGES = ("content", "vae", "ldm", "vocoder")
PARTIALS = {"reed": (1.0, 0.0, 0.7, 0.0, 0.5), "string": (1.0, 0.8, 0.6, 0.5, 0.4)}  # amplitudes, by timbre


def tones(notes: list[Note], seconds: float, partials: tuple[float, ...]) -> np.ndarray:
    """Notes as decaying sums of sines, ``(S,)``."""
    audio = np.zeros(round(seconds * SAMPLE_RATE))
    for note in notes:
        start, stop = (round(x * SAMPLE_RATE) for x in (note.start_seconds, note.end_seconds))
        t = np.arange(min(stop, len(audio)) - start) / SAMPLE_RATE
        hz = key_hz(note.pitch)
        tone = sum(height * np.sin(2 * np.pi * hz * (h + 1) * t) for h, height in enumerate(partials))
        audio[start : start + len(t)] += note.velocity * tone * np.exp(-1.5 * t) * np.minimum(1, (t[-1] - t) / 0.01)
    scaled: np.ndarray = 0.3 * audio / max(1.0, np.abs(audio).max())
    return scaled.astype(np.float32)


def melody(seed: int, seconds: float) -> list[Note]:
    """A note every half second."""
    rng = np.random.default_rng(seed)
    starts = np.arange(0.1, seconds - 0.5, 0.5)
    return [Note(float(s), float(s) + 0.45, int(rng.integers(55, 80)), 0.8) for s in starts]


def write_sources(folder: Path, pieces: int = 5, seconds: float = 3.0) -> None:
    """Every piece in every timbre, each with its notes and sidecar."""
    for number in range(pieces):
        notes = melody(number, seconds)
        for name, partials in PARTIALS.items():
            path = folder / name / f"piece{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tones(notes, seconds, partials), SAMPLE_RATE)
            write_midi(path.with_suffix(".mid"), notes)
            write_sidecar(path, Sidecar(title=f"{number} by {name}", score=f"s{number}", timbre=f"{name}/x/0"))


def train_tiny(folder: Path) -> None:
    """Make sources, a dataset and all four parts of a model called "tiny" in the current home."""
    write_sources(folder / "sources")
    build(folder / "sources", folder / "dataset", jobs=1)
    for stage in STAGES:
        train(stage, preset="tiny", dataset=folder / "dataset", device="cpu", name="tiny")
