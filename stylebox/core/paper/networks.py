"""The paper's networks, equal to the last parameter (Prioteasa & Stempel-Hauburger 2025).

Sizes, the order of layers and the attention are those of the paper. The range is ours: all mels are in [-1, 1].
Knows nothing of noise schedules or of training.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LATENT_CHANNELS = 32
TIME_SCALE = 200.0  # t in [0, 1] times this is the number of one of the paper's 200 steps


class StyleMaps(NamedTuple):
    """The last two maps of the style encoder. The U-Net attends to them.

    Shape:
        ``fine`` is ``(B, 256, M/32, T/32)``, ``coarse`` is ``(B, 512, M/64, T/64)``, rounded up: 4x4 and 2x2 for the
        128x128 mels of the paper.
    """

    fine: Tensor
    coarse: Tensor


class SpectrogramEncoder(nn.Sequential):
    """Mel in [-1, 1] -> latent. A final BatchNorm gives it about unit variance. 111 840 parameters.

    Shape:
        ``(B, 1, M, T)`` -> ``(B, 32, M/8, T/8)``, rounded up.
    """

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.BatchNorm2d(128), nn.ReLU()),
            *(nn.Conv2d(128, LATENT_CHANNELS, 3, stride=2, padding=1), nn.BatchNorm2d(LATENT_CHANNELS)),
        )


class SpectrogramDecoder(nn.Sequential):
    """Latent -> mel in [-1, 1]. 198 209 parameters.

    Shape:
        ``(B, 32, H, W)`` -> ``(B, 1, 8H, 8W)``.
    """

    def __init__(self) -> None:
        super().__init__(
            *(
                nn.ConvTranspose2d(LATENT_CHANNELS, 128, 4, stride=2, padding=1),
                nn.BatchNorm2d(128),
                nn.ReLU(),
            ),
            *(nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh()),
        )


class PaperAutoencoder(nn.Module):
    """Encoder and decoder. The paper calls it a VAE, but its latent has no variance.

    Shape:
        Mel ``(B, 1, M, T)``, M and T multiples of 8 -> mel of the same shape, and z ``(B, 32, M/8, T/8)``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SpectrogramEncoder()
        self.decoder = SpectrogramDecoder()

    def encode(self, mel: Tensor) -> Tensor:
        """From a mel in [-1, 1] to its latent.

        Shape:
            ``(B, 1, M, T)`` -> ``(B, 32, M/8, T/8)``, rounded up.
        """
        z: Tensor = self.encoder(mel)
        return z

    def decode(self, z: Tensor) -> Tensor:
        """From a latent to a mel in [-1, 1].

        Shape:
            ``(B, 32, H, W)`` -> ``(B, 1, 8H, 8W)``.
        """
        mel: Tensor = self.decoder(z)
        return mel

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode and decode."""
        z = self.encode(mel)
        return self.decode(z), z


class StyleEncoder(nn.Module):
    """Mel of a style clip -> maps for the cross-attention. 2 729 984 parameters.

    Shape:
        ``(B, 1, M, T)`` -> `StyleMaps`; any M and T of at least 1.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = (1, 64, 128, 256, 256, 256, 512)
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(channels)
        )

    def forward(self, mel: Tensor) -> StyleMaps:
        """Encode the clip."""
        maps = [mel]
        for conv in self.convs:
            maps.append(F.relu(conv(maps[-1])))
        return StyleMaps(fine=maps[-2], coarse=maps[-1])


class CrossAttention(nn.Module):
    """Every position of a feature map becomes a weighted mean over the positions of a style map.

    Args:
        channels: Of both maps; a multiple of `num_heads`.
        num_heads: Attention heads.

    Shape:
        features ``(B, C, H, W)``, style ``(B, C, H', W')`` -> ``(B, C, H, W)``.
    """

    def __init__(self, channels: int, num_heads: int = 4) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Attend to the style map."""
        query, tokens = features.flatten(2).mT, style.flatten(2).mT
        attended, _ = self.attention(query, tokens, tokens, need_weights=False)
        mixed: Tensor = attended.mT.reshape(features.shape)
        return mixed


class TimeEmbedding(nn.Module):
    """Time in [0, 1] -> sinusoids of the paper's step number -> MLP.

    Args:
        dim: Length of the embedding; even.

    Shape:
        ``(B,)`` -> ``(B, dim)``.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 7-8.
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.frequencies: Tensor
        half = dim // 2
        frequencies = torch.exp(torch.arange(half) * (-math.log(10000.0) / (half - 1)))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.linear = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, t: Tensor) -> Tensor:
        """Embed the time."""
        angles = (t.float() * TIME_SCALE)[:, None] * self.frequencies
        sinusoids = torch.cat([angles.sin(), angles.cos()], dim=-1)
        embedding: Tensor = self.out(F.gelu(self.linear(sinusoids.to(self.linear.weight.dtype))))
        return embedding


class PaperUNet(nn.Module):
    """The paper's denoiser. 6 841 504 parameters, 1 313 792 of them in its two cross-attentions.

    As in the paper, attention replaces the features on the way down. The skip connection carries the features from
    before the attention.

    Shape:
        ``x_t`` ``(B, 32, H, W)``, ``t`` ``(B,)`` in [0, 1], style as `StyleMaps` -> ``(B, 32, H, W)``. The network pads
        H and W to multiples of 8, so any size is allowed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.time = TimeEmbedding(128)
        self.down1 = nn.Conv2d(LATENT_CHANNELS, 64, 3, padding=1)
        self.down2 = nn.Conv2d(64, 128, 3, stride=2, padding=1)
        self.down3 = nn.Conv2d(128, 256, 3, stride=2, padding=1)
        self.down4 = nn.Conv2d(256, 512, 3, stride=2, padding=1)
        self.cross_attention = nn.ModuleDict({"fine": CrossAttention(256), "coarse": CrossAttention(512)})
        self.bottleneck = nn.Conv2d(512, 512, 3, padding=1)
        self.up3 = nn.ConvTranspose2d(512, 256, 3, stride=2, padding=1, output_padding=1)
        self.up2 = nn.ConvTranspose2d(256, 128, 3, stride=2, padding=1, output_padding=1)
        self.up1 = nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1, output_padding=1)
        self.out = nn.Conv2d(64, LATENT_CHANNELS, 3, padding=1)

    def forward(self, x_t: Tensor, t: Tensor, style: StyleMaps) -> Tensor:
        """Predict the velocity at time t."""
        height, width = x_t.shape[-2:]
        x = F.pad(x_t, (0, -width % 8, 0, -height % 8), mode="replicate")
        skip1 = F.relu(self.down1(x))
        skip2 = F.relu(self.down2(skip1)) + self.time(t)[:, :, None, None]
        skip3 = F.relu(self.down3(skip2))
        x = F.relu(self.down4(self.cross_attention["fine"](skip3, style.fine)))
        x = F.relu(self.bottleneck(self.cross_attention["coarse"](x, style.coarse)))
        x = F.relu(self.up3(x)) + skip3
        x = F.relu(self.up2(x)) + skip2
        x = F.relu(self.up1(x)) + skip1
        velocity: Tensor = self.out(x)[..., :height, :width]
        return velocity


def paper_components() -> dict[str, nn.Module]:
    """New networks by the names that `stylebox info` shows; `unet` contains `cross_attention`."""
    autoencoder, unet = PaperAutoencoder(), PaperUNet()
    return {
        "spectrogram_encoder": autoencoder.encoder,
        "spectrogram_decoder": autoencoder.decoder,
        "style_encoder": StyleEncoder(),
        "cross_attention": unet.cross_attention,
        "unet": unet,
    }
