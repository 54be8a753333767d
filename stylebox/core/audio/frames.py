"""Frames at two rates. Frame i of either lies at i / rate seconds, so centres that coincide keep their values."""

import torch
from torch import Tensor


def resample_frames(values: Tensor, from_rate: float, to_rate: float, num_frames: int, start: float = 0.0) -> Tensor:
    """Values at another frame rate, by linear interpolation between frame centres.

    Doubling a rate keeps every frame and puts the mean of two neighbours between them.

    Args:
        values: The last axis is time; its last frame is held beyond its end.
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
