"""The paper's networks, with its parameter counts (Prioteasa & Stempel-Hauburger 2025).

Sizes, layers and attention are the paper's; the range is ours: mels are in [-1, 1] throughout. Knows nothing of noise
schedules or training.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LATENT_CHANNELS = 32
TIME_SCALE = 200.0  # the paper numbers its 200 steps: t in [0, 1] times 200


class StyleMaps(NamedTuple):
    """The style encoder's last two feature maps, which the U-Net attends to.

    Shape:
        ``fine`` is ``(B, 256, M/32, T/32)``, ``coarse`` ``(B, 512, M/64, T/64)``, rounded up: 4x4 and 2x2 for
        128x128 mels.
    """

    fine: Tensor
    coarse: Tensor


class SpectrogramEncoder(nn.Sequential):
    """Mel in [-1, 1] -> latent of about unit variance: it ends in a BatchNorm. 111 840 parameters.

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
    """Encoder and decoder; the paper calls it a VAE, but its latent has no variance.

    Shape:
        ``forward``: mel ``(B, 1, M, T)``, M and T multiples of 8 -> mel of the same shape, and z
        ``(B, 32, M/8, T/8)``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SpectrogramEncoder()
        self.decoder = SpectrogramDecoder()

    def encode(self, mel: Tensor) -> Tensor:
        """Mel ``(B, 1, M, T)`` in [-1, 1] -> z ``(B, 32, M/8, T/8)``."""
        return self.encoder(mel)

    def decode(self, z: Tensor) -> Tensor:
        """Latent ``(B, 32, H, W)`` -> mel ``(B, 1, 8H, 8W)`` in [-1, 1]."""
        return self.decoder(z)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode and decode; returns the mel and z."""
        z = self.encode(mel)
        return self.decode(z), z


class StyleEncoder(nn.Module):
    """Mel of a style clip -> feature maps. 2 729 984 parameters.

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
        """The last two feature maps."""
        maps = [mel]
        for conv in self.convs:
            maps.append(F.relu(conv(maps[-1])))
        return StyleMaps(fine=maps[-2], coarse=maps[-1])


class CrossAttention(nn.Module):
    """Multi-head cross-attention from a feature map to a style map.

    Shape:
        features ``(B, C, H, W)``, style ``(B, C, H', W')`` -> ``(B, C, H, W)``.
    """

    def __init__(self, channels: int, num_heads: int = 4) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Attend from every place of `features` to every place of `style`."""
        query, tokens = features.flatten(2).mT, style.flatten(2).mT
        attended, _ = self.attention(query, tokens, tokens, need_weights=False)
        return attended.mT.reshape(features.shape)


class TimeEmbedding(nn.Module):
    """t in [0, 1] -> sinusoids of the paper's step number -> MLP.

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
        """Embed times."""
        angles = (t.float() * TIME_SCALE)[:, None] * self.frequencies
        sinusoids = torch.cat([angles.sin(), angles.cos()], dim=-1)
        return self.out(F.gelu(self.linear(sinusoids.to(self.linear.weight.dtype))))


class PaperUNet(nn.Module):
    """The paper's denoiser. 6 841 504 parameters, 1 313 792 of them in its two cross-attentions.

    As in the paper, attention replaces the features on the way down, and the skip beside it carries those
    from before it.

    Shape:
        ``x_t`` ``(B, 32, H, W)``, ``t`` ``(B,)``, style as `StyleMaps` -> ``(B, 32, H, W)``. H and W are
        padded to multiples of 8 inside, so any size is allowed.
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
        """Predict the velocity.

        Args:
            x_t: Noisy latent.
            t: Times in [0, 1].
            style: Of the style clips.
        """
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
        return self.out(x)[..., :height, :width]


def paper_components() -> dict[str, nn.Module]:
    """The paper's parts by the names that `stylebox info` shows; `unet` contains `cross_attention`."""
    autoencoder, unet = PaperAutoencoder(), PaperUNet()
    return {
        "spectrogram_encoder": autoencoder.encoder,
        "spectrogram_decoder": autoencoder.decoder,
        "style_encoder": StyleEncoder(),
        "cross_attention": unet.cross_attention,
        "unet": unet,
    }
