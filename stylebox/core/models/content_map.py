"""The content map: the notes, drawn on the frequency axis of the mel.

Each key's partials are drawn at their frequencies, so that 2-D convolutions share what they learn across pitch. Nothing
here is trained.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.audio.filter_banks import mel_frequencies
from stylebox.core.config import MelConfig
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, key_hz

_EQUAL_PARTIALS = 10  # drawn at equal height
NUM_CHANNELS = 8  # three drawings each of frame and onset, dynamics, frequency


class ContentMap(nn.Module):
    """Posteriors and dynamics -> an image of the music, a mel in size.

    Channels: the fundamental; partials at height 1/h up to the Nyquist frequency; ten partials at equal height (each
    for frame, then for onset); the dynamics curve; the position of the band on the axis, -1 to 1.

    Shape:
        content ``(B, 2, N, T)`` in [0, 1] and dynamics ``(B, T)`` in [-1, 1] -> ``(B, 8, M, T)``.
    """

    partials: Tensor
    frequency: Tensor

    def __init__(self, mel: MelConfig) -> None:
        super().__init__()
        self.register_buffer("partials", torch.from_numpy(_partials(mel)), persistent=False)
        self.register_buffer("frequency", torch.linspace(-1, 1, mel.n_mels), persistent=False)

    def forward(self, content: Tensor, dynamics: Tensor) -> Tensor:
        """Draw."""
        drawn = torch.einsum("bcnt,knm->bckmt", content, self.partials).flatten(1, 2)
        bands, frames = drawn.shape[2:]
        curve = dynamics[:, None, None, :].expand(-1, 1, bands, -1)
        place = self.frequency[None, None, :, None].expand(len(drawn), 1, -1, frames)
        return torch.cat([drawn, curve, place], 1)


@lru_cache(maxsize=4)
def _partials(mel: MelConfig) -> np.ndarray:
    """The drawings of each key: ``(3, N, M)``, float32."""
    edges = mel_frequencies(mel.n_mels + 2, mel.sample_rate / 2)
    drawn = np.zeros((3, NUM_KEYS, mel.n_mels), np.float32)
    for key in range(NUM_KEYS):
        f0 = key_hz(key + LOWEST_KEY)
        number = np.arange(1, int(mel.sample_rate / 2 / f0) + 1)
        hz = number[:, None] * f0
        rise = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
        fall = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
        triangles = np.maximum(0.0, np.minimum(rise, fall))  # (partials, M)
        drawn[:, key] = triangles[0], (1 / number) @ triangles, triangles[:_EQUAL_PARTIALS].sum(0)
    return drawn
