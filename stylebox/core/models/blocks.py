"""The blocks every network here is built of: conditioned residual blocks, style attention, a 2-D U-Net.

They know shapes and nothing else: not what a mel is, not what is predicted.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each place by itself.

    Statistics over time would make a frame depend on how long the piece is; this way a recording done in windows
    equals one done whole.

    Shape:
        ``(B, C, H, W)`` -> the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, scaled and shifted by a condition.

    Shape:
        ``(B, C, H, W)`` and condition ``(B, D)`` -> ``(B, C, H, W)``.
    """

    def __init__(self, channels: int, condition_dim: int = 0) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(condition_dim, 2 * channels) if condition_dim else None
        nn.init.zeros_(self.second.weight)
        if self.film is not None:
            nn.init.normal_(self.film.weight, std=0.02)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.norm(x)
        if self.film is not None:
            scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
            h = h * (1 + scale) + shift
        return x + self.second(F.silu(self.first(F.silu(h))))


class StyleAttention(nn.Module):
    """Each place of a map looks up what it needs in the style tokens.

    Shape:
        ``(B, C, H, W)`` and tokens ``(B, K, D)`` -> ``(B, C, H, W)``.

    Reference:
        Rombach et al. (2022), section 3.3: conditioning by cross-attention. arXiv:2112.10752.
    """

    def __init__(self, channels: int, token_dim: int, num_heads: int = 4) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = ChannelNorm(channels)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key_value = nn.Linear(token_dim, 2 * channels)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        b, c, height, width = x.shape
        query = self.query(self.norm(x)).reshape(b, self.num_heads, c // self.num_heads, height * width)
        key, value = self.key_value(tokens).unflatten(2, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query.transpose(2, 3), key, value)
        return x + self.out(attended.transpose(2, 3).reshape(b, c, height, width))


class UNet(nn.Module):
    """A 2-D U-Net with additive skips; style attention at every level but the first.

    Shape:
        ``(B, in_channels, H, W)``, condition ``(B, D)``, tokens ``(B, K, D')`` -> ``(B, out_channels, H, W)``.
        H and W must be multiples of `stride`.

    Reference:
        Ronneberger et al. (2015). arXiv:1505.04597.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        channels: tuple[int, ...],
        num_blocks: int,
        condition_dim: int,
        token_dim: int,
    ) -> None:
        super().__init__()
        self.stride = 2 ** (len(channels) - 1)
        self.enter = nn.Conv2d(in_channels, channels[0], 3, padding=1)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        self.attention = nn.ModuleList(StyleAttention(c, token_dim) for c in channels[1:])
        for c in channels:
            self.down_blocks.append(nn.ModuleList(ResBlock(c, condition_dim) for _ in range(num_blocks)))
            self.up_blocks.append(nn.ModuleList(ResBlock(c, condition_dim) for _ in range(num_blocks)))
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairs)
        self.norm = ChannelNorm(channels[0])
        self.leave = nn.Conv2d(channels[0], out_channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor, tokens: Tensor) -> Tensor:
        h = self.enter(x)
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.down_blocks):
            if level:
                skips.append(h)
                h = self.down[level - 1](h)
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, condition)
            if level:
                h = self.attention[level - 1](h, tokens)
        for level in reversed(range(len(self.up_blocks))):
            for block in self.up_blocks[level]:  # type: ignore[attr-defined]
                h = block(h, condition)
            if level:
                h = F.pixel_shuffle(self.up[level - 1](h), 2) + skips.pop()
        return self.leave(F.silu(self.norm(h)))


class TimeEmbedding(nn.Module):
    """Diffusion time in [0, 1] as a vector.

    Shape:
        ``(B,)`` -> ``(B, dim)``.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t: Tensor) -> Tensor:
        half = self.dim // 2
        rate = torch.exp(torch.arange(half, device=t.device, dtype=t.dtype) * (-math.log(1000.0) / half))
        angle = 1000.0 * t[:, None] * rate
        return self.mlp(torch.cat([angle.sin(), angle.cos()], 1))


def pad_width(x: Tensor, multiple: int, value: float = 0.0) -> Tensor:
    """Lengthen the last axis to a multiple, at its end, with `value`."""
    missing = -x.shape[-1] % multiple
    return F.pad(x, (0, missing), value=value) if missing else x
