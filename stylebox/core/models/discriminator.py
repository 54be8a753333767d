"""The adversary of the draft: is this mel a recording in this style? Needed in training only."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.config import StyleEncoderConfig

_LAYERS = ((32, 2), (64, 2), (96, 2), (128, 1))  # channels, stride
_LEAST = -0.75  # of a mel: lower values are inaudible and must not decide
_RISE_IN_TIME, _RISE_IN_FREQUENCY = 6.0, 3.0  # bring a mel's differences to about unit spread


class Discriminator(nn.Module):
    """Strided convolutions over a mel and its differences; the score of each place depends on the style.

    A draft and a recording differ in texture, not in level: with the mel alone the network hardly learns to separate
    them, with its differences in time and frequency it does quickly (docs/log.md).

    Shape:
        mel ``(B, M, T)``, vector ``(B, D)`` -> scores ``(B, M / 8 - 1, T / 8 - 1)`` and the inner maps.

    Reference:
        Isola et al. (2017), section 3.2.2, arXiv:1611.07004; Miyato & Koyama (2018), eq. 5, arXiv:1802.05637.
    """

    def __init__(self, style: StyleEncoderConfig) -> None:
        super().__init__()
        layers, before = [], 3
        for number, (channels, stride) in enumerate(_LAYERS):
            norm = nn.GroupNorm(8, channels) if number else nn.Identity()
            layers.append(nn.Sequential(nn.Conv2d(before, channels, 4, stride, padding=1), norm, nn.LeakyReLU(0.2)))
            before = channels
        self.layers = nn.ModuleList(layers)
        self.verdict = nn.Conv2d(before, 1, 1)
        self.of_style = nn.Linear(style.vector_dim, before)

    def forward(self, mel: Tensor, vector: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Score the mel."""
        audible = mel.clamp(_LEAST, 1.0)
        in_time = F.pad(audible.diff(dim=2), (0, 1)) * _RISE_IN_TIME
        in_frequency = F.pad(audible.diff(dim=1), (0, 0, 0, 1)) * _RISE_IN_FREQUENCY
        h = torch.stack([audible, in_time, in_frequency], 1)
        maps = []
        for layer in self.layers:
            h = layer(h)
            maps.append(h)
        alike = torch.einsum("bchw,bc->bhw", h, self.of_style(F.normalize(vector, dim=1))) / h.shape[1] ** 0.5
        return self.verdict(h)[:, 0] + alike, maps
