"""Notes: as a list and as piano rolls. Knows nothing of audio and of files."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, overload

import numpy as np

LOWEST_KEY, NUM_KEYS = 21, 88  # MIDI number of the piano's lowest key (A0); keys on a piano
ONSET_FRAMES = 2  # that a roll marks as onset, from the note's first frame on
_ACTIVE = 0.5  # frame posterior from which on a key is active as a recording begins


@overload
def key_hz(pitch: float) -> float: ...
@overload
def key_hz(pitch: np.ndarray) -> np.ndarray: ...
def key_hz(pitch: float | np.ndarray) -> float | np.ndarray:
    """Frequency of MIDI numbers in Hz, A4 (69) being 440 Hz; parts of a semitone count.

    Shape:
        A number, or an array of any shape -> the same.

    >>> key_hz(57)
    220.0
    """
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


class Note(NamedTuple):
    """One note.

    Attributes:
        start_seconds: When it begins.
        end_seconds: When it ends, later.
        pitch: MIDI number of its key.
        velocity: How loud it is played, in (0, 1].
        cents: How far it sounds from its key on average, in [-50, 50].
    """

    start_seconds: float
    end_seconds: float
    pitch: int
    velocity: float = 0.7
    cents: float = 0.0


def transpose(notes: Iterable[Note], semitones: int) -> list[Note]:
    """The same notes, so many semitones higher."""
    return [note._replace(pitch=note.pitch + semitones) for note in notes]


def piano_roll(
    notes: Sequence[Note], num_frames: int, frames_per_second: float, first_frame: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw notes on the 88 keys.

    Args:
        notes: In any order; those beyond the 88 keys are left out.
        num_frames: Length of the rolls; notes that begin later are left out.
        frames_per_second: Frame i is at ``i / frames_per_second`` seconds.
        first_frame: That the rolls begin with, from 0.

    Returns:
        ``(frame, onset)``, float32 in {0, 1}.

    Shape:
        Both results are ``(T, N)``.
    """
    frame = np.zeros((num_frames, NUM_KEYS), np.float32)
    onset = np.zeros_like(frame)
    for note in notes:
        key = note.pitch - LOWEST_KEY
        start = round(note.start_seconds * frames_per_second)
        if 0 <= key < NUM_KEYS and 0 <= start < first_frame + num_frames:
            stop = max(start + 1, round(note.end_seconds * frames_per_second))
            for roll, last in ((frame, stop), (onset, start + ONSET_FRAMES)):
                roll[max(0, start - first_frame) : max(0, last - first_frame), key] = 1.0
    return frame, onset


def notes_from_posteriors(
    frame: np.ndarray,
    onset: np.ndarray,
    frames_per_second: float,
    onset_threshold: float = 0.5,
    frame_threshold: float = 0.3,
    min_frames: int = 3,
) -> list[Note]:
    """Notes from posteriors: a note begins at a peak of the onset and lasts while the frame posterior stays high.

    An onset is marked for `ONSET_FRAMES` frames, and its peak may be any of them. The note begins half of that before
    the centroid of the onset posterior about the peak, so that it may begin between two frames. A key already active
    in the first `min_frames` gets an onset at time 0; otherwise the note would be dropped.

    Args:
        frame: Posterior of each key to sound, in [0, 1].
        onset: Posterior of each key to begin, in [0, 1].
        frames_per_second: Frame i is at ``i / frames_per_second`` seconds.
        onset_threshold: Least height of a peak.
        frame_threshold: A note ends where its frame posterior falls below this.
        min_frames: Shorter notes are left out.

    Returns:
        Notes in order of time; velocity is the mean frame posterior over the note.

    Shape:
        ``frame`` and ``onset`` are ``(T, N)``.
    """
    found: list[Note] = []
    before, after = np.zeros_like(onset), np.zeros_like(onset)
    before[1:], after[:-1] = onset[:-1], onset[1:]
    peak = (onset >= onset_threshold) & (onset > before) & (onset >= after)
    active_at_start = (frame[:min_frames] >= _ACTIVE).all(0)
    peak[:1] |= active_at_start & ~peak[: ONSET_FRAMES + 1].any(0)
    for key in range(frame.shape[1]):
        starts = np.flatnonzero(peak[:, key])
        for start, limit in pairwise([*starts, len(frame)]):
            below = np.flatnonzero(frame[start + 1 : limit, key] < frame_threshold)
            stop = start + 1 + int(below[0]) if len(below) else int(limit)
            if stop - start >= min_frames:
                near = np.arange(max(0, start - 1), min(start + 2, len(onset)))
                middle = np.average(near, weights=onset[near, key] + 1e-6)
                begin = max(0.0, float(middle) - (ONSET_FRAMES - 1) / 2) / frames_per_second
                velocity = float(np.clip(frame[start:stop, key].mean(), 0.05, 1.0))
                if found and found[-1].pitch == key + LOWEST_KEY:  # a key is released before it is struck again
                    found[-1] = found[-1]._replace(end_seconds=min(found[-1].end_seconds, begin))
                found.append(Note(begin, float(stop / frames_per_second), key + LOWEST_KEY, velocity))
    return sorted(found)
