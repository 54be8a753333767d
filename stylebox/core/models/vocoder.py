"""The vocoder: mel -> waveform, one pass, no iteration.

Features are the mel itself; the backbone is ConvNeXt over time; the head is an inverse STFT whose magnitude starts
from the mel's own and is corrected by the network.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.config import MelConfig, VocoderConfig

_LOG10_OF_MAGNITUDE_LIMIT = 2.5


class Vocoder(nn.Module):
    """ConvNeXt and an inverse STFT.

    Shape:
        mel ``(B, M, T)`` -> audio ``(B, hop_length * (T - 1))``.

    Reference:
        Siuzdak (2023), Vocos. arXiv:2306.00814.
    """

    def __init__(self, config: VocoderConfig, mel: MelConfig) -> None:
        super().__init__()
        self.embed = nn.Conv1d(mel.n_mels, config.dim, 7, padding=3)
        self.norm = nn.LayerNorm(config.dim)
        self.backbone = nn.ModuleList(
            ConvNeXtBlock(config.dim, config.intermediate_dim, 1 / config.num_layers) for _ in range(config.num_layers)
        )
        self.head = InverseSTFTHead(config, mel)

    def forward(self, mel: Tensor) -> Tensor:
        h = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.backbone:
            h = block(h)
        return self.head(h, mel)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a gated-width perceptron per frame.

    Shape:
        ``(B, dim, T)`` -> the same.

    Reference:
        Liu et al. (2022). arXiv:2201.03545.
    """

    def __init__(self, dim: int, intermediate_dim: int, initial_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.widen = nn.Linear(dim, intermediate_dim)
        self.narrow = nn.Linear(intermediate_dim, dim)
        self.scale = nn.Parameter(torch.full((dim,), initial_scale))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x).transpose(1, 2))
        return x + (self.scale * self.narrow(F.gelu(self.widen(h)))).transpose(1, 2)


class InverseSTFTHead(nn.Module):
    """Frames of features -> magnitude and phase -> audio. A silent mel gives exact silence.

    Shape:
        features ``(B, dim, T)`` and mel ``(B, M, T)`` -> audio ``(B, hop_length * (T - 1))``.
    """

    window: Tensor
    spread: Tensor
    offset: Tensor

    def __init__(self, config: VocoderConfig, mel: MelConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length = config.n_fft, config.hop_length
        self.out = nn.Linear(config.dim, config.n_fft + 2)
        spread, offset = _mel_to_log_magnitude(config, mel)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.register_buffer("spread", torch.from_numpy(spread), persistent=False)
        self.register_buffer("offset", torch.from_numpy(offset), persistent=False)

    def forward(self, features: Tensor, mel: Tensor) -> Tensor:
        correction, phase = self.out(features.transpose(1, 2)).transpose(1, 2).float().chunk(2, 1)
        log_magnitude = self.spread @ mel.float() + self.offset + correction
        magnitude = 10.0 ** log_magnitude.clamp_max(_LOG10_OF_MAGNITUDE_LIMIT)
        sounding = (mel > -1.0).any(1, keepdim=True)
        spectrum = torch.polar(magnitude * sounding, phase)
        return torch.istft(spectrum, self.n_fft, self.hop_length, window=self.window, center=True)


def _mel_to_log_magnitude(config: VocoderConfig, mel: MelConfig) -> tuple[np.ndarray, np.ndarray]:
    """An affine guess at log10 magnitude per FFT bin: the mel interpolated in dB, less the band's summed weight."""
    import librosa  # slow to import

    centre = librosa.mel_frequencies(mel.n_mels + 2, fmin=0.0, fmax=mel.sample_rate / 2)[1:-1]
    hz = np.arange(config.n_fft // 2 + 1) * mel.sample_rate / config.n_fft
    spread = np.stack([np.interp(hz, centre, row) for row in np.eye(mel.n_mels)], 1)
    summed = librosa.filters.mel(sr=mel.sample_rate, n_fft=mel.n_fft, n_mels=mel.n_mels).sum(1)
    tenths = (mel.ceiling_db - mel.floor_db) / 2.0 / 20.0  # log10 of magnitude to one unit of mel
    middle = (mel.ceiling_db + mel.floor_db) / 2.0 / 20.0
    offset = spread @ (middle - 0.5 * np.log10(np.maximum(summed, 1e-8)))
    return (spread * tenths).astype(np.float32), offset[:, None].astype(np.float32)
