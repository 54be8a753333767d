"""A small classifier of instruments: mel -> logits. Transfers do not use it."""

import torch
from torch import Tensor, nn

from stylebox.core.config import MelConfig
from stylebox.core.models.blocks import ChannelNorm

OTHER = "other"
"""The class of all instruments without a class of their own."""

CLASSES = ("piano", "guitar", "harp", "violin", "flute", "cello", "clarinet", "trumpet", OTHER)
_CHANNELS = (16, 32, 48, 64)
_RANGE = 1.1  # units of mel below the maximum that are used: 50 dB; room and noise floor are further below
_PROJECTED = 96
_DROPOUT = 0.3


class Classifier(nn.Module):
    """Four strided convolutions, mean and standard deviation over the frames that sound, two linear layers.

    Args:
        mel: The mel it was trained with; audio must be resampled to its rate.
        num_classes: Number of logits.

    Shape:
        mel ``(B, M, T)`` in [-1, 1] -> logits ``(B, num_classes)``.
    """

    def __init__(self, mel: MelConfig, num_classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.mel = mel
        layers: list[nn.Module] = []
        for before, channels in zip((1, *_CHANNELS), _CHANNELS, strict=False):
            layers += [nn.Conv2d(before, channels, 3, stride=2, padding=1), ChannelNorm(channels), nn.SiLU()]
        self.stride = 2 ** len(_CHANNELS)
        self.convolutions = nn.Sequential(*layers)
        self.project = nn.Linear(_CHANNELS[-1] * (mel.n_mels // self.stride), _PROJECTED)
        self.decide = nn.Sequential(nn.SiLU(), nn.Dropout(_DROPOUT), nn.Linear(2 * _PROJECTED, num_classes))

    def forward(self, mel: Tensor) -> Tensor:
        """Classify."""
        level = torch.relu(mel - mel.amax((1, 2), keepdim=True) + _RANGE) / _RANGE
        h = self.convolutions(level[:, None])  # (B, C, M / stride, T / stride)
        h = self.project(h.flatten(1, 2).transpose(1, 2))
        sounding = nn.functional.adaptive_avg_pool1d(level.amax(1), h.shape[1])[..., None] + 1e-4
        share = sounding / sounding.sum(1, keepdim=True)
        mean = (share * h).sum(1)
        spread = ((share * (h - mean[:, None]).square()).sum(1) + 1e-6).sqrt()
        logits: Tensor = self.decide(torch.cat([mean, spread], 1))
        return logits
