"""Mel to audio when the notes are known: no network, one pass.

The mel bands of a low note are wider than the distance of its partials; the notes give the partials' frequencies.
Knows nothing of networks.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.mel import mel_to_magnitude
from stylebox.core.audio.phase import magnitude_to_audio
from stylebox.core.audio.pitch_bend import apply_bends
from stylebox.core.config import MelConfig
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, key_hz

BETWEEN_PARTIALS = 0.03  # power expected between partials, relative to their peaks: breath, bow, attack
_PEAK_BINS = 7  # range around a peak; beyond it there is less than 1e-9 of the peak
_PARTIAL_BINS = 0.97  # standard deviation of a partial's peak in FFT bins: the main lobe of a Hann window in power


def harmonic_inversion(
    mel: Tensor, frame: Tensor, config: MelConfig, num_samples: int, cents: Tensor | None = None
) -> Tensor:
    """Mel to audio, with partials at the frequencies of the keys that sound.

    Args:
        mel: In [-1, 1].
        frame: Posterior of each key to sound, in [0, 1].
        config: The mel's settings.
        num_samples: Length of the result.
        cents: Pitch of each key's note relative to the key, in cents; None is 0.

    Shape:
        mel ``(M, T)``, frame and cents ``(N, T)`` -> ``(num_samples,)``.
    """
    return magnitude_to_audio(
        harmonic_spectrum(mel, frame, config, cents), config.n_fft, config.hop_length, num_samples
    )


def harmonic_spectrum(mel: Tensor, frame: Tensor, config: MelConfig, cents: Tensor | None = None) -> Tensor:
    """The magnitudes of `harmonic_inversion`.

    Args:
        mel: In [-1, 1].
        frame: Posterior of each key to sound, in [0, 1].
        config: The mel's settings.
        cents: Pitch of each key's note relative to the key, in cents; None is 0.

    Shape:
        mel ``(M, T)``, frame and cents ``(N, T)`` -> ``(n_fft // 2 + 1, T)``.
    """
    combs = torch.from_numpy(partial_combs(config.sample_rate, config.n_fft)).to(mel)
    magnitude = mel_to_magnitude(mel, config, prior=BETWEEN_PARTIALS + combs.T @ frame.to(mel))
    return magnitude if cents is None else apply_bends(magnitude, frame, cents, config.sample_rate)


@lru_cache(maxsize=4)
def partial_combs(sample_rate: int, n_fft: int) -> np.ndarray:
    """Peaks at each key's partials over FFT bins, up to the Nyquist frequency.

    Shape:
        The result is ``(N, n_fft // 2 + 1)``, float32.
    """
    combs = np.zeros((NUM_KEYS, n_fft // 2 + 1 + 2 * _PEAK_BINS), np.float32)  # with room for peaks at the ends
    for key in range(NUM_KEYS):
        f0 = key_hz(key + LOWEST_KEY) * n_fft / sample_rate  # in bins
        place = np.arange(1, int(n_fft / 2 / f0) + 1)[:, None] * f0
        near = np.round(place).astype(int) + np.arange(-_PEAK_BINS, _PEAK_BINS + 1)
        np.add.at(combs[key], near + _PEAK_BINS, np.exp(-0.5 * ((near - place) / _PARTIAL_BINS) ** 2))
    return combs[:, _PEAK_BINS:-_PEAK_BINS]
