"""The denoiser: the diffusion network of preset `base`, on the latent.

It predicts velocity; the noise schedule defines what that is.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.config import DenoiserConfig, MelConfig, StyleEncoderConfig, VAEConfig
from stylebox.core.models.blocks import TimeEmbedding, UNet, pad_width
from stylebox.core.models.content_map import NUM_CHANNELS, ContentMap


class Denoiser(nn.Module):
    """A U-Net, conditioned on the time, the draft, the music as `draw` gives it and the style.

    `reach` is how many mel frames on either side it looks at.

    Shape:
        x_t and z_draft ``(B, C, H, W)``, t ``(B,)``, music ``(B, C', H, W)``, tokens ``(B, K, D)``,
        vector ``(B, D')`` -> velocity ``(B, C, H, W)``.
    """

    def __init__(self, config: DenoiserConfig, vae: VAEConfig, style: StyleEncoderConfig, mel: MelConfig) -> None:
        super().__init__()
        self.stride = vae.stride
        self.content_map = ContentMap(mel)
        content_channels = config.channels[0] // 2
        self.content = nn.Conv2d(NUM_CHANNELS * vae.stride**2, content_channels, 1)
        self.time = TimeEmbedding(config.time_dim)
        self.unet = UNet(
            2 * vae.latent_channels + content_channels,
            vae.latent_channels,
            config.channels,
            config.num_blocks,
            config.time_dim + style.vector_dim,
            style.token_dim,
        )
        self.reach = vae.stride * (self.unet.reach + 1) - 1

    def draw(self, content: Tensor, dynamics: Tensor) -> Tensor:
        """The music as the network takes it: the same at every time t, so that a sampler draws it once.

        Shape:
            content ``(B, 2, N, T)``, dynamics ``(B, T)`` -> ``(B, C', H, W)`` with ``W = ceil(T / stride)``.
        """
        drawn = self.content_map(pad_width(content, self.stride), pad_width(dynamics, self.stride, -1.0))
        music: Tensor = self.content(F.pixel_unshuffle(drawn, self.stride))
        return music

    def forward(self, x_t: Tensor, t: Tensor, z_draft: Tensor, music: Tensor, tokens: Tensor, vector: Tensor) -> Tensor:
        """Predict the velocity."""
        joined = pad_width(torch.cat([x_t, z_draft, music], 1), self.unet.stride)
        condition = torch.cat([self.time(t), vector], 1)
        velocity: Tensor = self.unet(joined, condition, tokens)
        return velocity[..., : x_t.shape[-1]]
