"""The variational autoencoder: mel <-> a latent a quarter as wide and high. Fully convolutional: any length."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.config import VAEConfig
from stylebox.core.models.blocks import ChannelNorm, ResBlock, pad_width

_LOG_VARIANCE_LIMITS = (-20.0, 10.0)


class VAE(nn.Module):
    """Mel -> mean and log-variance of a diagonal Gaussian, and back.

    `scale` is set once after training so that latents have about unit variance, as diffusion wants them. `reach` is how
    many mel frames on either side both halves look at.

    Shape:
        mel ``(B, M, T)`` <-> z ``(B, C, M / stride, ceil(T / stride))``.

    Reference:
        Kingma & Welling (2014). arXiv:1312.6114.
    """

    scale: Tensor

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.patch, self.stride = config.patch, config.stride
        # Two convolutions of 3x3 in each residual block, one at either end; then the cell that a frame is in.
        coarse, fine = self.stride, self.patch
        self.reach = 2 * config.num_blocks * (2 * coarse - fine) + coarse + fine + coarse - 1
        first, last = config.channels[0], config.channels[-1]
        pairs = list(pairwise(config.channels))
        encoder: list[nn.Module] = [nn.Conv2d(self.patch**2, first, 3, padding=1)]
        encoder += [ResBlock(first) for _ in range(config.num_blocks)]
        for a, b in pairs:
            encoder += [nn.Conv2d(a, b, 2, stride=2), *(ResBlock(b) for _ in range(config.num_blocks))]
        self.encoder = nn.Sequential(
            *encoder, ChannelNorm(last), nn.SiLU(), nn.Conv2d(last, 2 * config.latent_channels, 3, padding=1)
        )
        decoder: list[nn.Module] = [nn.Conv2d(config.latent_channels, last, 3, padding=1)]
        decoder += [ResBlock(last) for _ in range(config.num_blocks)]
        for a, b in reversed(pairs):
            decoder += [nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2), *(ResBlock(a) for _ in range(config.num_blocks))]
        self.decoder = nn.Sequential(
            *decoder, ChannelNorm(first), nn.SiLU(), nn.Conv2d(first, self.patch**2, 3, padding=1)
        )
        self.register_buffer("scale", torch.ones(()))

    def posterior(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent, unscaled.

        Shape:
            ``(B, M, T)`` -> two of ``(B, C, H, W)``.
        """
        patches = F.pixel_unshuffle(pad_width(mel, self.stride, -1.0)[:, None], self.patch)
        mean, log_variance = self.encoder(patches).chunk(2, 1)
        return mean, log_variance.clamp(*_LOG_VARIANCE_LIMITS)

    def reconstruct(self, z: Tensor) -> Tensor:
        """Unscaled latent to mel, whose length is a multiple of the stride; not clipped.

        The last layers compute in the precision of their weights: in bfloat16, the quietest sounds would become silent.

        Shape:
            ``(B, C, H, W)`` -> ``(B, M, W * stride)``.
        """
        blocks, head = self.decoder[:-3], self.decoder[-3:]  # the head: norm, activation, convolution
        features: Tensor = blocks(z)
        with torch.autocast(z.device.type, enabled=False):
            patches: Tensor = head(features.to(self.scale.dtype))
        return F.pixel_shuffle(patches, self.patch).squeeze(1)

    def encode(self, mel: Tensor) -> Tensor:
        """Mel to the latent of the denoiser: the scaled mean.

        Shape:
            ``(B, M, T)`` -> ``(B, C, H, W)``.
        """
        return self.posterior(mel)[0] * self.scale

    def decode(self, z: Tensor, num_frames: int) -> Tensor:
        """Scaled latent to mel in [-1, 1].

        Shape:
            ``(B, C, H, W)`` -> ``(B, M, num_frames)``.
        """
        return self.reconstruct(z / self.scale)[..., :num_frames].clamp(-1.0, 1.0)
