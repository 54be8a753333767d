"""The content of a recording: which notes sound when, how loud, and how far they are from their keys.

It holds nothing of the instrument that played them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylebox.core.models.content_encoder import shift_keys
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note, piano_roll, transpose

_DECAY_PER_SECOND = 0.3  # log10 of power that a held note loses per second
_CURVE_OFFSET, _CURVE_SLOPE = 0.35, 0.22  # from log10 of summed power to the dynamics curve


@dataclass(frozen=True)
class Content:
    """What is to be played, frame by frame and as a list of notes.

    Attributes:
        frame: Probability that each key sounds, in [0, 1].
        onset: Marks of note onsets, in [0, 1].
        dynamics: Loudness curve in the range of a mel, [-1, 1].
        cents: Distance of each key's note from the key, in cents; 0 where the key does not sound.
        notes: The same music as notes, times in seconds.

    Shape:
        frame, onset and cents ``(N, T)``, dynamics ``(T,)``.
    """

    frame: Tensor
    onset: Tensor
    dynamics: Tensor
    cents: Tensor
    notes: list[Note]

    @property
    def posteriors(self) -> Tensor:
        """Frame and onset as the networks take them.

        Shape:
            ``(2, N, T)``.
        """
        return torch.stack([self.frame, self.onset])

    def transposed(self, semitones: int) -> "Content":
        """The content moved along the keys; notes that leave the keyboard are dropped.

        Args:
            semitones: Upwards if positive.
        """
        return Content(
            frame=shift_keys(self.frame, semitones),
            onset=shift_keys(self.onset, semitones),
            dynamics=self.dynamics,
            cents=shift_keys(self.cents, semitones),
            notes=[note for note in transpose(self.notes, semitones) if 0 <= note.pitch - LOWEST_KEY < NUM_KEYS],
        )

    def part(self, first: int, last: int, frames_per_second: float) -> "Content":
        """Some frames of the content; its notes are those that sound there, in seconds from the first frame.

        Args:
            first: The first frame.
            last: The frame after the last.
            frames_per_second: Frame rate of the content.
        """
        return Content(
            frame=self.frame[:, first:last],
            onset=self.onset[:, first:last],
            dynamics=self.dynamics[first:last],
            cents=self.cents[:, first:last],
            notes=notes_within(self.notes, first / frames_per_second, last / frames_per_second),
        )

    @classmethod
    def of_notes(
        cls,
        notes: Sequence[Note],
        num_frames: int,
        frames_per_second: float,
        device: torch.device | str = "cpu",
        first_frame: int = 0,
    ) -> "Content":
        """Content of a score: what a transcriber would find in a clean recording of it.

        The dynamics curve follows the velocities of the sounding notes, which decay by 3 dB per second.

        Args:
            notes: Times in seconds, velocities in (0, 1].
            num_frames: Length of the result, T.
            frames_per_second: Frame rate of the result.
            device: Where the tensors go.
            first_frame: Of the score that the result begins with; its notes are in seconds from there.
        """
        score, last_frame = list(notes), first_frame + num_frames
        frame, onset = (
            torch.from_numpy(roll.T.copy()).to(device)
            for roll in piano_roll(score, num_frames, frames_per_second, first_frame)
        )
        power = np.zeros(num_frames)
        for note in score:
            begin = round(note.start_seconds * frames_per_second)
            stop = min(max(1, round(note.end_seconds * frames_per_second)), last_frame)
            start = max(begin, first_frame)
            age = np.arange(start - begin, max(start, stop) - begin) / frames_per_second
            power[start - first_frame :][: len(age)] += (note.velocity**2) * 10.0 ** (-_DECAY_PER_SECOND * age)
        level = _CURVE_OFFSET + _CURVE_SLOPE * np.log10(np.maximum(power, 1e-6))
        curve = np.where(power > 0, np.clip(level, -1, 1), -1.0).astype(np.float32)
        own = notes_within(score, first_frame / frames_per_second, last_frame / frames_per_second)
        return cls(frame, onset, torch.from_numpy(curve).to(device), torch.zeros_like(frame), own)


def notes_within(notes: Sequence[Note], start_seconds: float, end_seconds: float) -> list[Note]:
    """The notes that sound in a stretch of time, in seconds from its beginning; one may have begun before it.

    Args:
        notes: In seconds.
        start_seconds: Where the stretch begins.
        end_seconds: Where it ends.
    """
    return [
        note._replace(start_seconds=note.start_seconds - start_seconds, end_seconds=note.end_seconds - start_seconds)
        for note in notes
        if note.start_seconds < end_seconds and note.end_seconds > start_seconds
    ]
