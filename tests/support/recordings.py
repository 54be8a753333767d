"""Short recordings: notes with decaying partials, written below a sources folder."""

from pathlib import Path

import numpy as np
import soundfile

from stylebox.core.config import SAMPLE_RATE as SAMPLE_RATE
from stylebox.core.sources.sidecar import Sidecar, write_sidecar


def melody(seconds: float, seed: int, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Two notes a second, different for each seed; float32 in (-1, 1)."""
    generator = np.random.default_rng(seed)
    note_samples = sample_rate // 2
    t = np.arange(note_samples) / sample_rate
    notes = []
    for _ in range(int(np.ceil(seconds * 2))):
        hz = 220 * 2 ** (generator.integers(0, 24) / 12)
        notes.append(sum(np.sin(2 * np.pi * hz * h * t) / h for h in range(1, 5)) * np.exp(-4 * t) * 0.2)
    return np.concatenate(notes)[: round(seconds * sample_rate)].astype(np.float32)


def write_recording(
    sources: Path, name: str, seconds: float = 2.0, seed: int | None = None, sidecar: Sidecar | None = None
) -> Path:
    """Write ``sources/<name>``, such as ``piano/one.wav``; the name decides the notes unless a seed is given."""
    path = sources / name
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = melody(seconds, sum(name.encode()) if seed is None else seed)
    soundfile.write(path, audio, SAMPLE_RATE)
    if sidecar is not None:
        write_sidecar(path, sidecar)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by relative path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
