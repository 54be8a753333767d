"""A spectrogram on a logarithmic frequency axis, with several window lengths.

Long windows resolve low notes, short ones resolve onsets; the content encoder gets them all as channels.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.music.notes import LOWEST_KEY, key_hz

_RANGE_DB = 80.0  # below a full-scale sine


class LogSpectrogram(nn.Module):
    """Audio to log-frequency magnitude in [0, 1], which spans 80 dB.

    With three bins per semitone, each key has the bin of its pitch and one on either side. The axis starts with the
    lowest key and ends at the Nyquist frequency.

    Args:
        sample_rate: Of the audio, in Hz.
        hop_length: Samples between frames.
        windows: Window lengths in samples, one channel each.
        bins_per_semitone: Resolution of the axis.

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
        """Apply the transform."""
        channels = []
        for n_fft in self.windows:
            window = self.get_buffer(f"window_{n_fft}")
            spectrum = torch.stft(
                audio, n_fft, self.hop_length, window=window, center=True, pad_mode="constant", return_complex=True
            )
            size = (spectrum.real.square() + spectrum.imag.square()).sqrt()  # quicker than `abs`
            # A full-scale sine has magnitude 1 for every window length.
            magnitude = self.get_buffer(f"bands_{n_fft}") @ size * (2.0 / window.sum())
            channels.append(1.0 + 20.0 * torch.log10(magnitude.clamp_min(1e-6)) / _RANGE_DB)
        return torch.stack(channels, 1).clamp(0.0, 1.0)


def num_log_bins(sample_rate: int, bins_per_semitone: int) -> int:
    """Number of bins between the lowest key and the Nyquist frequency."""
    return int(12 * bins_per_semitone * np.log2(sample_rate / 2 / key_hz(LOWEST_KEY)))


@lru_cache(maxsize=16)
def log_bands(sample_rate: int, n_fft: int, bins_per_semitone: int) -> np.ndarray:
    """Triangles on a log-frequency axis, at least one FFT bin wide, each with sum 1.

    Args:
        sample_rate: In Hz.
        n_fft: Window length in samples.
        bins_per_semitone: Resolution of the axis.

    Shape:
        The result is ``(num_bins, n_fft // 2 + 1)``, float32.
    """
    per_octave = 12 * bins_per_semitone
    index = np.arange(num_log_bins(sample_rate, bins_per_semitone)) - bins_per_semitone // 2
    centre = key_hz(LOWEST_KEY) * 2.0 ** (index / per_octave)
    width = np.maximum(centre * (2.0 ** (1 / per_octave) - 1), sample_rate / n_fft)
    hz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    bands: np.ndarray = hz - centre[:, None]
    np.abs(bands, out=bands)
    bands /= width[:, None]
    np.subtract(1.0, bands, out=bands)
    np.maximum(0.0, bands, out=bands)
    bands /= np.maximum(bands.sum(1, keepdims=True), 1e-9)
    return bands.astype(np.float32)
