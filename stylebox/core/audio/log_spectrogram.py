"""A spectrum on a logarithmic frequency axis, seen through several window lengths at once.

Long windows tell low notes apart, short ones tell when a note begins; the content encoder gets them all, as channels.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.music.notes import LOWEST_KEY, key_hz

_RANGE_DB = 80.0  # from the loudest a band can be expected to get, downwards


class LogSpectrogram(nn.Module):
    """Audio to log-frequency magnitude in [0, 1], 80 dB wide.

    The axis starts a third of a semitone below the lowest key's centre (for three bins a semitone: each key owns the
    bin of its pitch and one either side) and ends at the Nyquist frequency.

    Shape:
        ``(B, S)`` -> ``(B, len(windows), num_bins, T)`` with ``T = 1 + S // hop_length``.
    """

    def __init__(self, sample_rate: int, hop_length: int, windows: tuple[int, ...], bins_per_semitone: int) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.windows = windows
        for n_fft in windows:
            bank = torch.from_numpy(log_bands(sample_rate, n_fft, bins_per_semitone))
            self.register_buffer(f"bands_{n_fft}", bank, persistent=False)
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), persistent=False)
        self.num_bins = num_log_bins(sample_rate, bins_per_semitone)

    def forward(self, audio: Tensor) -> Tensor:
        seen = []
        for n_fft in self.windows:
            window = getattr(self, f"window_{n_fft}")
            spectrum = torch.stft(
                audio, n_fft, self.hop_length, window=window, center=True, pad_mode="constant", return_complex=True
            ).abs()
            # A full-scale sine has magnitude 1 whatever the window's length.
            magnitude = getattr(self, f"bands_{n_fft}") @ (spectrum * (2.0 / window.sum()))
            seen.append(1.0 + 20.0 * torch.log10(magnitude.clamp_min(1e-6)) / _RANGE_DB)
        return torch.stack(seen, 1).clamp(0.0, 1.0)


def num_log_bins(sample_rate: int, bins_per_semitone: int) -> int:
    """How many bins fit between the lowest key and the Nyquist frequency."""
    return int(12 * bins_per_semitone * np.log2(sample_rate / 2 / key_hz(LOWEST_KEY)))


@lru_cache(maxsize=16)
def log_bands(sample_rate: int, n_fft: int, bins_per_semitone: int) -> np.ndarray:
    """Triangles on a log-frequency axis, at least one FFT bin wide, each summing to 1; ``(num_bins, n_fft//2+1)``."""
    per_octave = 12 * bins_per_semitone
    index = np.arange(num_log_bins(sample_rate, bins_per_semitone)) - bins_per_semitone // 2
    centre = key_hz(LOWEST_KEY) * 2.0 ** (index / per_octave)
    width = np.maximum(centre * (2.0 ** (1 / per_octave) - 1), sample_rate / n_fft)
    hz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    bands = np.maximum(0.0, 1.0 - np.abs(hz[None, :] - centre[:, None]) / width[:, None])
    return (bands / np.maximum(bands.sum(1, keepdims=True), 1e-9)).astype(np.float32)
