"""Loudness of a sound, overall and over time, and gains that match one sound to another.

Levels are RMS in dBFS: a full-scale square wave has 0 dB, a full-scale sine -3 dB. There is no K-weighting: only the
difference of two sounds matters here, and the mel of the networks is not weighted either. Knows nothing of files or
mels.
"""

from itertools import pairwise

import numpy as np

from stylebox.core.audio.energy import HOPS_PER_SECOND, Energy, hop_places, measure_energy

LOUDNESS_DB = -23.0  # dBFS; the common loudness of recordings
_BLOCK_HOPS, _STEP_HOPS = 32, 8  # blocks of 400 ms every 100 ms, as in BS.1770
ABSOLUTE_GATE_DB = -60.0  # dBFS; quieter blocks are silence
RELATIVE_GATE_DB = -10.0  # relative to the mean of the blocks that are not silence; quieter blocks are rests

FRAME_HOPS = 8  # 100 ms: three periods of the lowest note of a piano
SMOOTHING_HOPS = 7  # length of the smoothing window: 90 ms
PHRASE_SECONDS = 2.0  # length of the window that stands for a phrase
MAX_GAIN_DB = 12.0  # largest amplification where a level is followed
RELEASE_DB_PER_SECOND = 200.0  # fastest decay of a measured level: full scale to silence in 0.3 s
_LEAST_POWER = 1e-20  # keeps a logarithm finite
FADE_IN_DB = 10.0  # range above the floor in which amplification fades in, so that noise gets none


def loudness_db(audio: np.ndarray, sample_rate: int) -> float:
    """Loudness of the parts that sound: RMS over blocks that pass two gates.

    Returns:
        dBFS; -inf if no block of 400 ms reaches -60 dBFS.

    Shape:
        ``audio`` is ``(S,)``.

    Reference:
        ITU-R BS.1770-4, annex 1; here the absolute gate is -60 dBFS.
    """
    return loudness_of(measure_energy(audio, sample_rate))


def loudness_of(energy: Energy) -> float:
    """`loudness_db` of a sound whose energy was measured; of several channels, the mean power counts.

    Returns:
        dBFS; -inf if no block of 400 ms reaches -60 dBFS.
    """
    return _gated_db(_block_powers(energy))


def gain_to(energy: Energy, target_db: float = LOUDNESS_DB) -> float:
    """The gain in dB after which a sound has a loudness; 0 for silence.

    Args:
        energy: Of the sound.
        target_db: Loudness to reach, in dBFS.
    """
    return _gain_to(_block_powers(energy), target_db)


def normalise_loudness(audio: np.ndarray, sample_rate: int, target_db: float = LOUDNESS_DB) -> tuple[np.ndarray, float]:
    """Bring a sound to a loudness by one gain.

    Args:
        audio: Any level.
        sample_rate: In Hz.
        target_db: Loudness of the result, in dBFS.

    Returns:
        ``(audio, gain_db)``: float32, and the gain. Silence stays unchanged, with gain 0. The result may exceed full
        scale.

    Shape:
        ``audio`` and the result are ``(S,)``.
    """
    gain_db = gain_to(measure_energy(audio, sample_rate), target_db)
    return np.asarray(audio, np.float32) * np.float32(10 ** (gain_db / 20)), gain_db


def match_loudness(audio: np.ndarray, reference: np.ndarray, sample_rate: int) -> np.ndarray:
    """Bring `audio` to the loudness of `reference` by one gain.

    Args:
        audio: The sound to change; silence stays unchanged.
        reference: The sound with the wanted loudness; if it is silent, so is the result.
        sample_rate: In Hz, of both.

    Shape:
        ``audio`` and the result are ``(S,)``; the reference may have another length.
    """
    target_db = loudness_db(reference, sample_rate)
    if np.isfinite(target_db):
        return normalise_loudness(audio, sample_rate, target_db)[0]
    return np.zeros(len(audio), np.float32)


def loudness_contour(
    audio: np.ndarray, frame: int = 4096, hop: int = 1024, floor_db: float = ABSOLUTE_GATE_DB
) -> np.ndarray:
    """Level over time: RMS of frames centred on every `hop`-th sample, in dBFS.

    The RMS of a frame that reaches beyond an end is taken over the part inside.

    Args:
        audio: Any level.
        frame: Length of a frame in samples.
        hop: Samples between frames.
        floor_db: Lowest value of the result, in dBFS.

    Shape:
        ``audio`` is ``(S,)``, the result ``(1 + S // hop,)``.
    """
    audio = np.asarray(audio, np.float32)
    centre = np.arange(1 + audio.size // hop) * hop
    start = np.clip(centre - frame // 2, 0, audio.size)
    stop = np.clip(centre - frame // 2 + frame, 0, audio.size)
    edges = np.unique(np.concatenate([start, stop]))
    pieces = [audio[i:j] for i, j in pairwise(edges)]
    energy = np.cumsum([0.0, *(float(np.dot(piece, piece)) for piece in pieces)])
    inside = energy[np.searchsorted(edges, stop)] - energy[np.searchsorted(edges, start)]
    power = inside / np.maximum(stop - start, 1)
    level_db: np.ndarray = 10 * np.log10(np.maximum(power, _power(floor_db)))
    return level_db


def follow_gain(found: Energy, wanted: Energy, closeness: float = 0.0, *, gain_db: float = 0.0) -> np.ndarray:
    """The gain that brings the level of one sound over time to that of another, so that a crescendo stays a crescendo.

    By default the levels are matched per phrase, so that each note keeps the envelope of its instrument: a piano note
    decays, a flute note is sustained. The gain is smooth and at most 12 dB. Near -60 dBFS there is no amplification, so
    that noise does not get louder; attenuation has no limit. Both levels are assumed to fall by 200 dB/s at most: where
    the wanted sound stops, a tail of up to 0.3 s may remain; then the gain is exactly zero.

    Args:
        found: Of the sound to change.
        wanted: Of the sound with the wanted level; cut to the length of `found`, or silent beyond its end.
        closeness: 0 follows the wanted level over phrases (about 2 s), 1 over about 90 ms, so that notes take on its
            swells and decays too.
        gain_db: A gain that the sound to change gets before.

    Shape:
        One gain at the beginning of each hop and one at the end: ``(H + 1,)``.
    """
    floor_db = ABSOLUTE_GATE_DB
    found_db = _released(np.maximum(_frame_levels(found) + gain_db, floor_db))
    wanted_db = np.full(len(found_db), floor_db)
    levels = _frame_levels(wanted)[: len(found_db)]
    wanted_db[: len(levels)] = np.maximum(levels, floor_db)
    wanted_db = _released(wanted_db)
    boost_db = MAX_GAIN_DB * np.clip((found_db - floor_db) / FADE_IN_DB, 0, 1)
    moment_db = np.minimum(wanted_db - found_db, boost_db)
    both = np.minimum(wanted_db, found_db) > floor_db + 0.01
    # Loud notes have more weight in a phrase.
    weight = np.where(both, 10 ** (np.maximum(wanted_db, found_db) / 40), 0.0)
    phrase_db = np.minimum(_over_phrases(moment_db, weight), boost_db)
    change_db = smoothed(phrase_db + closeness * (moment_db - phrase_db))
    # Smoothed twice: the first widens the sounding part by as much as the second narrows it.
    sounding = smoothed(smoothed(wanted_db > floor_db + 0.01) > 0)
    curve: np.ndarray = sounding * 10 ** (change_db / 20)
    return curve


def gain_at(curve: np.ndarray, start: int, stop: int, sample_rate: int) -> np.ndarray:
    """A gain per hop at each of some samples.

    Args:
        curve: Gains at the edges of hops.
        start: The first sample.
        stop: The one after the last.
        sample_rate: In Hz.

    Shape:
        curve ``(H + 1,)`` -> ``(stop - start,)``, float32.
    """
    gain: np.ndarray = np.interp(hop_places(start, stop, sample_rate), np.arange(len(curve)), curve)
    return gain.astype(np.float32)


def _frame_levels(energy: Energy) -> np.ndarray:
    """Level in dBFS of frames of 100 ms centred on the edges of hops, ``(H + 1,)``; at an end, of the part inside."""
    edge = np.arange(len(energy.samples) + 1)
    first, last = np.maximum(edge - FRAME_HOPS // 2, 0), np.minimum(edge + FRAME_HOPS // 2, len(energy.samples))
    total, count = (np.cumsum(np.append(0.0, x)) for x in (energy.power() * energy.samples, energy.samples))
    power = (total[last] - total[first]) / np.maximum(count[last] - count[first], 1)
    level_db: np.ndarray = 10 * np.log10(np.maximum(power, _LEAST_POWER))
    return level_db


def _released(level_db: np.ndarray) -> np.ndarray:
    """A contour that falls by `RELEASE_DB_PER_SECOND` at most."""
    fall_db = RELEASE_DB_PER_SECOND / HOPS_PER_SECOND * np.arange(len(level_db))
    released: np.ndarray = np.maximum.accumulate(level_db + fall_db) - fall_db
    return released


def _over_phrases(curve: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted moving average of `curve`; 0 where nothing has weight."""
    half = round(PHRASE_SECONDS * HOPS_PER_SECOND / 2)
    window = np.hanning(2 * half + 3)[1:-1]
    total, weights = (np.convolve(x, window)[half : half + len(curve)] for x in (curve * weight, weight))
    mean: np.ndarray = total / np.maximum(weights, 1e-9)
    return mean


def smoothed(curve: np.ndarray) -> np.ndarray:
    """A curve over hops smoothed by a Hann window of 90 ms; its first and last values are repeated beyond its ends.

    Shape:
        ``(H,)`` -> the same.
    """
    window = np.hanning(SMOOTHING_HOPS + 2)[1:-1]
    held = np.pad(curve.astype(float), SMOOTHING_HOPS // 2, mode="edge")
    return np.convolve(held, window / window.sum(), "valid")


def _block_powers(energy: Energy) -> np.ndarray:
    """Mean square of overlapping blocks; the last one ends where the sound ends."""
    hops = len(energy.samples)
    first = np.append(np.arange(0, hops - _BLOCK_HOPS, _STEP_HOPS), max(0, hops - _BLOCK_HOPS))
    last = np.minimum(first + _BLOCK_HOPS, hops)
    total, count = (np.cumsum(np.append(0.0, x)) for x in (energy.power() * energy.samples, energy.samples))
    powers: np.ndarray = (total[last] - total[first]) / np.maximum(count[last] - count[first], 1)
    return powers


def _gated_db(powers: np.ndarray) -> float:
    """Level of the blocks that pass both gates, in dBFS; -inf if none does."""
    sounding = powers[powers > _power(ABSOLUTE_GATE_DB)]
    if sounding.size == 0:
        return -np.inf
    playing = sounding[sounding > sounding.mean() * _power(RELATIVE_GATE_DB)]
    return 10 * float(np.log10(playing.mean()))


def _gain_to(powers: np.ndarray, target_db: float) -> float:
    """The gain in dB after which the gated level is `target_db`; 0 for silence."""
    level_db, gain_db = _gated_db(powers), 0.0
    for _ in range(8):  # a gain moves blocks across the absolute gate, so the level is measured again
        if not np.isfinite(level_db) or abs(level_db - target_db) < 1e-3:
            break
        gain_db += target_db - level_db
        level_db = _gated_db(powers * _power(gain_db))
    return gain_db


def _power(level_db: float) -> float:
    power: float = 10.0 ** (level_db / 10)
    return power
