"""Pitch bends: the deviation of each note from its key over time (vibrato, slides, tuning).

Bends are estimated from the frequencies of the partials in one sound, with the level of each note beside them, and
applied to another sound by shifting the spectrum around each note. Knows nothing of networks.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.windows import in_windows, windows
from stylebox.core.config import MelConfig
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, key_hz

MOST_CENTS = 80.0  # largest bend; beyond it the next key sounds
_PARTIALS = 8  # partials per note that are measured
_NEAR_BINS = 1.0  # least search range around a partial: neighbouring low keys are closer than one bin
_SOUNDING = 0.15  # least posterior of a key that is measured
_MARGIN_FRAMES = 8  # on either side of a block: half a window, the frames held, and smoothing
_HELD_FRAMES = 2  # a gap in a posterior this short is filled, as at the peak of a wide vibrato
_ALIKE_CENTS = 25.0  # partials that deviate more from the others get little weight
_HALF_WIDTH_BINS = 1.5  # half width of a partial's weight over the bins around it
_UNMOVED = 1e-3  # weight of no bend, relative to the posterior of a key
_BLOCK_FRAMES = 1024  # processed at once; bounds memory
_SILENT = 1e-6  # magnitude
_LOUDEST_DB = 40.0  # a bin this far below the loudest of its frame is ignored


def estimate_bends(audio: Tensor, frame: Tensor, config: MelConfig) -> Tensor:
    """Deviation of each note from its key in cents, estimated from the frequencies of its partials.

    Args:
        audio: Mono, at the configuration's rate.
        frame: Posterior of each key to sound, in [0, 1].
        config: Sample rate, window and hop.

    Returns:
        Cents in [-`MOST_CENTS`, `MOST_CENTS`]; 0 where the key does not sound.

    Shape:
        audio ``(S,)``, frame ``(N, T)`` -> ``(N, T)``.

    Reference:
        Frequencies by reassignment: Auger & Flandrin (1995), eq. 13, IEEE Transactions on Signal Processing 43(5).
    """
    return measure_keys(audio, frame, config)[0]


def measure_keys(audio: Tensor, frame: Tensor, config: MelConfig) -> Tensor:
    """Bend and level of each note, from the frequencies and the power of its lower partials.

    Where partials of several notes meet, each note gets its share of them.

    Args:
        audio: Mono, at the configuration's rate.
        frame: Posterior of each key to sound, in [0, 1].
        config: Sample rate, window and hop.

    Returns:
        Cents as `estimate_bends` returns them, and levels: root mean squares, 0 where the key does not sound.

    Shape:
        audio ``(S,)``, frame ``(N, T)`` -> ``(2, N, T)``.
    """
    hop, num_frames = config.hop_length, frame.shape[1]

    def compute(first: int, last: int) -> Tensor:
        return _measure(audio[first * hop : (last - 1) * hop + 1], frame[:, first:last], config)

    return in_windows(compute, num_frames, _BLOCK_FRAMES, _MARGIN_FRAMES)


def _measure(audio: Tensor, frame: Tensor, config: MelConfig) -> Tensor:
    """`measure_keys` for one block."""
    held = F.max_pool1d(frame, 2 * _HELD_FRAMES + 1, stride=1, padding=_HELD_FRAMES)
    power, hz = (x[:, : frame.shape[1]] for x in _reassigned(audio, config))
    frames, sounding = power.shape[1], held.cpu().numpy()[:, : power.shape[1]]
    cents, levels = np.zeros((2, NUM_KEYS, frame.shape[1]), np.float32)
    weights = _partial_weights(config.sample_rate, config.n_fft)
    total = weights.T @ sounding + _UNMOVED  # (F, T)
    octaves = np.log2(np.maximum(hz, 1.0))
    amplitude = np.sqrt(power) * (power > power.max(0) * 10.0 ** (-_LOUDEST_DB / 10))
    for key in np.flatnonzero(sounding.max(1, initial=0.0) > _SOUNDING):
        bins, partial_octaves = _partials(int(key), config)
        share = sounding[key] * weights[key, bins, None] / total[bins]
        off = 1200 * (octaves[bins] - partial_octaves[:, None])
        weight = amplitude[bins] * share * (np.abs(off) < MOST_CENTS)
        middle = (weight * off).sum(0) / (weight.sum(0) + 1e-9)
        weight *= np.exp(-0.5 * ((off - middle) / _ALIKE_CENTS) ** 2)
        cents[key, :frames] = _smooth((weight * off).sum(0), weight.sum(0)) * (sounding[key] > _SOUNDING)
        near = share * power[bins] * (np.abs(off) < MOST_CENTS)
        levels[key, :frames] = np.sqrt(2 * near.sum(0) / _window_power(config.n_fft)) * (sounding[key] > _SOUNDING)
    return torch.from_numpy(np.stack([cents, levels])).to(frame)


def apply_bends(magnitude: Tensor, frame: Tensor, cents: Tensor, sample_rate: int) -> Tensor:
    """Shift each note of a spectrum by its bend; bins between notes move with the nearest one.

    Args:
        magnitude: Of an STFT, with all notes at the pitch of their keys.
        frame: Posterior of each key to sound, in [0, 1]; interpolated to the frames of the spectrum.
        cents: Bends as `estimate_bends` returns them.
        sample_rate: In Hz.

    Shape:
        magnitude ``(n_fft // 2 + 1, T')``, frame and cents ``(N, T)`` -> as magnitude.
    """
    if not bool(cents.any()):
        return magnitude
    num_bins, num_frames = magnitude.shape
    sounding, moved = (_spread(x, num_frames) for x in (frame, frame * cents))
    weights = torch.from_numpy(_partial_weights(sample_rate, 2 * (num_bins - 1))).to(magnitude)
    bins = torch.arange(num_bins, device=magnitude.device)[:, None]
    result = torch.empty_like(magnitude)
    for window in windows(num_frames, _BLOCK_FRAMES):
        block = slice(window.start, window.stop)
        shift = (weights.T @ moved[:, block]) / (weights.T @ sounding[:, block] + _UNMOVED)  # (F, T'), cents
        source = (bins * 2.0 ** (-shift / 1200)).clamp(0, num_bins - 1)
        below = source.floor().clamp(max=num_bins - 2)
        level = magnitude[:, block].clamp_min(_SILENT).log()
        low, high = (level.gather(0, below.long() + step) for step in (0, 1))
        between = torch.lerp(low, high, source - below).exp()
        result[:, block] = torch.where(between <= 2 * _SILENT, 0.0, between)
    return result


def _reassigned(audio: Tensor, config: MelConfig) -> tuple[np.ndarray, np.ndarray]:
    """Power of each bin and its reassigned frequency in Hz, both ``(F, T)``."""
    n_fft = config.n_fft
    window = torch.hann_window(n_fft, dtype=torch.float64)
    slope = torch.pi / n_fft * torch.sin(2 * torch.pi * torch.arange(n_fft, dtype=torch.float64) / n_fft)
    plain, derived = (
        torch.stft(
            audio.float(), n_fft, config.hop_length, window=w.float().to(audio.device), pad_mode="constant",
            return_complex=True,
        ).cpu().numpy()
        for w in (window, slope)
    )  # fmt: skip
    power = plain.real**2 + plain.imag**2
    turn = -(derived * plain.conj()).imag / np.maximum(power, 1e-12)  # radians per sample
    centre = np.arange(len(power))[:, None] * config.sample_rate / n_fft
    return power, (centre + turn * config.sample_rate / (2 * np.pi)).astype(np.float32)


def _window_power(n_fft: int) -> float:
    """Sum of the squared spectrum of the Hann window: what a sine of amplitude 2 has in all its bins together."""
    return 3 / 8 * n_fft**2


def _partials(key: int, config: MelConfig) -> tuple[np.ndarray, np.ndarray]:
    """Bins in which the lower partials of a key can lie, and log2 of their nominal frequencies; both ``(P,)``."""
    f0, hz_per_bin = key_hz(key + LOWEST_KEY), config.sample_rate / config.n_fft
    bins, octaves = [], []
    for h in range(1, _PARTIALS + 1):
        centre = h * f0 / hz_per_bin
        reach = max(_NEAR_BINS, centre * (2 ** (MOST_CENTS / 1200) - 1))
        near = np.arange(int(np.ceil(centre - reach)), int(centre + reach) + 1)
        near = near[(near > 0) & (near < config.n_fft // 2)]
        bins.append(near)
        octaves.append(np.full(len(near), np.log2(h * f0)))
    return np.concatenate(bins), np.concatenate(octaves)


def _smooth(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted means ``(T,)``, smoothed over neighbouring frames."""
    smooth = [np.convolve(np.pad(x, 1), (0.15, 0.7, 0.15), mode="valid") for x in (total, weight)]
    return smooth[0] / (smooth[1] + 1e-6)


@lru_cache(maxsize=4)
def _partial_weights(sample_rate: int, n_fft: int) -> np.ndarray:
    """Weight of each key for each bin, by the distance to its nearest partial; ``(N, F)`` in (0, 1]."""
    bins = np.arange(n_fft // 2 + 1)
    f0 = np.array([key_hz(key + LOWEST_KEY) for key in range(NUM_KEYS)])[:, None] * n_fft / sample_rate
    distance = bins - np.maximum(1, np.round(bins / f0)) * f0
    return (1 / (1 + (distance / _HALF_WIDTH_BINS) ** 2)).astype(np.float32)


def _spread(values: Tensor, num_frames: int) -> Tensor:
    """``(N, T)`` interpolated linearly to `num_frames` frames."""
    times = max(1, round(num_frames / values.shape[1]))
    place = (torch.arange(num_frames, device=values.device) / times).clamp(max=values.shape[1] - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=values.shape[1] - 1)
    return torch.lerp(values[:, below], values[:, above], (place - below).to(values))
