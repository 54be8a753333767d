"""Mel to audio when the notes are known: no network, one pass.

A mel of a low note does not show its partials one by one; the notes say where they are. Phases are then carried from
frame to frame along the spectrum's peaks. Knows nothing of networks.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from stylebox.core.config import MelConfig
from stylebox.core.sound.mel import mel_to_magnitude
from stylebox.core.sound.notes import LOWEST_KEY, NUM_KEYS

BETWEEN_PARTIALS = 0.03  # what is expected between partials, relative to their peaks: breath, bow, attack
_BLOCK_FRAMES = 512  # looked at together; bounds memory
_PARTIAL_BINS = 0.97  # standard deviation of a partial's peak in FFT bins: a Hann window's main lobe in power


def harmonic_inversion(mel: Tensor, frame: Tensor, config: MelConfig, num_samples: int) -> Tensor:
    """A mel made audible with the help of what is being played.

    Args:
        mel: In [-1, 1].
        frame: How surely each key sounds, in [0, 1].

    Shape:
        mel ``(M, T)``, frame ``(N, T)`` -> ``(num_samples,)``.
    """
    combs = torch.from_numpy(partial_combs(config.sample_rate, config.n_fft)).to(mel)
    magnitude = mel_to_magnitude(mel, config, prior=BETWEEN_PARTIALS + combs.T @ frame.to(mel))
    return with_carried_phases(magnitude, config.n_fft, config.hop_length, num_samples)


def with_carried_phases(magnitude: Tensor, n_fft: int, hop_length: int, num_samples: int) -> Tensor:
    """Audio whose STFT (Hann windows, frames centred) has about this magnitude.

    Shape:
        ``(n_fft // 2 + 1, T)`` -> ``(num_samples,)``.
    """
    phase = torch.from_numpy(carried_phases(magnitude.cpu().numpy(), n_fft, hop_length)).to(magnitude)
    window = torch.hann_window(n_fft, device=magnitude.device)
    return torch.istft(torch.polar(magnitude, phase), n_fft, hop_length, window=window, length=num_samples)


@lru_cache(maxsize=4)
def partial_combs(sample_rate: int, n_fft: int) -> np.ndarray:
    """Where each key's partials lie on the FFT's axis, up to the Nyquist frequency; ``(N, n_fft // 2 + 1)``."""
    hz_per_bin = sample_rate / n_fft
    bins = np.arange(n_fft // 2 + 1)
    combs = np.zeros((NUM_KEYS, len(bins)), np.float32)
    for key in range(NUM_KEYS):
        f0 = 440.0 * 2.0 ** ((key + LOWEST_KEY - 69) / 12)
        for h in range(1, int(sample_rate / 2 / f0) + 1):
            combs[key] += np.exp(-0.5 * ((bins - h * f0 / hz_per_bin) / _PARTIAL_BINS) ** 2)
    return combs


def carried_phases(magnitude: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """Phases by which each spectral peak goes on from the frame before, its neighbours locked to it.

    Args:
        magnitude: Of an STFT with Hann windows, frames centred.

    Shape:
        ``(n_fft // 2 + 1, T)`` -> the same, radians, float32.

    Reference:
        Beauregard, Harish & Wyse (2015), Single Pass Spectrogram Inversion, DSP 2015.
    """
    num_bins, num_frames = magnitude.shape
    bins = np.arange(num_bins)
    phase = np.random.default_rng(0).random((num_bins,)) * (2 * np.pi)  # same mel, same audio
    phases = np.empty(magnitude.shape, np.float32)
    for start in range(0, num_frames, _BLOCK_FRAMES):
        level = np.log(magnitude[:, start : start + _BLOCK_FRAMES].T.astype(np.float64) + 1e-9)
        peak, frequency = _nearest_peaks(level)
        # Neighbouring bins of one sinusoid differ by half a turn, as the frames are centred.
        turn = 2 * np.pi * hop_length / n_fft * frequency + np.pi * (bins - peak)
        for t in range(len(level)):
            phase = (phase[peak[t]] + turn[t]) % (2 * np.pi)
            phases[:, start + t] = phase
    return phases


def _nearest_peaks(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The peak nearest to each bin, and that peak's frequency in bins, by a parabola through its logarithm.

    A frame without any peak has each bin for its own.

    Shape:
        ``(T, F)`` -> both ``(T, F)``.
    """
    bins = np.arange(level.shape[1])
    left, top, right = level[:, :-2], level[:, 1:-1], level[:, 2:]
    is_peak = np.pad((top > left) & (top >= right), ((0, 0), (1, 1)))
    offset = np.pad(0.5 * (left - right) / np.minimum(left - 2 * top + right, -1e-9), ((0, 0), (1, 1)))
    far = 2 * len(bins)
    below = np.maximum.accumulate(np.where(is_peak, bins, -far), 1)
    above = np.minimum.accumulate(np.where(is_peak, bins, far)[:, ::-1], 1)[:, ::-1]
    peak = np.where(bins - below < above - bins, below, above)
    peak = np.where(is_peak.any(1, keepdims=True), peak, bins)
    own = np.take_along_axis(np.where(is_peak, offset, 0.0), peak, 1)
    return peak, peak + own
