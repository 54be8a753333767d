"""What is to be played, in windows: the content of a recording, or of a part of it at a time."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from stylebox.core.audio.frames import resample_frames
from stylebox.core.audio.windows import windows
from stylebox.core.music.expression import GAIN_SHARE, with_expression
from stylebox.core.music.notes import NUM_KEYS, ONSET_FRAMES, Note, notes_from_posteriors, piano_roll, transpose
from stylebox.core.pipeline.content import Content, notes_within
from stylebox.core.pipeline.work import Track

_KEYS_AT_ONCE = 8  # that notes are searched in: bounds memory
_ROWS_AT_ONCE = 1 << 15


class Score(Protocol):
    """Content that is made window by window."""

    @property
    def num_frames(self) -> int:
        """Number of frames, at the frame rate of the mel."""

    @property
    def notes(self) -> list[Note]:
        """All notes, in seconds from the beginning."""

    def window(self, first: int, last: int) -> Content:
        """The content of some frames; its notes are those that sound there, in seconds from the first frame.

        Args:
            first: The first frame.
            last: The frame after the last.
        """


@dataclass(frozen=True)
class NoteScore:
    """A score that is known by its notes alone.

    Attributes:
        notes: All of them.
        num_frames: Number of frames.
        frames_per_second: Their rate.
        device: Of the content's tensors.
    """

    notes: list[Note]
    num_frames: int
    frames_per_second: float
    device: torch.device

    def window(self, first: int, last: int) -> Content:
        """The content of some frames.

        Args:
            first: The first frame.
            last: The frame after the last.
        """
        rate = self.frames_per_second
        begin, end = (first - ONSET_FRAMES) / rate, (last + 1) / rate
        near = [note for note in self.notes if note.start_seconds < end and note.end_seconds > begin]
        return Content.of_notes(near, last - first, rate, self.device, first)


class KeyTracks(NamedTuple):
    """What is measured of each key, in half precision and at the encoder's frame rate.

    Attributes:
        frame: Probability that the key sounds.
        onset: Probability that the key begins.
        cents: Distance of the key's note from the key.
        levels: Root mean square of the key's note.

    Shape:
        All are ``(T', N)``.
    """

    frame: Track
    onset: Track
    cents: Track
    levels: Track


@dataclass(frozen=True)
class Transcript:
    """The content of a recording as it was transcribed.

    Attributes:
        tracks: Of the keys.
        dynamics: Loudness curve, at the frame rate of the mel.
        notes: All notes.
        encoder_rate: Frames per second of `tracks`.
        mel_rate: Frames per second of `dynamics` and of the content.
        device: Of the content's tensors.

    Shape:
        dynamics ``(T,)``.
    """

    tracks: KeyTracks
    dynamics: Track
    notes: list[Note]
    encoder_rate: float
    mel_rate: float
    device: torch.device

    @property
    def num_frames(self) -> int:
        """Number of frames of the mel."""
        return len(self.dynamics)

    def window(self, first: int, last: int) -> Content:
        """The content of some frames.

        Args:
            first: The first frame.
            last: The frame after the last.
        """
        step, count = self.encoder_rate / self.mel_rate, last - first
        begin = int(first * step)
        rows = [track.read(begin, int((last - 1) * step) + 2).T for track in (self.tracks.frame, self.tracks.cents)]
        frame, cents = (
            resample_frames(
                torch.from_numpy(part.astype(np.float32)).to(self.device),
                self.encoder_rate,
                self.mel_rate,
                count,
                first * step - begin,
            )
            for part in rows
        )
        notes = notes_within(self.notes, first / self.mel_rate, last / self.mel_rate)
        onset = torch.from_numpy(piano_roll(notes, count, self.mel_rate)[1].T).to(frame)
        dynamics = torch.from_numpy(self.dynamics.read(first, last).copy()).to(self.device)
        return Content(frame, onset, dynamics, cents, notes)


def notes_of_tracks(tracks: KeyTracks, frames_per_second: float, gain_db: float) -> list[Note]:
    """The notes of a whole recording with their velocities and tuning, found in a few keys at a time.

    Args:
        tracks: Of the recording at the common loudness.
        frames_per_second: Of them.
        gain_db: The gain that brought the recording to that loudness.
    """
    found: list[Note] = []
    for key in range(0, NUM_KEYS, _KEYS_AT_ONCE):
        frame, onset, cents, levels = (_columns(track, key, key + _KEYS_AT_ONCE) for track in tracks)
        notes = notes_from_posteriors(frame, onset, frames_per_second)
        played = with_expression(notes, cents.T, levels.T, frames_per_second, -GAIN_SHARE * gain_db)
        found += transpose(played, key)
    return sorted(found)


def _columns(track: Track, first: int, last: int) -> np.ndarray:
    """Some columns of a track, float32."""
    spans = windows(len(track), _ROWS_AT_ONCE)
    return np.concatenate([track.read(w.start, w.stop)[:, first:last].astype(np.float32) for w in spans])
