"""The dynamics curve: the loudness of the music in each frame, computed from its mel."""

import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.mel import mel_to_power, power_to_mel
from stylebox.core.config import MelConfig

_SMOOTHING_SECONDS = 0.1


def dynamics(mel: Tensor, config: MelConfig) -> Tensor:
    """Power summed over bands and smoothed over 0.1 s, on the scale of a mel.

    Shape:
        ``(B, M, T)`` -> ``(B, T)`` in [-1, 1].
    """
    power = mel_to_power(mel, config).sum(1, keepdim=True)
    half = round(_SMOOTHING_SECONDS * config.frames_per_second / 2)
    smooth = F.avg_pool1d(F.pad(power, (half, half), mode="replicate"), 2 * half + 1, stride=1)
    return power_to_mel(smooth.squeeze(1) / 10.0, config)  # divided by 10: a note fills about ten bands
