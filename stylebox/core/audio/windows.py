"""Long recordings in windows: each is computed with a margin on both sides that is thrown away, so no seam remains.

The result equals that of the whole at once for whatever looks no further than the margin. Knows nothing of what is
computed.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.device import windows_at_once

WINDOW_FRAMES = 2048  # of the mel: longer ones are no faster on a processor, and take more memory


class Window(NamedTuple):
    """A stretch ``first`` to ``last`` that is computed, and the part ``start`` to ``stop`` of it that is kept."""

    first: int
    last: int
    start: int
    stop: int

    @property
    def kept(self) -> slice:
        """The part that is kept, counted from the first cell that is computed."""
        return slice(self.start - self.first, self.stop - self.first)


def windows(length: int, size: int, margin: int = 0) -> Iterator[Window]:
    """Windows whose kept parts cover a length once, from its beginning to its end.

    Args:
        length: Of the whole.
        size: Of the part that is kept, at least 1; the last one may be shorter.
        margin: What is computed beyond it on either side, within the whole.

    >>> [tuple(window) for window in windows(5, 3, 1)]
    [(0, 4, 0, 3), (2, 5, 3, 5)]
    """
    for start in range(0, length, size):
        stop = min(start + size, length)
        yield Window(max(0, start - margin), min(length, start + size + margin), start, stop)


def in_windows(compute: Callable[[int, int], Tensor], length: int, size: int, margin: int) -> Tensor:
    """Compute something window by window along its last axis, in bounded memory.

    Args:
        compute: ``(first, last)`` to the result there, its last axis ``last - first`` long.
        length: Of the whole.
        size: Of the part of a window that is kept.
        margin: What is computed beyond it on either side.

    Shape:
        ``(..., length)``.
    """
    return torch.cat([compute(w.first, w.last)[..., w.kept] for w in windows(length, size, margin)], -1)


def in_mel_windows(
    compute: Callable[[int, int], Tensor],
    length: int,
    reach: int,
    *,
    align: int = 1,
    stride: int = 1,
    frames: int | None = None,
    device: str = "cpu",
) -> Tensor:
    """`in_windows` for networks on mels; what fits in one window with its margins is computed at once.

    A card computes several windows together: as one that is as long, which needs no margins between them.

    Args:
        compute: As for `in_windows`.
        length: Of the whole, in cells.
        reach: How many mel frames on either side the network looks; the margin is at least as long.
        align: Windows start at multiples of it, so that strided networks see the same grid as on the whole.
        stride: Mel frames per cell.
        frames: Mel frames of a window; `WINDOW_FRAMES` unless given.
        device: Type of the device that computes.

    Shape:
        ``(..., length)``.
    """
    size, margin = windows_at_once(device) * (frames or WINDOW_FRAMES) // stride, -(-reach // stride)
    if length <= size + 2 * margin:
        return compute(0, length)
    return in_windows(compute, length, -(-size // align) * align, -(-margin // align) * align)


def stretch(values: Tensor, first: int, last: int, fill: float = 0.0) -> Tensor:
    """Frames ``first`` to ``last`` of the last axis.

    Args:
        values: Any number of frames.
        first: In ``[0, T]``.
        last: May lie beyond the end.
        fill: Value of frames beyond the end.

    Shape:
        ``(..., T)`` -> ``(..., last - first)``.
    """
    here = values[..., first:last]
    return F.pad(here, (0, last - first - here.shape[-1]), value=fill)
