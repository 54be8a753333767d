"""The result of a transfer: the sound, its notes, and the settings it was made with."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stylebox.core.music.notes import Note
from stylebox.core.music.style_names import describe_move
from stylebox.core.pipeline.options import Settings


@dataclass(frozen=True)
class TransferResult:
    """A sound that a model made.

    Attributes:
        audio: Mono, float32; full scale is 1.
        sample_rate: Of the audio, in Hz.
        notes: Those found in the input, as played in the output (after any transposition).
        settings: What it was made with, the seed included.
        model: Name of the model.
        warnings: What a listener should know, a sentence per item.

    Shape:
        audio ``(S,)``.
    """

    audio: np.ndarray
    sample_rate: int
    notes: list[Note]
    settings: Settings
    model: str
    warnings: list[str] = field(default_factory=list)

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
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.audio) / self.sample_rate

    @property
    def moved(self) -> str | None:
        """A line that reports a move into the style's register; None without one, or if it was asked for."""
        if self.transpose == 0 or not self.settings.into_register:
            return None
        return describe_move(self.transpose, self.style)

    def save(self, path: Path | str) -> float:
        """Write the audio to a .wav, .flac, .ogg or .mp3 file, in place of what is there.

        Returns:
            By how many dB the sound was turned down so that it does not clip; 0 if it fitted.

        Raises:
            AudioError: the suffix is unknown, or the file cannot be written.
        """
        from stylebox.core.audio.io.write import write_audio

        return write_audio(path, self.audio, self.sample_rate)
