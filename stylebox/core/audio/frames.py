"""Conversion between frame rates. Frame i lies at i / rate seconds at either rate."""

import torch
from torch import Tensor


def resample_frames(values: Tensor, from_rate: float, to_rate: float, num_frames: int, start: float = 0.0) -> Tensor:
    """Values at another frame rate, by linear interpolation between frame centres.

    Doubling the rate keeps every frame and inserts the mean of two neighbours between them.

    Args:
        values: The last axis is time; beyond its end the last frame is repeated.
        from_rate: Frames per second of `values`.
        to_rate: Frames per second of the result.
        num_frames: Length of the result.
        start: Where the result begins, in frames of `values`.

    Shape:
        ``(..., T)`` -> ``(..., num_frames)``.
    """
    last = values.shape[-1] - 1
    step = torch.arange(num_frames, device=values.device, dtype=torch.float64)
    place = (start + step * (from_rate / to_rate)).clamp(max=last)
    below = place.floor().long()
    above = (below + 1).clamp(max=last)
    return torch.lerp(values[..., below], values[..., above], (place - below).to(values.dtype))
