"""Magnitudes to audio in one pass: phases for tones, attacks and noise.

Peaks are tones: their phases advance from frame to frame with their frequencies. Around each peak, phases follow from
the rate at which its level rises or falls, so that an attack sounds at its time instead of being smeared over the
window. Parts without peaks (breath, bow, room) get the phases of noise, as advanced phases would turn them into
whistling. Knows nothing of notes.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

_BLOCK_FRAMES = 128  # processed at once: few enough for the processor's cache
TWO_PI = np.float32(2 * np.pi)
_LEAST = 1e-5  # magnitude; far below anything audible
_HANN_WIDTH = 0.25645  # the time-frequency ratio of the Gaussian nearest to a Hann window, over its length squared
_MOST_TURN = np.float32(np.pi / 2)  # largest phase step between bins: energy a quarter of a window off its middle
_REACH = 3  # bins: range around a peak in which its valleys are searched
_DB = np.log(10) / 20  # one dB, in natural logarithms of magnitude
_NOISE, _TONE = 1.5 * _DB, 3.0 * _DB  # height of a peak above its valleys: noise to the first, tone from the second
_STEADY, _ATTACK = 0.15, 0.5  # rise of log magnitude per frame: no attack up to the first, an attack from the second
_MOMENTUM = np.float32(0.99)  # of Perraudin et al. (2013)


def magnitude_to_audio(magnitude: Tensor, n_fft: int, hop_length: int, num_samples: int, steps: int = 1) -> Tensor:
    """Audio whose STFT (Hann windows, frames centred) has about this magnitude.

    `with_phases` gives the first phases; then `steps` updates of fast Griffin-Lim make the frames consistent.

    Args:
        magnitude: At least 0.
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        num_samples: Length of the result.
        steps: Number of updates. One for a predicted magnitude: more would bring out its errors. About four for the
            magnitude of a recording.

    Shape:
        ``(n_fft // 2 + 1, T)`` -> ``(num_samples,)``.

    Reference:
        Perraudin, Balazs & Søndergaard (2013), A Fast Griffin-Lim Algorithm, WASPAA 2013: algorithm 2. An STFT is
        linear, so the momentum is applied to audio here, which is smaller than spectra.
    """
    wanted = magnitude.cpu().numpy()
    length = max((wanted.shape[1] - 1) * hop_length, num_samples - n_fft // 2) + n_fft
    last = audio = _overlap_add(with_phases(wanted, n_fft, hop_length), n_fft, hop_length, length)
    for _ in range(steps):
        further = audio + _MOMENTUM * (audio - last)
        last, audio = (
            audio,
            _overlap_add(_project_magnitude(further, wanted, n_fft, hop_length), n_fft, hop_length, length),
        )
    return torch.from_numpy(audio[n_fft // 2 : n_fft // 2 + num_samples]).to(magnitude.device)


def _overlap_add(spectra: Iterator[tuple[int, np.ndarray]], n_fft: int, hop_length: int, length: int) -> np.ndarray:
    """Overlap-add of the frames of all blocks, ``(length,)``: the audio with the nearest STFT."""
    audio, weight = np.zeros(length, np.float32), np.full(length, 1e-8, np.float32)
    window = _window(n_fft)
    squared = window**2
    for start, spectrum in spectra:
        frames = torch.fft.irfft(torch.from_numpy(spectrum), n_fft).numpy() * window
        for place, frame in enumerate(frames, start=start):
            here = slice(place * hop_length, place * hop_length + n_fft)
            audio[here] += frame
            weight[here] += squared
    return audio / weight


def _project_magnitude(
    audio: np.ndarray, magnitude: np.ndarray, n_fft: int, hop_length: int
) -> Iterator[tuple[int, np.ndarray]]:
    """The given magnitude with the phases of `audio`, in blocks as `with_phases` yields them."""
    window, num_frames = _window(n_fft), magnitude.shape[1]
    for start in range(0, num_frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, num_frames)
        part = audio[start * hop_length : (stop - 1) * hop_length + n_fft]
        frames = np.lib.stride_tricks.sliding_window_view(part, n_fft)[::hop_length] * window
        spectrum = torch.fft.rfft(torch.from_numpy(frames)).numpy()
        size = np.abs(spectrum)
        spectrum *= magnitude[:, start:stop].T / np.maximum(size, np.float32(1e-9))
        yield start, spectrum


def with_phases(magnitude: np.ndarray, n_fft: int, hop_length: int) -> Iterator[tuple[int, np.ndarray]]:
    """A complex spectrum for a magnitude; the same magnitude gives the same spectrum.

    Args:
        magnitude: Of an STFT with Hann windows, frames centred.
        n_fft: Window length in samples.
        hop_length: Samples between frames.

    Yields:
        The first frame of a block, and its spectrum, complex64.

    Shape:
        ``(n_fft // 2 + 1, T)`` -> ``(T', n_fft // 2 + 1)`` each, frames first.

    Reference:
        Along time: Beauregard, Harish & Wyse (2015), Single Pass Spectrogram Inversion, DSP 2015. Across frequency:
        Průša, Balazs & Søndergaard (2017), A Noniterative Method for Reconstruction of Phase from STFT Magnitude, in
        IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(5): the gradient of phase is that of log
        magnitude.
    """
    num_bins, num_frames = magnitude.shape
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((num_frames - 1) * hop_length + n_fft, np.float32)
    phase = np.multiply(rng.random(num_bins, np.float32), TWO_PI)
    for start in range(0, num_frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, num_frames)
        level, rise = _level_and_rise(magnitude, start, stop)
        peak, frequency = _nearest_peaks(level)
        advance = _wrap_phase(TWO_PI * hop_length / n_fft * frequency + _from_peak(rise, peak, n_fft, hop_length))
        phases = np.empty(level.shape, np.float32)
        for t in range(stop - start):
            np.add(phase[peak[t]], advance[t], out=phases[t])
            phase = phases[t]
        phase = _wrap_phase(phase)
        share = _tonal_share(level, rise, peak)
        loud = magnitude[:, start:stop].T.astype(np.float32)
        tone, hiss = loud * np.sqrt(share), loud * np.sqrt(1 - share)
        noisy = _noise_spectrum(noise[start * hop_length : (stop - 1) * hop_length + n_fft], n_fft, hop_length)
        spectrum = np.empty(level.shape, np.complex64)
        spectrum.real = tone * np.cos(phases) + hiss * noisy.real
        spectrum.imag = tone * np.sin(phases) + hiss * noisy.imag
        yield start, spectrum


def _level_and_rise(magnitude: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Natural logarithm of a block's magnitude, and its rise per frame; both ``(T, F)``."""
    first, last = max(0, start - 1), min(magnitude.shape[1], stop + 1)
    level = np.log(magnitude[:, first:last].T.astype(np.float32) + np.float32(_LEAST))
    rise = np.gradient(level, axis=0) if len(level) > 1 else np.zeros_like(level)
    inner = slice(start - first, stop - first)
    return level[inner], rise[inner]


def _from_peak(rise: np.ndarray, peak: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """Phase of each bin relative to its peak, ``(T, F)``.

    Neighbouring bins of a steady tone differ by half a turn, as the frames are centred; the later an event in the
    window, the larger the difference.
    """
    per_bin = np.clip(rise * np.float32(-_HANN_WIDTH * n_fft / hop_length), -_MOST_TURN, _MOST_TURN)
    along = np.zeros_like(per_bin)
    np.cumsum(0.5 * (per_bin[:, 1:] + per_bin[:, :-1]), axis=1, out=along[:, 1:])
    half_turns = np.float32(np.pi) * ((np.arange(peak.shape[1]) - peak) & 1)
    relative: np.ndarray = half_turns + along - np.take_along_axis(along, peak, 1)
    return relative


def _wrap_phase(phase: np.ndarray) -> np.ndarray:
    """The same phase within half a turn either way: float32 is inexact after many turns."""
    return phase - TWO_PI * np.rint(phase / TWO_PI)


def _tonal_share(level: np.ndarray, rise: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Share of tone or attack in the power of each bin, in [0, 1], ``(T, F)``; the rest is noise."""
    below, above = level.copy(), level.copy()
    for step in range(1, _REACH + 1):
        np.minimum(below[:, step:], level[:, :-step], out=below[:, step:])
        np.minimum(above[:, :-step], level[:, step:], out=above[:, :-step])
    height = np.take_along_axis(level - np.maximum(below, above), peak, 1)
    tone = (height - _NOISE) / (_TONE - _NOISE)
    attack = (rise - _STEADY) / (_ATTACK - _STEADY)
    share: np.ndarray = np.clip(np.maximum(tone, attack), 0.0, 1.0)
    return share


def _noise_spectrum(noise: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """STFT of white noise with a mean power of 1 per bin; ``(T, F)``."""
    window = _window(n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(noise, n_fft)[::hop_length]
    return np.fft.rfft(frames * (window / np.sqrt((window**2).sum())))


def _window(n_fft: int) -> np.ndarray:
    """Hann, periodic, float32."""
    return np.hanning(n_fft + 1)[:-1].astype(np.float32)


def _nearest_peaks(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The peak nearest to each bin, and the frequency of that peak in bins, by parabolic interpolation.

    In a frame without peaks, each bin is its own peak.

    Shape:
        ``(T, F)`` -> both ``(T, F)``.
    """
    num_frames, num_bins = level.shape
    left, top, right = level[:, :-2], level[:, 1:-1], level[:, 2:]
    frame, at = np.nonzero((top > left) & (top >= right))
    if not len(at):
        own = np.broadcast_to(np.arange(num_bins), level.shape)
        return own, own.astype(np.float32)
    left, top, right = (x[frame, at] for x in (left, top, right))
    bins = at + 1
    frequency = bins + 0.5 * (left - right) / np.minimum(left - 2 * top + right, np.float32(-1e-9))
    # Bins of the flattened frames that belong to each peak: from half way to the previous peak, or the frame's start.
    place = frame * num_bins + bins
    first = np.diff(frame, prepend=-1) > 0
    begins = np.where(first, frame * num_bins, (place + np.roll(place, 1) + 1) // 2)
    begins[0] = 0
    counts = np.diff(begins, append=num_frames * num_bins)
    peak, nearest = (np.repeat(x, counts).reshape(level.shape) for x in (bins, frequency.astype(np.float32)))
    bare = np.bincount(frame, minlength=num_frames) == 0
    peak[bare] = nearest[bare] = np.arange(num_bins)
    return peak, nearest
