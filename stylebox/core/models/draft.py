"""The draft network: content map and style -> mel, in one deterministic pass.

Its result has the right notes and about the right timbre, but is a mean and therefore blurred; the denoiser adds the
detail.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.config import DraftConfig, MelConfig, StyleEncoderConfig
from stylebox.core.models.blocks import UNet, pad_width
from stylebox.core.models.content_map import NUM_CHANNELS, ContentMap


class DraftNetwork(nn.Module):
    """A small U-Net on patches of the content map.

    `reach` is how many mel frames on either side it looks at.

    Shape:
        content ``(B, 2, N, T)``, dynamics ``(B, T)``, tokens ``(B, K, D)``, vector ``(B, D')`` -> mel ``(B, M, T)``.
    """

    def __init__(self, config: DraftConfig, style: StyleEncoderConfig, mel: MelConfig) -> None:
        super().__init__()
        self.patch = config.patch
        self.content_map = ContentMap(mel)
        cells = config.patch**2
        self.unet = UNet(
            NUM_CHANNELS * cells, cells, config.channels, config.num_blocks, style.vector_dim, style.token_dim
        )
        self.reach = config.patch * (self.unet.reach + 1) - 1

    def forward(self, content: Tensor, dynamics: Tensor, tokens: Tensor, vector: Tensor) -> Tensor:
        """Predict the mel."""
        frames = content.shape[-1]
        multiple = self.patch * self.unet.stride
        drawn = self.content_map(pad_width(content, multiple), pad_width(dynamics, multiple, -1.0))
        patches = self.unet(F.pixel_unshuffle(drawn, self.patch), vector, tokens)
        return F.pixel_shuffle(patches, self.patch).squeeze(1)[..., :frames]
