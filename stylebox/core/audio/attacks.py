"""Attacks as steep as they were played: windows of 46 ms smear them, and part of their sound comes too early.

About each onset, the rise of the level is measured in each octave. The part of its length that is due to the windows
is taken away: sound that comes too early is turned down to the level before the note, sound that comes too late is
turned up. Notes that begin slowly stay. Knows nothing of instruments or networks.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

SMEAR_SECONDS = 0.016  # rise from 10 to 90 % of a step that is drawn with windows of 46 ms: 12 to 16 ms, measured
_LEAST_RISE_SECONDS = 0.002  # from 10 to 90 %
_FAST_SECONDS, _SLOW_SECONDS = 0.02, 0.03  # measured rises: all of the change up to the first, none from the second on
_LOWEST_HZ = 500.0  # below it, such a rise is hardly longer than a period
_BEFORE_SECONDS, _AFTER_SECONDS = 0.06, 0.05  # around an onset: the audio that is measured
_SOONEST_SECONDS, _LATEST_SECONDS = -0.012, 0.02  # from an onset to the middle of its rise
_EARLY_SECONDS = 0.03  # for which an attack is heard before the middle of its rise
_SMEARED, _SMEARED_SECONDS = (
    1.0,
    0.0055,
)  # most level of a smear at its middle; for how long it falls to 37 %, backwards
_USUAL_SECONDS, _SPREAD_SECONDS = 0.004, 0.016  # from an onset to the middle of its rise: mean, standard deviation
_TOP_SECONDS = 0.022  # from the middle of a rise: where the level of the note is looked for
_QUIET_FROM_SECONDS, _QUIET_TO_SECONDS = -0.05, -0.012  # from an onset: where the level before the note is looked for
_STEP_SECONDS = 0.0004  # between measurements of the level
_FINE_SECONDS, _STEADY_SECONDS = 0.0025, 0.01  # smoothing of the level to be changed, and of those before and after
_SIDE_SECONDS = 0.006  # of either side of a rise whose levels are compared
_QUIET_GAIN = 1.2  # from the least level before a note to the usual one
_LEAST_RATIO, _FULL_RATIO = 1.6, 2.5  # of the levels after and before: no change at the first, all of it at the second
_MOST_GAIN = 2.0
_ONE_ATTACK_SECONDS = 0.012  # onsets closer than this are one attack
_SETTLED_SECONDS = 0.004  # after an onset, its attack is not changed on account of the next one
_SILENT = 1e-14  # power
_COSINE_RISE = 2 / np.pi * np.arcsin(0.8)  # from 10 to 90 % of half a cosine, over its length
_LINEAR_RISE = 0.8  # the same of a straight line


def sharpen_attacks(audio: np.ndarray, onset_seconds: Sequence[float], sample_rate: int) -> np.ndarray:
    """Make the attacks of notes as steep as they were before windows smeared them.

    Local in time: audio more than 60 ms before an onset and 50 ms after it is neither changed nor looked at.

    Args:
        audio: A sound made from magnitudes with windows of about 46 ms.
        onset_seconds: When notes begin, in any order.
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
    onsets = np.unique(np.asarray(onset_seconds, float))
    onsets = onsets[np.diff(onsets, prepend=-np.inf) > _ONE_ATTACK_SECONDS]
    gaps = np.diff(onsets, prepend=-np.inf, append=np.inf)
    for onset, gap_before, gap_after in zip(onsets, gaps[:-1], gaps[1:], strict=True):
        first = round(onset * sample_rate) - steps_before * step
        start, stop = max(0, first), min(len(audio), first + length)
        if stop <= start:
            continue
        around = np.zeros(length, np.float32)
        around[start - first : stop - first] = audio[start:stop]
        for part in np.fft.irfft(np.fft.rfft(around) * octaves, length):
            gain = _gain(np.square(part).reshape(-1, step).mean(1), seconds, gap_before, gap_after)
            if gain is not None:
                change = part * np.interp(samples, measured, gain - 1.0)
                result[start:stop] += change[start - first : stop - first].astype(np.float32)
    return result


def _gain(power: np.ndarray, seconds: np.ndarray, gap_before: float, gap_after: float) -> np.ndarray | None:
    """What one octave is multiplied by about an onset, ``(T,)`` -> ``(T,)``; None if there is no fast attack.

    Args:
        power: Of the octave.
        seconds: Of each measurement, from the onset.
        gap_before: Seconds from the onset before.
        gap_after: Seconds to the onset after.
    """
    width = seconds[1] - seconds[0]
    power = power + _SILENT
    steady = np.sqrt(_smoothed(power, np.ones(round(_STEADY_SECONDS / width))))
    quiet_from = max(_QUIET_FROM_SECONDS, -gap_before)
    quiet = (seconds >= quiet_from) & (seconds <= max(_QUIET_TO_SECONDS, quiet_from + _SETTLED_SECONDS))
    base = _QUIET_GAIN * steady[quiet].min()
    if steady[seconds >= _SOONEST_SECONDS].max() <= _LEAST_RATIO * base:
        return None
    side = round(_SIDE_SECONDS / width)
    total = np.pad(np.cumsum(power), (side + 1, side), mode="edge")
    total[: side + 1] = 0.0
    sums = np.sqrt(np.maximum(total[side:] - total[:-side], 0.0) / side)  # of the `side` measurements before each
    step = sums[side : side + len(power)] - sums[: len(power)]
    searched = np.flatnonzero(
        (seconds >= max(_SOONEST_SECONDS, -gap_before / 2)) & (seconds <= min(_LATEST_SECONDS, gap_after))
    )
    likely = np.exp(-0.5 * ((seconds[searched] - _USUAL_SECONDS) / _SPREAD_SECONDS) ** 2)
    place = int(searched[(step[searched] * likely).argmax()])
    if place in (searched[0], searched[-1]):
        return None
    middle = seconds[place]
    top = steady[(seconds >= middle) & (seconds <= middle + _TOP_SECONDS)].max()
    if top <= _LEAST_RATIO * base:
        return None
    length = _rise_seconds(step[place] / (top - base))
    drawn = _LINEAR_RISE * length
    share = min(1.0, (top / base - _LEAST_RATIO) / (_FULL_RATIO - _LEAST_RATIO))
    share *= np.clip((_SLOW_SECONDS - drawn) / (_SLOW_SECONDS - _FAST_SECONDS), 0.0, 1.0)
    if share == 0:
        return None
    rise = np.sqrt(max(drawn**2 - SMEAR_SECONDS**2, _LEAST_RISE_SECONDS**2))
    ramp = 0.5 + 0.5 * np.sin(np.pi * np.clip((seconds - middle) / rise * _COSINE_RISE, -0.5, 0.5))
    level = np.sqrt(_smoothed(power, np.hanning(2 * round(_FINE_SECONDS / width) + 1)))
    smeared = _SMEARED * (top - base) * np.exp(np.minimum(seconds - middle, 0.0) / _SMEARED_SECONDS)
    wanted = np.maximum(base + (top - base) * ramp, level - smeared) / level  # what is louder is no smear
    gain = np.where(seconds < middle, np.minimum(wanted, 1.0), np.clip(wanted, 1.0, _MOST_GAIN))
    first = max(middle - _EARLY_SECONDS, _SETTLED_SECONDS - gap_before)
    return np.where((seconds >= first) & (seconds <= middle + length / 2), 1 + share * (gain - 1), 1.0)


def _rise_seconds(contrast: float) -> float:
    """Length of a straight rise whose mean levels on either side of its middle differ by `contrast` of its height."""
    if contrast > 0.5:
        return 4 * _SIDE_SECONDS * (1 - min(contrast, 1.0))
    return _SIDE_SECONDS / max(contrast, 0.05)


def _smoothed(values: np.ndarray, window: np.ndarray) -> np.ndarray:
    return np.convolve(values, window / window.sum(), "same")


@lru_cache(maxsize=4)
def _octaves(length: int, sample_rate: int) -> np.ndarray:
    """The shares of each octave in the bins of a spectrum; together they are 1 above the lowest, ``(O, F)``.

    Edges are half cosines an octave wide, so that no band rings longer than a few of its periods.
    """
    octave = np.log2(np.maximum(np.fft.rfftfreq(length, 1 / sample_rate), 1.0) / _LOWEST_HZ)
    count = int(np.log2(sample_rate / 2 / _LOWEST_HZ))
    edges = [0.5 - 0.5 * np.cos(np.pi * np.clip(octave - place + 0.5, 0, 1)) for place in range(count)]
    return (np.array(edges) - np.array([*edges[1:], np.zeros_like(octave)])).astype(np.float32)
