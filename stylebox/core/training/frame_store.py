"""Frames of many recordings, read as batches of sections: from the device's memory where all fit, else from disk.

A section is fetched in two steps. `fetch` runs ahead of time, in the background: it gives the place of each section
if the frames are on the device, otherwise the frames themselves. `rows` runs on the device and gives the frames either
way. Knows bytes, not what they mean.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from stylebox.core.data.manifest import Recording

ReadRows = Callable[[Recording, int, int], np.ndarray]  # recording, first frame, stop frame -> (frames, width), uint8
RESIDENT_SHARE = 0.25  # of the free memory of a GPU, the most that one store takes


class FrameStore:
    """Sections of recordings, ``(T, W)`` uint8 each; before and past a recording all bytes are 0.

    Args:
        recordings: Read from their `start_frame` to their `stop_frame`.
        width: Bytes per frame.
        read: Reads a section of one recording.
    """

    def __init__(self, recordings: Sequence[Recording], width: int, read: ReadRows) -> None:
        self.recordings, self.width, self.read = tuple(recordings), width, read
        self._start = np.array([r.start_frame for r in self.recordings])
        self._stop = np.array([r.stop_frame for r in self.recordings])
        self._first = np.cumsum(self._stop - self._start) - self._stop  # where frame 0 of a recording would be
        self._resident: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Size of all frames."""
        return int((self._stop - self._start).sum()) * self.width

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy all frames to the device, if they fit.

        Args:
            device: Where batches are used.
            limit: Most bytes to take there; None: `RESIDENT_SHARE` of the free memory of a CUDA device, and nothing on
                others, whose memory is the one that the operating system's cache of the files uses.
        """
        if limit is None:
            limit = int(RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else 0
        if self.nbytes > limit:
            return
        rows = torch.zeros(self.nbytes // self.width + 1, self.width, dtype=torch.uint8)  # the last one: all 0
        table = rows.numpy()
        for recording, row in zip(self.recordings, self._first + self._start, strict=True):
            count = recording.used_frames
            table[row : row + count] = self.read(recording, recording.start_frame, recording.stop_frame)
        self._resident = rows.to(device)

    def fetch(self, which: np.ndarray, start: np.ndarray, num_frames: int) -> Tensor:
        """What `rows` needs for a batch of sections, on the CPU.

        Args:
            which: Recordings, as positions.
            start: First frame of each section; may lie before the recording.
            num_frames: Length of all sections.

        Shape:
            `which` and `start` are ``(B,)``. The result is ``(B, num_frames, W)``, or ``(B, 3)``: the row of the
            first frame, and the first frame and the one behind the last that lie in the recording.
        """
        first, last = np.maximum(self._start[which] - start, 0), np.minimum(self._stop[which] - start, num_frames)
        if self._resident is not None:
            return torch.from_numpy(np.stack([self._first[which] + start, first, last], axis=1))
        rows = torch.zeros(len(which), num_frames, self.width, dtype=torch.uint8)
        for section, number, zero, begin, end in zip(rows.numpy(), which, start, first, last, strict=True):
            if begin < end:
                section[begin:end] = self.read(self.recordings[number], int(zero + begin), int(zero + end))
        return rows

    def rows(self, fetched: Tensor, num_frames: int) -> Tensor:
        """The sections that `fetch` prepared, on the device.

        Args:
            fetched: The result of `fetch`, moved to the device.
            num_frames: As for `fetch`.

        Shape:
            The result is ``(B, num_frames, W)``, uint8.
        """
        if self._resident is None:
            return fetched
        step = torch.arange(num_frames, device=fetched.device)
        row, first, last = fetched.T[:, :, None]
        inside = (step >= first) & (step < last)
        return self._resident[torch.where(inside, row + step, len(self._resident) - 1)]
