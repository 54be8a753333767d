"""The mel front end: definition, range and inverse of a mel.

A mel is power in bands, in dB, mapped linearly so that `floor_db` is -1 and `ceiling_db` is +1. Nothing is rescaled
per chunk: a quiet bar stays quiet. Knows nothing of files or networks.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.audio.filter_banks import mel_filters
from stylebox.core.audio.windows import windows
from stylebox.core.config import MelConfig

_QUIETEST_POWER = 1e-10  # keeps the logarithm finite; far below any floor in use
_FITTING_UPDATES = 12  # of a spectrum to the bands of a mel


class MelSpectrogram(nn.Module):
    """Audio to mel, equal to librosa's ``melspectrogram`` (Slaney bands, power 2, centred) within float tolerance.

    Shape:
        ``(S,)`` or ``(B, S)`` -> ``(M, T)`` or ``(B, M, T)`` with ``T = 1 + S // hop_length``.
    """

    window: Tensor
    bands: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.register_buffer("bands", torch.from_numpy(mel_bands(config)), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Apply the transform."""
        return power_to_mel(self.power(audio), self.config)

    def power(self, audio: Tensor) -> Tensor:
        """Power in each band, before the logarithm.

        Shape:
            ``(S,)`` or ``(B, S)`` -> ``(M, T)`` or ``(B, M, T)``.
        """
        c = self.config
        spectrum = torch.stft(
            audio, c.n_fft, c.hop_length, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        return self.bands @ (spectrum.real**2 + spectrum.imag**2)


def mel_in_blocks(audio: np.ndarray, config: MelConfig, block_frames: int = 4096) -> np.ndarray:
    """8-bit mel of audio of any length in bounded memory: equal to the mel of the whole.

    Args:
        audio: float32, at the configuration's rate.
        config: The mel's settings.
        block_frames: Frames computed at once.

    Shape:
        ``(S,)`` -> ``(T, M)``, uint8, T = 1 + S // hop_length.
    """
    spectrogram, hop = MelSpectrogram(config), config.hop_length
    context = -(-config.n_fft // 2 // hop)  # frames whose window reaches beyond a block
    num_frames = 1 + len(audio) // hop
    mel = np.empty((num_frames, config.n_mels), np.uint8)
    for window in windows(num_frames, block_frames, context):
        piece = torch.from_numpy(audio[window.first * hop : window.last * hop])
        with torch.no_grad():
            block = mel_to_uint8(spectrogram(piece)).T
        mel[window.start : window.stop] = block[window.kept]
    return mel


@lru_cache(maxsize=8)
def mel_bands(config: MelConfig) -> np.ndarray:
    """The mel filter bank of librosa (Slaney).

    Shape:
        The result is ``(M, n_fft // 2 + 1)``, float32.
    """
    return mel_filters(config.sample_rate, config.n_fft, config.n_mels)


def power_to_mel(power: Tensor, config: MelConfig) -> Tensor:
    """Band power to [-1, 1]; values beyond the range are clipped.

    Shape:
        Any shape -> the same.
    """
    db = 10.0 * torch.log10(power.clamp_min(_QUIETEST_POWER))
    span = config.ceiling_db - config.floor_db
    return (2.0 * (db - config.floor_db) / span - 1.0).clamp(-1.0, 1.0)


def mel_to_db(mel: Tensor, config: MelConfig) -> Tensor:
    """[-1, 1] to dB of band power.

    Shape:
        Any shape -> the same.
    """
    return (mel + 1.0) * 0.5 * (config.ceiling_db - config.floor_db) + config.floor_db


def mel_to_power(mel: Tensor, config: MelConfig) -> Tensor:
    """[-1, 1] to band power; -1 is silence and gives exactly 0.

    Shape:
        Any shape -> the same.
    """
    return torch.where(mel <= -1.0, 0.0, 10.0 ** (mel_to_db(mel, config) / 10.0))


def db_per_unit(config: MelConfig) -> float:
    """How many dB one unit of mel is."""
    return (config.ceiling_db - config.floor_db) / 2.0


def mel_to_uint8(mel: Tensor | np.ndarray) -> np.ndarray:
    """[-1, 1] to 0..255, as mels are stored on disk.

    Shape:
        Any shape -> the same.
    """
    values = mel.detach().cpu().numpy() if isinstance(mel, Tensor) else mel
    return np.clip(np.round((values + 1.0) * 127.5), 0, 255).astype(np.uint8)


def uint8_to_mel(values: np.ndarray) -> Tensor:
    """0..255 to [-1, 1], float32.

    Shape:
        Any shape -> the same.
    """
    return torch.from_numpy(np.asarray(values).astype(np.float32) / 127.5 - 1.0)


def mel_to_magnitude(mel: Tensor, config: MelConfig, prior: Tensor | None = None) -> Tensor:
    """A non-negative linear spectrum whose bands have the mel's power.

    The pseudo-inverse is the start; multiplicative updates fit it without negative values. They keep the fine
    structure within the bands that they start from, which `prior` gives.

    Args:
        mel: In [-1, 1].
        config: The mel's settings.
        prior: Expected distribution of power within the bands, on any positive scale.

    Shape:
        ``(M, T)`` and prior ``(n_fft // 2 + 1, T)`` -> ``(n_fft // 2 + 1, T)``, magnitudes.

    Reference:
        Lee & Seung (2001), Algorithms for Non-negative Matrix Factorization, NIPS 13.
    """
    bands = torch.from_numpy(mel_bands(config)).to(mel)
    power = mel_to_power(mel, config)
    spectrum: Tensor = (torch.linalg.pinv(bands) @ power).clamp_min(1e-6)
    if prior is not None:
        spectrum = spectrum * prior
    numerator = bands.T @ power
    for _ in range(_FITTING_UPDATES):
        spectrum = spectrum * numerator / (bands.T @ (bands @ spectrum)).clamp_min(1e-10)
    return spectrum.sqrt()
