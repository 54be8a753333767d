"""Magnitudes to audio in one pass: phases for tones, attacks and noise.

Peaks are tones: their phases advance from frame to frame with their frequencies. Around each peak, phases follow from
the rate at which its level rises or falls, so that an attack sounds at its time instead of being smeared over the
window. Parts without peaks (breath, bow, room) get the phases of noise, as advanced phases would turn them into
whistling. Knows nothing of notes. All but the noise is computed on the device of the magnitudes.
"""

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.overlap_add import MagnitudeProjection, OverlapAdd, hann

_BLOCK_FRAMES = 512  # processed at once: few enough for the processor's cache, enough for two threads
_CARD_BLOCK_FRAMES = 2048  # by a card, where starting a step takes longer than computing it
TWO_PI = 2 * math.pi
_LEAST = 1e-5  # magnitude; far below anything audible
_HANN_WIDTH = 0.25645  # the time-frequency ratio of the Gaussian nearest to a Hann window, over its length squared
_MOST_TURN = math.pi / 2  # largest phase step between bins: energy a quarter of a window off its middle
_REACH = 3  # bins: range around a peak in which its valleys are searched
_DB = math.log(10) / 20  # one dB, in natural logarithms of magnitude
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
    stream = AudioStream(n_fft, hop_length, steps, phase, position, magnitude.device)
    audio = torch.cat([stream.push(magnitude), stream.finish()])[:num_samples]
    return F.pad(audio, (0, num_samples - len(audio)))


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
        device: Of the magnitudes and the audio.
    """

    def __init__(
        self,
        n_fft: int,
        hop_length: int,
        steps: int = 1,
        phase: np.ndarray | None = None,
        position: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self._phases, self._add = (
            Phases(n_fft, hop_length, phase, position, device),
            OverlapAdd(n_fft, hop_length, device),
        )
        self._projections = [MagnitudeProjection(n_fft, hop_length, device) for _ in range(steps)]
        self._early = n_fft // 2  # samples before the centre of the first frame, still to be left out
        self.delay = n_fft // 2 + steps * (n_fft - hop_length)

    def push(self, magnitude: Tensor) -> Tensor:
        """Append frames; gives the audio that no later frame changes.

        Shape:
            ``(n_fft // 2 + 1, T)`` -> ``(S,)``.
        """
        blocks = [torch.zeros(0, device=magnitude.device)]
        size = _BLOCK_FRAMES if _is_processor(magnitude) else _CARD_BLOCK_FRAMES
        for start in range(0, magnitude.shape[1], size):
            blocks.append(self._push(magnitude[:, start : start + size]))
        return torch.cat(blocks)

    def finish(self) -> Tensor:
        """The rest of the audio.

        Shape:
            ``(S,)``.
        """
        return self._push(None)

    def _push(self, magnitude: Tensor | None) -> Tensor:
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
        device: Of the magnitudes.

    Shape:
        phase ``(n_fft // 2 + 1,)``, in radians.

    Reference:
        Along time: Beauregard, Harish & Wyse (2015), Single Pass Spectrogram Inversion, DSP 2015. Across frequency:
        Průša, Balazs & Søndergaard (2017), A Noniterative Method for Reconstruction of Phase from STFT Magnitude, in
        IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(5): the gradient of phase is that of log
        magnitude.
    """

    def __init__(
        self,
        n_fft: int,
        hop_length: int,
        phase: np.ndarray | None = None,
        position: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self._n_fft, self._hop_length, self._position = n_fft, hop_length, position
        drawn = np.random.default_rng(0).random(n_fft // 2 + 1, np.float32) if phase is None else phase / TWO_PI
        self._phase = torch.from_numpy(np.multiply(drawn, TWO_PI, dtype=np.float32)).to(device)
        self._window = torch.from_numpy(hann(n_fft)).to(device)
        self._waiting = torch.zeros(0, n_fft // 2 + 1, device=device)  # the frame before the next one, and the next one
        self._begun = False  # whether `_waiting` holds a frame before the next one

    def push(self, magnitude: Tensor | None) -> tuple[Tensor, Tensor]:
        """Append frames; None ends the stream.

        Returns:
            The magnitudes and the complex spectrum of the frames that are complete.

        Shape:
            ``(n_fft // 2 + 1, T)`` -> two of ``(T', n_fft // 2 + 1)``, frames first.
        """
        known = self._waiting
        if magnitude is not None:
            known = torch.cat([known, magnitude.T.float()])
        first, stop = int(self._begun), len(known) - (magnitude is not None)
        if stop <= first:
            self._waiting = known
            return known[:0], known[:0].to(torch.complex64)
        level = torch.log(known + _LEAST)
        rise = torch.gradient(level, dim=0)[0] if len(level) > 1 else torch.zeros_like(level)
        done = slice(first, stop)
        self._waiting, self._begun = known[stop - 1 :], True
        return known[done], self._spectrum(known[done], level[done], rise[done])

    def _spectrum(self, loud: Tensor, level: Tensor, rise: Tensor) -> Tensor:
        """The next frames: tones with advancing phases, the rest with those of noise."""
        n_fft, hop = self._n_fft, self._hop_length
        peak, frequency = _nearest_peaks(level)
        advance = _wrap_phase(TWO_PI * hop / n_fft * frequency + _from_peak(rise, peak, n_fft, hop))
        phases = (_frame_by_frame if _is_processor(level) else _in_doubling_steps)(self._phase, peak, advance)
        self._phase = _wrap_phase(phases[-1])
        share = _tonal_share(level, rise, peak)
        tone, hiss = loud * share.sqrt(), loud * (1 - share).sqrt()
        last = self._position + (len(level) - 1) * hop + n_fft
        noise = torch.from_numpy(white_noise(self._position, last)).to(level.device)
        noisy = torch.fft.rfft(noise.unfold(0, n_fft, hop) * (self._window / self._window.square().sum().sqrt()))
        self._position += len(level) * hop
        return torch.complex(tone * phases.cos() + hiss * noisy.real, tone * phases.sin() + hiss * noisy.imag)


def _is_processor(values: Tensor) -> bool:
    """Whether the values are in the processor's memory."""
    return values.device.type == "cpu"


def _frame_by_frame(phase: Tensor, peak: Tensor, advance: Tensor) -> Tensor:
    """Phases ``(T, F)`` after one frame ``(F,)``: in each frame those of the peaks before, advanced."""
    phases = torch.empty_like(advance)
    for here, step, result in zip(peak, advance, phases, strict=True):
        phase = torch.add(phase[here], step, out=result)
    return phases


def _in_doubling_steps(phase: Tensor, peak: Tensor, advance: Tensor) -> Tensor:
    """`_frame_by_frame` within half a turn, in few large steps: each doubles the frames that are taken together."""
    taken = 1
    while taken < len(peak):
        here = peak[taken:]
        advance = torch.cat([advance[:taken], _wrap_phase(advance[:-taken].gather(1, here) + advance[taken:])])
        peak = torch.cat([peak[:taken], peak[:-taken].gather(1, here)])
        taken *= 2
    return _wrap_phase(phase[peak] + advance)


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


def _from_peak(rise: Tensor, peak: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Phase of each bin relative to its peak, ``(T, F)``.

    Neighbouring bins of a steady tone differ by half a turn, as the frames are centred; the later an event in the
    window, the larger the difference.
    """
    per_bin = (rise * (-_HANN_WIDTH * n_fft / hop_length)).clamp(-_MOST_TURN, _MOST_TURN)
    along = F.pad((0.5 * (per_bin[:, 1:] + per_bin[:, :-1])).cumsum(1), (1, 0))
    half_turns = math.pi * ((torch.arange(peak.shape[1], device=peak.device) - peak) & 1)
    return half_turns + along - along.gather(1, peak)


def _wrap_phase(phase: Tensor) -> Tensor:
    """The same phase within half a turn either way: float32 is inexact after many turns."""
    return phase - TWO_PI * torch.round(phase / TWO_PI)


def _tonal_share(level: Tensor, rise: Tensor, peak: Tensor) -> Tensor:
    """Share of tone or attack in the power of each bin, in [0, 1], ``(T, F)``; the rest is noise."""
    least_below, least_above = (
        -F.max_pool1d(F.pad(-level, side, value=-torch.inf), _REACH + 1, stride=1)
        for side in ((_REACH, 0), (0, _REACH))
    )
    height = (level - torch.maximum(least_below, least_above)).gather(1, peak)
    tone = (height - _NOISE) / (_TONE - _NOISE)
    attack = (rise - _STEADY) / (_ATTACK - _STEADY)
    return torch.maximum(tone, attack).clamp(0.0, 1.0)


def _nearest_peaks(level: Tensor) -> tuple[Tensor, Tensor]:
    """The peak nearest to each bin, and the frequency of that peak in bins, by parabolic interpolation.

    In a frame without peaks, each bin is its own peak.

    Shape:
        ``(T, F)`` -> both ``(T, F)``.
    """
    num_bins = level.shape[1]
    own = torch.arange(num_bins, device=level.device)
    left, top, right = level[:, :-2], level[:, 1:-1], level[:, 2:]
    frame, at = ((top > left) & (top >= right)).nonzero(as_tuple=True)
    if not len(at):
        return own.expand_as(level), own.expand_as(level).float()
    left, top, right = (x[frame, at] for x in (left, top, right))
    bins = at + 1
    frequency = bins + 0.5 * (left - right) / (left - 2 * top + right).clamp_max(-1e-9)
    # Bins of the flattened frames that belong to each peak: from half way to the previous peak, or the frame's start.
    place = frame * num_bins + bins
    first = frame.diff(prepend=frame.new_full((1,), -1)) > 0
    begins = torch.where(first, frame * num_bins, (place + place.roll(1) + 1) // 2)
    begins[0] = 0
    counts = begins.diff(append=begins.new_full((1,), level.numel()))
    nearest = torch.repeat_interleave(counts, output_size=level.numel()).view_as(level)
    peak, frequency = bins[nearest], frequency[nearest]
    bare = (torch.bincount(frame, minlength=len(level)) == 0)[:, None]
    return torch.where(bare, own, peak), torch.where(bare, own.float(), frequency)
