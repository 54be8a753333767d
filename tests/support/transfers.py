"""Results of transfers without a model: tones and a few notes."""

import numpy as np

from stylebox.core.music.notes import Note
from stylebox.core.pipeline.options import Settings
from stylebox.core.pipeline.result import TransferResult

RATE = 44100


def tone(hz: float, seconds: float = 1.0, height: float = 0.5) -> np.ndarray:
    """A sine.

    Shape:
        ``(S,)``.
    """
    return (height * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


BEFORE = tone(440, 1.5)


def transferred(
    notes: int = 2, warnings: tuple[str, ...] = (), style: str = "harp", seconds: float = 1.0
) -> TransferResult:
    """A result of so many notes, an octave lower than its input."""
    played = [Note(0.25 * i, 0.25 * i + 0.2, 60 + i % 24) for i in range(notes)]
    settings = Settings(
        style=style,
        seed=42,
        transpose=-12,
        into_register=False,
        steps=12,
        guidance=1.3,
        strength=0.5,
        vocoder="neural",
        follow=1.0,
        bend=0.5,
        vibrato=1.0,
    )
    return TransferResult(tone(880, seconds), RATE, played, settings, "base", list(warnings))
