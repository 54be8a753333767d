"""The notes of a recording with their pitch bends, to keep as a MIDI file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from stylebox.core.audio.windows import windows
from stylebox.core.music.midi.write import Bend, write_midi
from stylebox.core.music.notes import LOWEST_KEY, Note
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.score import Score

_WINDOW_FRAMES = 4096  # read at once; bounds memory


@dataclass(frozen=True)
class Transcription:
    """What a model finds in a recording.

    Attributes:
        score: The music, in windows.
        bends: The pitch of each note over time.
        seconds: Length of the recording.
        warnings: What was left out of the recording.
    """

    score: Score
    bends: list[Bend]
    seconds: float
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, score: Score, frames_per_second: float, seconds: float) -> "Transcription":
        """The transcription of a recording's music.

        Args:
            score: The music.
            frames_per_second: Its frame rate.
            seconds: Length of the recording.
        """
        return cls(score, _bends(score, frames_per_second), seconds)

    @property
    def notes(self) -> list[Note]:
        """All notes in order of time, with the velocity and the tuning of each."""
        return self.score.notes

    @cached_property
    def content(self) -> Content:
        """The same music frame by frame, as a whole: 90 MB per minute of recording."""
        return self.score.window(0, self.score.num_frames)

    def save(self, path: Path | str, bends: bool = True) -> None:
        """Write a MIDI file, in place of what is there.

        Args:
            path: Its name.
            bends: Write pitch bends; notes that sound together are then on channels of their own.
        """
        plain = [note._replace(cents=0.0) for note in self.notes]
        write_midi(Path(path), plain, bends=self.bends if bends else None)


def _bends(score: Score, frames_per_second: float) -> list[Bend]:
    """The pitch of each note over time, from the bends of its key while it sounds."""
    first, last = _frames(score.notes, frames_per_second, score.num_frames)
    pieces: list[list[np.ndarray]] = [[] for _ in score.notes]
    for window in windows(score.num_frames, _WINDOW_FRAMES):
        sounding = np.flatnonzero((first < window.stop) & (last > window.start))
        cents = score.window(window.start, window.stop).cents.cpu().numpy() if len(sounding) else np.zeros((0, 0))
        for index in sounding:
            begin, end = (np.clip(edge[index], window.start, window.stop) - window.start for edge in (first, last))
            pieces[index].append(cents[score.notes[index].pitch - LOWEST_KEY, begin:end].copy())
    return [
        Bend(np.arange(start, stop) / frames_per_second, np.concatenate(own))
        for start, stop, own in zip(first, last, pieces, strict=True)
    ]


def _frames(notes: Sequence[Note], frames_per_second: float, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The first frame of each note and the one after its last, at least one apart."""
    times = np.array([note[:2] for note in notes]).reshape(-1, 2)
    edges = np.round(times * frames_per_second).astype(int)
    first = np.clip(edges[:, 0], 0, num_frames - 1)
    return first, np.clip(edges[:, 1], first + 1, num_frames)
