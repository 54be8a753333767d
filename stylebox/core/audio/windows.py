"""Long recordings in stretches: each done with a margin that is thrown away, so that the seams are not there.

Knows nothing of what is done. It equals doing the whole at once for whatever looks no further than the margin.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW_FRAMES, MARGIN_FRAMES = 2048, 128  # of the mel; the margin is what the deepest network looks at


def in_windows(look: Callable[[int, int], Tensor], length: int, align: int, stride: int = 1) -> Tensor:
    """Something done a stretch at a time along its last axis.

    Args:
        look: ``(first, last)`` to the result there, its last axis ``last - first`` long.
        length: Of the whole, in cells.
        align: Stretches start at multiples of it, so that strided networks see the grid they would see whole.
        stride: Mel frames to one cell.
    """
    window, margin = WINDOW_FRAMES // stride, MARGIN_FRAMES // stride
    if length <= window + 2 * margin:
        return look(0, length)
    window, margin = -(-window // align) * align, -(-margin // align) * align
    pieces = []
    for start in range(0, length, window):
        first, last = max(0, start - margin), min(length, start + window + margin)
        stop = min(start + window, length)
        pieces.append(look(first, last)[..., start - first : stop - first])
    return torch.cat(pieces, -1)


def stretch(values: Tensor, first: int, last: int, fill: float = 0.0) -> Tensor:
    """Frames ``first`` to ``last`` of the last axis, filled past its end."""
    here = values[..., first:last]
    return F.pad(here, (0, last - first - here.shape[-1]), value=fill)
