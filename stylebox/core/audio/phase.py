"""Magnitudes to audio in one pass: phases for tones, attacks and noise.

Peaks are tones: their phases advance from frame to frame with their frequencies. Around each peak, phases follow from
the rate at which its level rises or falls, so that an attack sounds at its time instead of being smeared over the
window. Parts without peaks (breath, bow, room) get the phases of noise, as advanced phases would turn them into
whistling. Knows nothing of notes.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.overlap_add import MagnitudeProjection, OverlapAdd, hann

_BLOCK_FRAMES = 128  # processed at once: few enough for the processor's cache
TWO_PI = np.float32(2 * np.pi)
_LEAST = 1e-5  # magnitude; far below anything audible
_HANN_WIDTH = 0.25645  # the time-frequency ratio of the Gaussian nearest to a Hann window, over its length squared
_MOST_TURN = np.float32(np.pi / 2)  # largest phase step between bins: energy a quarter of a window off its middle
_REACH = 3  # bins: range around a peak in which its valleys are searched
_DB = np.log(10) / 20  # one dB, in natural logarithms of magnitude
_NOISE, _TONE = 1.5 * _DB, 3.0 * _DB  # height of a peak above its valleys: noise to the first, tone from the second
_NOISE_SAMPLES = 1 << 14  # drawn at once
_STEADY, _ATTACK = 0.15, 0.5  # rise of log magnitude per frame: no attack up to the first, an attack from the second


def magnitude_to_audio(
    magnitude: Tensor,
    n_fft: int,
    hop_length: int,
    num_samples: int,
    steps: int = 1,
    *,
    phase: np.ndarray | None = None,
    position: int = 0,
) -> Tensor:
    """Audio whose STFT (Hann windows, frames centred) has about this magnitude.

    Args:
        magnitude: At least 0.
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        num_samples: Length of the result.
        steps: See `AudioStream`.
        phase: See `Phases`.
        position: See `Phases`.

    Shape:
        ``(n_fft // 2 + 1, T)`` and phase ``(n_fft // 2 + 1,)`` -> ``(num_samples,)``.
    """
    stream, wanted = AudioStream(n_fft, hop_length, steps, phase, position), magnitude.cpu().numpy()
    audio = np.append(stream.push(wanted), stream.finish())[:num_samples]
    return torch.from_numpy(np.pad(audio, (0, num_samples - len(audio)))).to(magnitude.device)


class AudioStream:
    """Magnitudes to audio, in blocks of any size: the audio is that of the whole at once.

    `Phases` gives the first phases; then `steps` updates of fast Griffin-Lim make the frames consistent. Audio follows
    `delay` samples behind the centre of the newest frame.

    Args:
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        steps: Number of updates. One for a predicted magnitude: more would bring out its errors. About four for the
            magnitude of a recording.
        phase: See `Phases`.
        position: See `Phases`.
    """

    def __init__(
        self, n_fft: int, hop_length: int, steps: int = 1, phase: np.ndarray | None = None, position: int = 0
    ) -> None:
        self._phases, self._add = Phases(n_fft, hop_length, phase, position), OverlapAdd(n_fft, hop_length)
        self._projections = [MagnitudeProjection(n_fft, hop_length) for _ in range(steps)]
        self._early = n_fft // 2  # samples before the centre of the first frame, still to be left out
        self.delay = n_fft // 2 + steps * (n_fft - hop_length)

    def push(self, magnitude: np.ndarray) -> np.ndarray:
        """Append frames; gives the audio that no later frame changes.

        Shape:
            ``(n_fft // 2 + 1, T)`` -> ``(S,)``.
        """
        blocks = [np.zeros(0, np.float32)]
        for start in range(0, magnitude.shape[1], _BLOCK_FRAMES):
            blocks.append(self._push(magnitude[:, start : start + _BLOCK_FRAMES]))
        return np.concatenate(blocks)

    def finish(self) -> np.ndarray:
        """The rest of the audio.

        Shape:
            ``(S,)``.
        """
        return self._push(None)

    def _push(self, magnitude: np.ndarray | None) -> np.ndarray:
        """The audio that follows from the next block; None ends the stream."""
        last = magnitude is None
        wanted, spectrum = self._phases.push(magnitude)
        audio = earlier = self._add.push(spectrum, last)
        for projection in self._projections:
            audio, earlier = projection.push(wanted, audio, earlier, last)
        left_out = min(self._early, len(audio))
        self._early -= left_out
        return audio[left_out:]


class Phases:
    """A complex spectrum for a magnitude, in blocks of any size; the same magnitude gives the same spectrum.

    The magnitude is of an STFT with Hann windows, frames centred. Spectra come one frame late: whether a level rises
    is known with the next frame.

    Args:
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        phase: Of each bin in the frame before the first one; drawn at random unless given.
        position: Of the first frame in a longer sound, in samples; noise depends on it alone.

    Shape:
        phase ``(n_fft // 2 + 1,)``, in radians.

    Reference:
        Along time: Beauregard, Harish & Wyse (2015), Single Pass Spectrogram Inversion, DSP 2015. Across frequency:
        Průša, Balazs & Søndergaard (2017), A Noniterative Method for Reconstruction of Phase from STFT Magnitude, in
        IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(5): the gradient of phase is that of log
        magnitude.
    """

    def __init__(self, n_fft: int, hop_length: int, phase: np.ndarray | None = None, position: int = 0) -> None:
        self._n_fft, self._hop_length, self._position = n_fft, hop_length, position
        drawn = np.random.default_rng(0).random(n_fft // 2 + 1, np.float32) if phase is None else phase / TWO_PI
        self._phase = np.multiply(drawn, TWO_PI, dtype=np.float32)
        self._waiting = np.zeros((0, n_fft // 2 + 1), np.float32)  # the frame before the next one, and the next one
        self._begun = False  # whether `_waiting` holds a frame before the next one

    def push(self, magnitude: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Append frames; None ends the stream.

        Returns:
            The magnitudes and the complex spectrum of the frames that are complete.

        Shape:
            ``(n_fft // 2 + 1, T)`` -> two of ``(T', n_fft // 2 + 1)``, frames first.
        """
        known = self._waiting
        if magnitude is not None:
            known = np.concatenate([known, magnitude.T.astype(np.float32)])
        first, stop = int(self._begun), len(known) - (magnitude is not None)
        if stop <= first:
            self._waiting = known
            return known[:0], known[:0].astype(np.complex64)
        level = np.log(known + np.float32(_LEAST))
        rise = np.gradient(level, axis=0) if len(level) > 1 else np.zeros_like(level)
        done = slice(first, stop)
        self._waiting, self._begun = known[stop - 1 :], True
        return known[done], self._spectrum(known[done], level[done], rise[done])

    def _spectrum(self, loud: np.ndarray, level: np.ndarray, rise: np.ndarray) -> np.ndarray:
        """The next frames: tones with advancing phases, the rest with those of noise."""
        n_fft, hop = self._n_fft, self._hop_length
        peak, frequency = _nearest_peaks(level)
        advance = _wrap_phase(TWO_PI * hop / n_fft * frequency + _from_peak(rise, peak, n_fft, hop))
        phases, phase = np.empty(level.shape, np.float32), self._phase
        for t in range(len(level)):
            np.add(phase[peak[t]], advance[t], out=phases[t])
            phase = phases[t]
        self._phase = _wrap_phase(phase)
        share = _tonal_share(level, rise, peak)
        tone, hiss = loud * np.sqrt(share), loud * np.sqrt(1 - share)
        last = self._position + (len(level) - 1) * hop + n_fft
        noisy = _noise_spectrum(white_noise(self._position, last), n_fft, hop)
        self._position += len(level) * hop
        spectrum = np.empty(level.shape, np.complex64)
        spectrum.real = tone * np.cos(phases) + hiss * noisy.real
        spectrum.imag = tone * np.sin(phases) + hiss * noisy.imag
        return spectrum


def white_noise(start: int, stop: int) -> np.ndarray:
    """A stretch of one endless white noise of power 1.

    Shape:
        ``(stop - start,)``.
    """
    first, last = start // _NOISE_SAMPLES, -(-stop // _NOISE_SAMPLES)
    noise = np.concatenate([_noise_block(number) for number in range(first, last)])
    return noise[start - first * _NOISE_SAMPLES : stop - first * _NOISE_SAMPLES]


@lru_cache(maxsize=8)
def _noise_block(number: int) -> np.ndarray:
    return np.random.default_rng([0, number]).standard_normal(_NOISE_SAMPLES, np.float32)


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
    window = hann(n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(noise, n_fft)[::hop_length]
    return np.fft.rfft(frames * (window / np.sqrt((window**2).sum())))


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
