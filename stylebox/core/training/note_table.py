"""The exact notes of many recordings in one table, and the piano rolls of crops drawn from it. Knows no audio."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, ONSET_FRAMES

_SPACING_SECONDS = 1e6  # between the beginnings of two recordings on one common axis; longer than any recording


class NoteTable:
    """Notes of recordings, found by time without a loop over crops.

    Args:
        dataset: Holds the recordings.
        recordings: Those without known notes have none.
    """

    def __init__(self, dataset: Dataset, recordings: Sequence[Recording]) -> None:
        none = np.zeros((0, 4), np.float32)
        own = [none if (known := dataset.notes(recording)) is None else known for recording in recordings]
        table = np.concatenate([none, *own]).astype(np.float64)
        base = _SPACING_SECONDS * np.repeat(np.arange(len(own)), [len(notes) for notes in own])
        order = np.argsort(base + table[:, 0], kind="stable")
        base, (self._start, self._end, pitch, _) = base[order], table[order].T
        self._key = pitch.astype(np.int64) - LOWEST_KEY
        self._starts = base + self._start
        self._latest_end = np.maximum.accumulate(base + self._end)  # of all notes so far

    def fetch(
        self, which: np.ndarray, begin: np.ndarray, speed: np.ndarray, num_frames: int, frames_per_second: float
    ) -> Tensor:
        """What `rolls` needs for a batch of crops, on the CPU: the notes that sound in each.

        Args:
            which: Recordings, as positions.
            begin: Second of the recording at which each crop begins.
            speed: Factor by which each crop is played faster.
            num_frames: Length of a crop.
            frames_per_second: Of the rolls.

        Shape:
            ``which``, ``begin`` and ``speed`` are ``(B,)``. The result is ``(B, K, 4)``, int32: key, first frame, frame
            behind the last, and frame behind the onset; the rows of crops with fewer than K notes are filled with notes
            of no length.
        """
        seconds = (num_frames - 1) / frames_per_second * speed
        place = _SPACING_SECONDS * which + begin
        first = np.searchsorted(self._latest_end, place, "right")
        last = np.maximum(first, np.searchsorted(self._starts, place + seconds, "left"))
        index = first[:, None] + np.arange(max(1, int((last - first).max(initial=0))))
        there = index < last[:, None]
        index = np.where(there, index, 0) if len(self._start) else np.zeros((len(which), 0), np.int64)
        there = there[:, : index.shape[1]]
        start, end = ((x[index] - begin[:, None]) / speed[:, None] for x in (self._start, self._end))
        key = self._key[index]
        from_frame = np.rint(np.maximum(start, 0.0) * frames_per_second).astype(np.int32)
        to_frame = np.maximum(from_frame + 1, np.rint(end * frames_per_second).astype(np.int32)).clip(0, num_frames)
        begun = start >= -0.5 / frames_per_second  # a note that began before the crop has no onset
        there &= (end > 0) & (key >= 0) & (key < NUM_KEYS) & (from_frame < num_frames)
        onset_end = np.where(begun, from_frame + ONSET_FRAMES, from_frame).clip(0, num_frames)
        notes = np.stack([key, from_frame, to_frame, onset_end], axis=2)
        return torch.from_numpy(np.where(there[:, :, None], notes, 0).astype(np.int32))


def rolls(notes: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """The piano rolls of crops: where keys sound, and where they begin.

    Args:
        notes: See `NoteTable.fetch`, moved to the device.
        num_frames: Length of the crops.

    Shape:
        ``(B, K, 4)`` -> two of ``(B, N, num_frames)``, float32 in {0, 1}.
    """
    key, first, stop, onset_stop = notes.long().unbind(2)
    return _drawn(key, first, stop, num_frames), _drawn(key, first, onset_stop, num_frames)


def _drawn(key: Tensor, first: Tensor, stop: Tensor, num_frames: int) -> Tensor:
    """1 from the first frame to before the stop: the sum of a step up and a step down at each end."""
    steps = torch.zeros(len(key), NUM_KEYS * (num_frames + 1), device=key.device)
    row = key * (num_frames + 1)
    one = torch.ones_like(key, dtype=steps.dtype)
    steps.scatter_add_(1, row + first, one).scatter_add_(1, row + stop, -one)
    number: Tensor = steps.unflatten(1, (NUM_KEYS, -1)).cumsum(2)
    return (number[:, :, :num_frames] > 0).float()
