"""Results of transfers without a model: tones and a few notes."""

from collections.abc import Sequence

import numpy as np

from stylebox.core.jobs.html import report_page
from stylebox.core.jobs.shown_sound import ShownSound, page_suffix, show
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.options import Settings
from stylebox.core.pipeline.result import TransferFacts

RATE = 44100


def tone(hz: float, seconds: float = 1.0, height: float = 0.5) -> np.ndarray:
    """A sine.

    Shape:
        ``(S,)``.
    """
    return (height * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


BEFORE, AFTER = tone(440, 1.5), tone(880)


def transferred(
    notes: int = 2, warnings: tuple[str, ...] = (), style: str = "harp", seconds: float = 1.0
) -> TransferFacts:
    """The facts of a result of so many notes, an octave lower than its input."""
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
    return TransferFacts(played, settings, "base", list(warnings), seconds)


def shown(audio: np.ndarray, suffix: str = "") -> ShownSound:
    """A sound for a picture or a page.

    Args:
        audio: At `RATE`.
        suffix: Of the file for a page.

    Shape:
        audio ``(S,)`` or ``(S, C)``.
    """
    blocks = audio.reshape(len(audio), -1)
    return show(lambda: [blocks], len(blocks), RATE, blocks.shape[1], suffix)


def page_of(results: Sequence[TransferFacts], sounds: Sequence[np.ndarray], source: str) -> str:
    """A page.

    Args:
        results: Its transfers.
        sounds: The input, then the outputs.
        source: Name of the input.

    Shape:
        Each sound is ``(S,)`` or ``(S, C)``.
    """
    suffix = page_suffix(sum(sound.size for sound in sounds), RATE)
    return report_page(results, [shown(sound, suffix) for sound in sounds], source)
