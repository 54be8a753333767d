"""Steeper attacks: analysis windows of 46 ms smear an attack, so that part of its sound comes too early.

Around each onset, the rise of the level is measured per octave. The part of its length that the windows cause is
removed: sound before the attack is attenuated to the level before the note, sound after it is amplified. Slow attacks
stay unchanged. Knows nothing of instruments or networks.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

SMEAR_SECONDS = 0.016  # 10-90 % rise of a step analysed with windows of 46 ms: measured as 12 to 16 ms
_LEAST_RISE_SECONDS = 0.002  # shortest 10-90 % rise of the result
_FAST_SECONDS, _SLOW_SECONDS = 0.02, 0.03  # measured rises: full correction up to the first, none from the second
_LOWEST_HZ = 500.0  # lower edge of the lowest octave: below it, such a rise is hardly longer than a period
_BEFORE_SECONDS, _AFTER_SECONDS = 0.06, 0.05  # around an onset: the audio that is analysed
_SOONEST_SECONDS, _LATEST_SECONDS = -0.012, 0.02  # from an onset to the middle of its rise
_EARLY_SECONDS = 0.03  # how long before the middle of its rise a smeared attack can sound
_SMEARED = 1.0  # highest level of the smear, at the middle of the rise, relative to the height of the rise
_SMEARED_SECONDS = 0.0055  # time constant of the smear before the middle: there it falls to 37 %
_USUAL_SECONDS, _SPREAD_SECONDS = 0.004, 0.016  # from an onset to the middle of its rise: mean, standard deviation
_TOP_SECONDS = 0.022  # after the middle of a rise: where the level of the note is measured
_QUIET_FROM_SECONDS, _QUIET_TO_SECONDS = -0.05, -0.012  # from an onset: where the level before the note is measured
_STEP_SECONDS = 0.0004  # between measurements of the level
_FINE_SECONDS, _STEADY_SECONDS = 0.0025, 0.01  # smoothing of the corrected level; of those around it
_SIDE_SECONDS = 0.006  # before and after the middle of a rise: spans whose levels are compared
_QUIET_GAIN = 1.2  # mean level before a note, relative to the least
_LEAST_RATIO, _FULL_RATIO = 1.6, 2.5  # level after / level before: no correction up to the first, full from the second
_MOST_GAIN = 2.0  # amplitude
_ONE_ATTACK_SECONDS = 0.012  # onsets closer than this count as one attack
_SETTLED_SECONDS = 0.004  # after an onset: the correction of the next attack must not reach into this span
_SILENT = 1e-14  # power
_COSINE_RISE = 2 / np.pi * np.arcsin(0.8)  # 10-90 % rise of a half cosine, relative to its length
_LINEAR_RISE = 0.8  # the same for a straight line
_ONSETS_AT_ONCE = 16  # that are corrected: bounds memory


def sharpen_attacks(audio: np.ndarray, onset_seconds: Sequence[float] | np.ndarray, sample_rate: int) -> np.ndarray:
    """Undo the smearing of attacks by analysis windows.

    Audio more than 60 ms before an onset and 50 ms after it has no influence and is not changed.

    Args:
        audio: Audio made from magnitudes with windows of about 46 ms.
        onset_seconds: Onset times of the notes, in any order.
        sample_rate: In Hz.

    Returns:
        A new array, float32.

    Shape:
        ``(S,)`` -> ``(S,)``.
    """
    audio = np.asarray(audio, np.float32)
    result = audio.copy()
    step = max(1, round(_STEP_SECONDS * sample_rate))
    steps_before, steps_after = (round(x * sample_rate / step) for x in (_BEFORE_SECONDS, _AFTER_SECONDS))
    length = (steps_before + steps_after) * step
    octaves, samples = _octaves(length, sample_rate), np.arange(length)
    measured = (np.arange(steps_before + steps_after) + 0.5) * step  # the middles of the measurements, in samples
    seconds = measured / sample_rate - steps_before * step / sample_rate  # the same from the onset
    onsets = np.sort(np.asarray(onset_seconds, float))
    onsets = onsets[np.diff(onsets, prepend=-np.inf) > _ONE_ATTACK_SECONDS]
    gaps = np.diff(onsets, prepend=-np.inf, append=np.inf)[:, None, None]
    firsts = np.round(onsets * sample_rate).astype(int) - steps_before * step
    for begin in range(0, len(onsets), _ONSETS_AT_ONCE):
        here = slice(begin, begin + _ONSETS_AT_ONCE)
        around = np.stack([_stretch(audio, first, length) for first in firsts[here]])
        parts = np.fft.irfft(np.fft.rfft(around)[:, None] * octaves, length)
        power = np.square(parts).reshape(*parts.shape[:2], -1, step).mean(-1)
        gains = _gains(power, seconds, gaps[:-1][here], gaps[1:][here])
        for first, pieces, changes in zip(firsts[here], parts, gains - 1, strict=True):
            start, stop = max(0, first), min(len(audio), first + length)
            for piece, change in zip(pieces, changes, strict=True):
                if change.any():
                    added = (piece * np.interp(samples, measured, change)).astype(np.float32)
                    result[start:stop] += added[start - first : stop - first]
    return result


def _stretch(audio: np.ndarray, first: int, length: int) -> np.ndarray:
    """Samples from `first` on, silence before and after the audio, ``(S,)`` -> ``(length,)``."""
    start, stop = min(max(0, first), len(audio)), max(0, min(len(audio), first + length))
    found = np.zeros(length, np.float32)
    found[start - first : max(start, stop) - first] = audio[start:stop]
    return found


def _gains(power: np.ndarray, seconds: np.ndarray, gap_before: np.ndarray, gap_after: np.ndarray) -> np.ndarray:
    """The gains of octaves around onsets; 1 where there is no fast attack.

    Args:
        power: Power of the octaves.
        seconds: Time of each value, from the onset.
        gap_before: Seconds since the previous onset.
        gap_after: Seconds to the next onset.

    Shape:
        power ``(K, O, T)``, seconds ``(T,)``, gaps ``(K, 1, 1)`` -> ``(K, O, T)``.
    """
    width = seconds[1] - seconds[0]
    power = power + _SILENT
    steady = np.sqrt(_smoothed(power, np.ones(round(_STEADY_SECONDS / width))))
    quiet_from = np.maximum(_QUIET_FROM_SECONDS, -gap_before)
    quiet = (seconds >= quiet_from) & (seconds <= np.maximum(_QUIET_TO_SECONDS, quiet_from + _SETTLED_SECONDS))
    base = _QUIET_GAIN * np.where(quiet, steady, np.inf).min(-1, keepdims=True)
    step = _rises(power, round(_SIDE_SECONDS / width))
    searched = (seconds >= np.maximum(_SOONEST_SECONDS, -gap_before / 2)) & (
        seconds <= np.minimum(_LATEST_SECONDS, gap_after)
    )
    likely = np.exp(-0.5 * ((seconds - _USUAL_SECONDS) / _SPREAD_SECONDS) ** 2)
    place = np.where(searched, step * likely, -np.inf).argmax(-1, keepdims=True)
    ends = np.diff(searched, prepend=False) | np.diff(searched, append=False)  # of the search: nothing was found
    middle = seconds[place]
    top = np.where((seconds >= middle) & (seconds <= middle + _TOP_SECONDS), steady, 0.0).max(-1, keepdims=True)
    attacked = (top > _LEAST_RATIO * base) & ~np.take_along_axis(np.broadcast_to(ends, step.shape), place, -1)
    height = np.where(attacked, top - base, 1.0)
    length = _rise_seconds(np.take_along_axis(step, place, -1) / height)
    drawn = _LINEAR_RISE * length
    share = np.minimum(1.0, (top / base - _LEAST_RATIO) / (_FULL_RATIO - _LEAST_RATIO))
    share = share * np.clip((_SLOW_SECONDS - drawn) / (_SLOW_SECONDS - _FAST_SECONDS), 0.0, 1.0)
    rise = np.sqrt(np.maximum(drawn**2 - SMEAR_SECONDS**2, _LEAST_RISE_SECONDS**2))
    ramp = 0.5 + 0.5 * np.sin(np.pi * np.clip((seconds - middle) / rise * _COSINE_RISE, -0.5, 0.5))
    level = np.sqrt(_smoothed(power, np.hanning(2 * round(_FINE_SECONDS / width) + 1)))
    smeared = _SMEARED * height * np.exp(np.minimum(seconds - middle, 0.0) / _SMEARED_SECONDS)
    wanted = np.maximum(base + height * ramp, level - smeared) / level  # anything louder than the smear stays
    gain = np.where(seconds < middle, np.minimum(wanted, 1.0), np.clip(wanted, 1.0, _MOST_GAIN))
    first = np.maximum(middle - _EARLY_SECONDS, _SETTLED_SECONDS - gap_before)
    changed = attacked & (seconds >= first) & (seconds <= middle + length / 2)
    gains: np.ndarray = np.where(changed, 1 + share * (gain - 1), 1.0)
    return gains


def _rises(power: np.ndarray, side: int) -> np.ndarray:
    """At each moment, the mean level of the `side` values from it on, less that of those before, ``(..., T)``."""
    edges = [(0, 0)] * (power.ndim - 1)
    total = np.pad(np.cumsum(power, -1), [*edges, (side + 1, side)], mode="edge")
    total[..., : side + 1] = 0.0
    sums = np.sqrt(np.maximum(total[..., side:] - total[..., :-side], 0.0) / side)  # of the `side` values before each
    length = power.shape[-1]
    rises: np.ndarray = sums[..., side : side + length] - sums[..., :length]
    return rises


def _rise_seconds(contrast: np.ndarray) -> np.ndarray:
    """Length of a linear rise whose mean levels before and after its middle differ by `contrast` times its height."""
    steep, slow = 4 * (1 - np.minimum(contrast, 1.0)), 1 / np.maximum(contrast, 0.05)
    seconds: np.ndarray = _SIDE_SECONDS * np.where(contrast > 0.5, steep, slow)
    return seconds


def _smoothed(values: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The weighted mean of the values around each, with zeros beyond the ends; the window is symmetric."""
    edges, size = [(0, 0)] * (values.ndim - 1), len(window)
    padded = np.pad(values.astype(float), [*edges, (size // 2, (size - 1) // 2)])
    smoothed: np.ndarray = np.lib.stride_tricks.sliding_window_view(padded, size, -1) @ (window / window.sum())
    return smoothed


@lru_cache(maxsize=4)
def _octaves(length: int, sample_rate: int) -> np.ndarray:
    """Weights of a filter bank of octaves over FFT bins; they sum to 1 above the lowest edge, ``(O, F)``.

    Band edges are half cosines, one octave wide, so that no band rings longer than a few of its periods.
    """
    octave = np.log2(np.maximum(np.fft.rfftfreq(length, 1 / sample_rate), 1.0) / _LOWEST_HZ)
    count = int(np.log2(sample_rate / 2 / _LOWEST_HZ))
    edges = [0.5 - 0.5 * np.cos(np.pi * np.clip(octave - place + 0.5, 0, 1)) for place in range(count)]
    bands: np.ndarray = np.array(edges) - np.array([*edges[1:], np.zeros_like(octave)])
    return bands.astype(np.float32)
