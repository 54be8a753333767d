"""Magnitudes to audio without an iteration: where they are tones, where attacks, where noise.

Peaks are tones: their phases go on from frame to frame. Around each peak, phases follow from how fast its level rises
or falls, so that an attack is gathered at its time instead of being smeared over the window. What has no peaks is
breath, bow or room: it is drawn from noise, as carried phases would make whistles of it. Knows nothing of notes.
"""

import numpy as np
import torch
from torch import Tensor

_BLOCK_FRAMES = 512  # looked at together; bounds memory
_LEAST = 1e-5  # magnitude; far below anything that is heard
_HANN_WIDTH = 0.25645  # the time-frequency ratio of the Gaussian nearest to a Hann window, over its length squared
_MOST_TURN = np.pi / 2  # from one bin to the next by an attack: energy a quarter of a window off its middle
_REACH = 3  # bins: how far from a peak its valleys are looked for
_DB = np.log(10) / 20  # of a natural logarithm of magnitude
_NOISE, _TONE = 1.5 * _DB, 3.0 * _DB  # how far a peak rises above both valleys
_STEADY, _ATTACK = 0.15, 0.5  # rise of log magnitude in a frame: an attack is no noise, whatever its shape


def magnitude_to_audio(magnitude: Tensor, n_fft: int, hop_length: int, num_samples: int) -> Tensor:
    """Audio whose STFT (Hann windows, frames centred) has about this magnitude.

    Shape:
        ``(n_fft // 2 + 1, T)`` -> ``(num_samples,)``.
    """
    spectrum = torch.from_numpy(with_phases(magnitude.cpu().numpy(), n_fft, hop_length)).to(magnitude.device)
    window = torch.hann_window(n_fft, device=magnitude.device)
    return torch.istft(spectrum, n_fft, hop_length, window=window, length=num_samples)


def with_phases(magnitude: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """A complex spectrum for a magnitude: tones, attacks and noise, the same for the same magnitude.

    Args:
        magnitude: Of an STFT with Hann windows, frames centred.

    Shape:
        ``(n_fft // 2 + 1, T)`` -> the same, complex64.

    Reference:
        Along time: Beauregard, Harish & Wyse (2015), Single Pass Spectrogram Inversion, DSP 2015. Across frequency:
        Průša, Balazs & Søndergaard (2017), A Noniterative Method for Reconstruction of Phase from STFT Magnitude, in
        IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(5): the gradient of phase is that of log
        magnitude.
    """
    num_bins, num_frames = magnitude.shape
    chance = np.random.default_rng(0)
    noise = chance.standard_normal((num_frames - 1) * hop_length + n_fft).astype(np.float32)
    phase = np.asarray(chance.random(num_bins)) * (2 * np.pi)
    spectrum = np.empty(magnitude.shape, np.complex64)
    for start in range(0, num_frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, num_frames)
        level, rise = _level_and_rise(magnitude, start, stop)
        peak, frequency = _nearest_peaks(level)
        turn = 2 * np.pi * hop_length / n_fft * frequency + _from_peak(rise, peak, n_fft, hop_length)
        phases = np.empty(level.shape)
        for t in range(stop - start):
            phase = (phase[peak[t]] + turn[t]) % (2 * np.pi)
            phases[t] = phase
        tonal = np.sqrt(_tonal_share(level, rise, peak))
        hiss = _noise_spectrum(noise[start * hop_length : (stop - 1) * hop_length + n_fft], n_fft, hop_length)
        spectrum[:, start:stop] = (
            (tonal * np.exp(1j * phases) + np.sqrt(1 - tonal**2) * hiss) * magnitude[:, start:stop].T
        ).T
    return spectrum


def _level_and_rise(magnitude: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Natural logarithm of a stretch's magnitude, and how much it rises per frame; both ``(T, F)``."""
    first, last = max(0, start - 1), min(magnitude.shape[1], stop + 1)
    level = np.log(magnitude[:, first:last].T.astype(np.float32) + np.float32(_LEAST))
    rise = np.gradient(level, axis=0) if len(level) > 1 else np.zeros_like(level)
    inner = slice(start - first, stop - first)
    return level[inner], rise[inner]


def _from_peak(rise: np.ndarray, peak: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """Phase of each bin relative to its peak, ``(T, F)``.

    Neighbouring bins of a steady tone differ by half a turn, as the frames are centred; those of an event later in
    the window turn on faster.
    """
    per_bin = np.clip(-_HANN_WIDTH * n_fft / hop_length * rise, -_MOST_TURN, _MOST_TURN)
    steps = np.pi + 0.5 * (per_bin[:, 1:] + per_bin[:, :-1])
    along = np.pad(np.cumsum(steps, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    return along - np.take_along_axis(along, peak, 1)


def _tonal_share(level: np.ndarray, rise: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """How much of each bin's power is tone or attack, in [0, 1], ``(T, F)``; the rest is noise."""
    below, above = level, level
    for step in range(1, _REACH + 1):
        below = np.minimum(below, np.pad(level[:, :-step], ((0, 0), (step, 0)), mode="edge"))
        above = np.minimum(above, np.pad(level[:, step:], ((0, 0), (0, step)), mode="edge"))
    height = np.take_along_axis(level - np.maximum(below, above), peak, 1)
    tone = (height - _NOISE) / (_TONE - _NOISE)
    attack = (rise - _STEADY) / (_ATTACK - _STEADY)
    return np.clip(np.maximum(tone, attack), 0.0, 1.0)


def _noise_spectrum(noise: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """STFT of white noise, of power 1 in each bin on average; ``(T, F)``."""
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(noise, n_fft)[::hop_length]
    return np.fft.rfft(frames * (window / np.sqrt((window**2).sum())))


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
