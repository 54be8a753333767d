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
_PARTIAL_BINS = 0.97  # standard deviation of a partial's peak in FFT bins: a Hann window's main lobe in power


def harmonic_inversion(mel: Tensor, frame: Tensor, config: MelConfig, num_samples: int) -> Tensor:
    """A mel made audible with the help of what is being played.

    Args:
        mel: In [-1, 1].
        frame: How surely each key sounds, in [0, 1].

    Shape:
        mel ``(M, T)``, frame ``(N, T)`` -> ``(num_samples,)``.
    """
    combs = torch.from_numpy(partial_combs(config)).to(mel)
    magnitude = mel_to_magnitude(mel, config, prior=BETWEEN_PARTIALS + combs.T @ frame.to(mel))
    phase = torch.from_numpy(carried_phases(magnitude.cpu().numpy(), config)).to(mel)
    window = torch.hann_window(config.n_fft, device=mel.device)
    return torch.istft(
        torch.polar(magnitude, phase), config.n_fft, config.hop_length, window=window, length=num_samples
    )


@lru_cache(maxsize=2)
def partial_combs(config: MelConfig) -> np.ndarray:
    """Where each key's partials lie on the FFT's axis, up to the Nyquist frequency; ``(N, n_fft // 2 + 1)``."""
    hz_per_bin = config.sample_rate / config.n_fft
    bins = np.arange(config.n_fft // 2 + 1)
    combs = np.zeros((NUM_KEYS, len(bins)), np.float32)
    for key in range(NUM_KEYS):
        f0 = 440.0 * 2.0 ** ((key + LOWEST_KEY - 69) / 12)
        for h in range(1, int(config.sample_rate / 2 / f0) + 1):
            combs[key] += np.exp(-0.5 * ((bins - h * f0 / hz_per_bin) / _PARTIAL_BINS) ** 2)
    return combs


def carried_phases(magnitude: np.ndarray, config: MelConfig) -> np.ndarray:
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
    advance = 2 * np.pi * config.hop_length / config.n_fft  # radians a hop, for each bin of frequency
    phase = np.random.default_rng(0).random((num_bins,)) * (2 * np.pi)  # same mel, same audio
    level = np.log(magnitude.astype(np.float64) + 1e-9)
    phases = np.empty((num_bins, num_frames), np.float32)
    for t in range(num_frames):
        here = level[:, t]
        peaks = np.flatnonzero((here[1:-1] > here[:-2]) & (here[1:-1] >= here[2:])) + 1
        if len(peaks):
            left, top, right = here[peaks - 1], here[peaks], here[peaks + 1]
            frequency = peaks + 0.5 * (left - right) / np.minimum(left - 2 * top + right, -1e-9)  # of a parabola
            nearest = np.searchsorted((peaks[1:] + peaks[:-1]) / 2, bins)
            # Neighbouring bins of one sinusoid differ by half a turn, as the frames are centred.
            carried = phase[peaks] + advance * frequency
            phase = (carried[nearest] + np.pi * (bins - peaks[nearest])) % (2 * np.pi)
        phases[:, t] = phase
    return phases
