"""A small classifier of what a recording sounds like: mel -> logits. It plays no part in transfers."""

import torch
from torch import Tensor, nn

from stylebox.core.config import MelConfig
from stylebox.core.models.blocks import ChannelNorm

OTHER = "other"
"""The class of every instrument that has none of its own."""

CLASSES = ("piano", "guitar", "harp", "violin", "flute", "cello", "clarinet", "trumpet", OTHER)
_CHANNELS = (16, 32, 48, 64)
_RANGE = 1.1  # of mel below its loudest place that is looked at: 50 dB; rooms and noise floors lie below
_PROJECTED = 96
_DROPOUT = 0.3


class Classifier(nn.Module):
    """Four strided convolutions, mean and spread over the frames that sound, two layers.

    Args:
        mel: The mel it was taught with; audio must be brought to its rate.

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
        seen = torch.relu(mel - mel.amax((1, 2), keepdim=True) + _RANGE) / _RANGE
        h = self.convolutions(seen[:, None])  # (B, C, M / stride, T / stride)
        h = self.project(h.flatten(1, 2).transpose(1, 2))
        sounding = nn.functional.adaptive_avg_pool1d(seen.amax(1), h.shape[1])[..., None] + 1e-4
        share = sounding / sounding.sum(1, keepdim=True)
        mean = (share * h).sum(1)
        spread = ((share * (h - mean[:, None]).square()).sum(1) + 1e-6).sqrt()
        logits: Tensor = self.decide(torch.cat([mean, spread], 1))
        return logits
