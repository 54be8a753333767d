"""The style encoder: any clip -> its timbre, as tokens and one vector. It must not know the notes."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.config import StyleEncoderConfig

CLIP_SECONDS = 4.458  # length of its clips, in training and in use


class StyleEncoder(nn.Module):
    """Strided convolutions, then pooling over time and frequency by learned queries.

    Token k has the same meaning for every clip, so tokens of several clips can be averaged: a named style and a blend
    are such averages. `null_tokens` and `null_vector` stand for "no style" in classifier-free guidance.

    Shape:
        mel ``(B, M, T)`` -> tokens ``(B, K, D)``, vector ``(B, D')``.
    """

    def __init__(self, config: StyleEncoderConfig) -> None:
        super().__init__()
        widths = (1, *config.channels)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.SiLU()]
        self.convolutions = nn.Sequential(*layers)
        width = config.channels[-1]
        self.queries = _drawn((config.num_tokens, width), width**-0.5)
        self.key_value = nn.Linear(width, 2 * width)
        self.tokens = nn.Linear(width, config.token_dim)
        self.vector = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, config.vector_dim))
        self.null_tokens = _drawn((config.num_tokens, config.token_dim), 0.02)
        self.null_vector = _drawn((config.vector_dim,), 0.02)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a clip."""
        places = self.convolutions(mel[:, None]).mean(3).transpose(1, 2)  # mean over time: timbre depends on frequency
        key, value = self.key_value(places).chunk(2, 2)
        queries = self.queries.expand(len(mel), -1, -1)
        tokens = self.tokens(F.scaled_dot_product_attention(queries, key, value))
        statistics = torch.cat([places.mean(1), places.amax(1)], 1)
        return tokens, self.vector(statistics)


def _drawn(shape: tuple[int, ...], std: float) -> nn.Parameter:
    """A parameter of random numbers, drawn by `nn.init` like those of PyTorch's modules."""
    parameter = nn.Parameter(torch.empty(shape))
    nn.init.normal_(parameter, std=std)
    return parameter
