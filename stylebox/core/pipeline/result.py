"""The result of a transfer: the sound, its notes, and the settings it was made with."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stylebox.core.audio.io.tags import Tags
from stylebox.core.file_names import readable
from stylebox.core.music.notes import Note
from stylebox.core.music.style_names import describe_move
from stylebox.core.pipeline.options import Settings


class _Made:
    """What the settings of a result tell."""

    settings: Settings

    @property
    def style(self) -> str:
        """The style that was asked for."""
        return self.settings.style

    @property
    def seed(self) -> int:
        """The seed of all noise; the same seed gives the same samples."""
        return self.settings.seed

    @property
    def transpose(self) -> int:
        """Semitones from the input to the output."""
        return self.settings.transpose

    @property
    def moved(self) -> str | None:
        """A line that reports a move into the style's register; None without one, or if it was asked for."""
        if self.transpose == 0 or not self.settings.into_register:
            return None
        return describe_move(self.transpose, self.style)


@dataclass(frozen=True)
class TransferFacts(_Made):
    """All of a result but its samples.

    Attributes:
        notes: Those found in the input, as played in the output (after any transposition).
        settings: What it was made with, the seed included.
        model: Name of the model.
        warnings: What a listener should know, a sentence per item.
        seconds: Length of the sound.
    """

    notes: list[Note]
    settings: Settings
    model: str
    warnings: list[str]
    seconds: float


@dataclass(frozen=True)
class TransferResult(_Made):
    """A sound that a model made.

    Attributes:
        audio: float32; full scale is 1.
        sample_rate: Of the audio, in Hz.
        notes: Those found in the input, as played in the output (after any transposition).
        settings: What it was made with, the seed included.
        model: Name of the model.
        warnings: What a listener should know, a sentence per item.
        tags: Title and so on, for a file of it.

    Shape:
        audio ``(S,)`` if it is mono, otherwise ``(S, C)``.
    """

    audio: np.ndarray
    sample_rate: int
    notes: list[Note]
    settings: Settings
    model: str
    warnings: list[str] = field(default_factory=list)
    tags: Tags = field(default_factory=Tags)

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.audio) / self.sample_rate

    def save(self, path: Path | str, bits: int = 16) -> float:
        """Write the audio to a .wav, .flac, .ogg, .mp3, .m4a or .opus file, in place of what is there.

        Args:
            path: The file; its suffix is the format.
            bits: Per sample: 16; 24 for WAV and FLAC; 32 for WAV, which is float.

        Returns:
            By how many dB the sound was turned down so that it does not clip; 0 if it fitted.

        Raises:
            AudioError: the format is unknown or cannot hold the sound, or the file cannot be written.
        """
        from stylebox.core.audio.io.write import write_audio

        return write_audio(path, self.audio, self.sample_rate, bits, self.tags)


def styled_tags(tags: Tags, style: str, seed: int) -> Tags:
    """The tags of a recording for its transfer: the comment names the style and the seed.

    Args:
        tags: Of the recording.
        style: Of the transfer.
        seed: Of the transfer.
    """
    made = f"stylebox: {readable(style)}, seed {seed}"
    return replace(tags, comment=f"{tags.comment}; {made}" if tags.comment else made)
