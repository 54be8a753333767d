"""Blocks of the networks: conditioned residual blocks, style attention, a 2-D U-Net, the embedding of time.

They know nothing of mels or of what is predicted.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each place.

    Statistics over time would make a frame depend on the length of the piece; with this norm, windows of a recording
    give the same result as the whole recording.

    Shape:
        ``(B, C, H, W)`` -> the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResBlock(nn.Module):
    """Residual block of two 3x3 convolutions, scaled and shifted by a condition.

    Args:
        channels: Of input and result.
        condition_dim: Width of the condition; 0 for none.

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
        """Apply the block."""
        h: Tensor = self.norm(x)
        if self.film is not None:
            scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
            h = torch.addcmul(shift, h, 1 + scale)
        # In place, as fresh memory costs a processor more time than the operation.
        h = self.second(F.silu(self.first(F.silu(h, inplace=True)), inplace=True))
        return h.add_(x)


class StyleAttention(nn.Module):
    """Cross-attention from each place of a map to the style tokens.

    Args:
        channels: Of input and result; a multiple of `num_heads`.
        token_dim: Width of a token.
        num_heads: Attention heads.

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
        """Attend to the tokens and add the result."""
        b, c, height, width = x.shape
        query = self.query(self.norm(x)).reshape(b, self.num_heads, c // self.num_heads, height * width)
        key, value = self.key_value(tokens).unflatten(2, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query.transpose(2, 3), key, value)
        change: Tensor = self.out(attended.transpose(2, 3).reshape(b, c, height, width))
        return x + change


class UNet(nn.Module):
    """A 2-D U-Net with additive skip connections; style attention at every level but the first.

    Args:
        in_channels: Of the input.
        out_channels: Of the result.
        channels: Of each level, from the finest down.
        num_blocks: Residual blocks per level, on the way down and on the way up.
        condition_dim: Width of the condition.
        token_dim: Width of a style token.

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
        self.reach = 2 + 4 * num_blocks * (2 * self.stride - 1) + self.stride - 1  # cells on either side it looks at
        self.conv_in = nn.Conv2d(in_channels, channels[0], 3, padding=1)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        self.attention = nn.ModuleList(StyleAttention(c, token_dim) for c in channels[1:])
        for c in channels:
            self.down_blocks.append(nn.ModuleList(ResBlock(c, condition_dim) for _ in range(num_blocks)))
            self.up_blocks.append(nn.ModuleList(ResBlock(c, condition_dim) for _ in range(num_blocks)))
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairs)
        self.norm = ChannelNorm(channels[0])
        self.conv_out = nn.Conv2d(channels[0], out_channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor, tokens: Tensor) -> Tensor:
        """Apply the network."""
        h = self.conv_in(x)
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
        result: Tensor = self.conv_out(F.silu(self.norm(h)))
        return result


class TimeEmbedding(nn.Module):
    """Diffusion time in [0, 1] as a vector.

    Args:
        dim: Length of the vector; even.

    Shape:
        ``(B,)`` -> ``(B, dim)``.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t: Tensor) -> Tensor:
        """Embed the time."""
        half = self.dim // 2
        rate = torch.exp(torch.arange(half, device=t.device, dtype=t.dtype) * (-math.log(1000.0) / half))
        angle = 1000.0 * t[:, None] * rate
        vector: Tensor = self.mlp(torch.cat([angle.sin(), angle.cos()], 1))
        return vector


def pad_width(x: Tensor, multiple: int, value: float = 0.0) -> Tensor:
    """Pad the end of the last axis to a multiple of some length.

    Args:
        x: Any tensor.
        multiple: The length of the result is a multiple of it.
        value: The padding.

    Shape:
        ``(..., W)`` -> ``(..., W')`` with the least ``W' >= W``.
    """
    missing = -x.shape[-1] % multiple
    return F.pad(x, (0, missing), value=value) if missing else x
