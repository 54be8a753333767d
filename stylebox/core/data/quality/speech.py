"""Detection of speech in a recording of music."""

import numpy as np
from scipy.fft import rfft

# The partials of speech change in frequency. Of 419 rendered parts of music (69 instruments) one, a plucked bass, has a
# smaller share of steady partials than this; recorded phrases have 0.8 and more, four synthetic voices 0.1 to 0.4.
_STRETCH_SECONDS, _STEADY_SHARE = 10.0, 0.42
_STEADY_CENTS, _REACH_BINS = 25.0, 3  # bins that 25 cents are at the highest partial
_LAGS = (1, 2)  # frames
_FFT_SECONDS = 0.093  # length of a frame; frames do not overlap
_LOWEST_HZ, _HIGHEST_HZ = 90.0, 1500.0  # range of the strongest partials of voices and instruments
_PEAK_DB, _ACTIVE_DB = -20.0, -35.0  # a partial relative to the strongest of its frame; a frame relative to a loud one


def spoken_stretches(audio: np.ndarray, sample_rate: int) -> list[tuple[float, float]]:
    """Parts that sound like speech rather than notes: ``(start, end)`` in seconds, in steps of 10 s.

    Most partials of a note have the same frequency 93 or 186 ms later; those of speech glide and vanish. Noise and
    drums have no partials and count as speech too.

    Shape:
        ``audio`` is ``(S,)``.
    """
    steady, active, frame_seconds = _steadiness(audio, sample_rate)
    step = round(_STRETCH_SECONDS / frame_seconds)
    found: list[tuple[float, float]] = []
    for first in range(0, len(steady) - step + 1, step):
        sounding = active[first : first + step]
        if sounding.mean() < 0.2 or steady[first : first + step][sounding].mean() >= _STEADY_SHARE:
            continue
        start, end = first * frame_seconds, (first + step) * frame_seconds
        if found and start - found[-1][1] < frame_seconds:
            start = found.pop()[0]
        found.append((start, end))
    return found


def _steadiness(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Per frame: the share of steady partials, weighted by level, and whether there is sound; the length of a frame."""
    size = 2 * round(_FFT_SECONDS * sample_rate / 2)
    low, high = round(_LOWEST_HZ * size / sample_rate), round(_HIGHEST_HZ * size / sample_rate)
    num_frames = len(audio) // size
    if num_frames < 2:
        return np.zeros(0), np.zeros(0, bool), size / sample_rate
    window = np.hanning(size).astype(np.float32)
    levels = np.empty((num_frames, high - low + 3), np.float32)
    for first in range(0, num_frames, 1024):  # in blocks: the spectrum of a whole recording would be large
        frames = audio[first * size : min(first + 1024, num_frames) * size].reshape(-1, size)
        spectrum = np.abs(rfft(frames * window, axis=1))[:, low - 1 : high + 2]
        levels[first : first + len(frames)] = 20 * np.log10(spectrum + 1e-9)
    before, here, after = levels[:, :-2], levels[:, 1:-1], levels[:, 2:]
    strongest = here.max(axis=1)
    active = strongest > np.percentile(strongest, 95) + _ACTIVE_DB
    peak = (here > before) & (here >= after) & (here > strongest[:, None] + _PEAK_DB)
    offset = 0.5 * (before - after) / np.minimum(before - 2 * here + after, -1e-6)
    cents = 1200 * np.log2(np.arange(low, high + 1) + np.clip(offset, -0.5, 0.5))
    stays = np.zeros_like(peak)
    for ahead in _LAGS:  # a vibrato has its old pitch again after one of them
        for shift in range(-_REACH_BINS, _REACH_BINS + 1):
            now = slice(max(-shift, 0), peak.shape[1] - max(shift, 0))
            then = slice(max(shift, 0), peak.shape[1] - max(-shift, 0))
            near = np.abs(cents[:-ahead, now] - cents[ahead:, then]) < _STEADY_CENTS
            stays[:-ahead, now] |= peak[:-ahead, now] & peak[ahead:, then] & near
    weight = np.where(peak, 10 ** (here / 20), 0)
    steady = (weight * stays).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
    return steady, active & np.append(active[1:], False) & peak.any(axis=1), size / sample_rate
