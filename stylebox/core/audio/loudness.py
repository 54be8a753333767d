"""Loudness of a sound, overall and over time, and gains that match one sound to another.

Levels are RMS in dBFS: a full-scale square wave has 0 dB, a full-scale sine -3 dB. There is no K-weighting: only the
difference of two sounds matters here, and the mel of the networks is not weighted either. Knows nothing of files or
mels.
"""

from itertools import pairwise

import numpy as np

LOUDNESS_DB = -23.0  # dBFS; the common loudness of recordings
BLOCK_SECONDS = 0.4  # length of a measured block, as in BS.1770
HOP_SECONDS = 0.1
ABSOLUTE_GATE_DB = -60.0  # dBFS; quieter blocks are silence
RELATIVE_GATE_DB = -10.0  # relative to the mean of the blocks that are not silence; quieter blocks are rests

FOLLOW_HOP_SECONDS = 0.0125
FOLLOW_FRAME_HOPS = 8  # 100 ms: three periods of the lowest note of a piano
SMOOTHING_HOPS = 7  # length of the smoothing window: 90 ms
PHRASE_SECONDS = 2.0  # length of the window that stands for a phrase
RELEASE_DB_PER_SECOND = 200.0  # fastest decay of a measured level: full scale to silence in 0.3 s
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
    return _gated_db(_block_powers(audio, sample_rate))


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
    gain_db = _gain_to(_block_powers(audio, sample_rate), target_db)
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


def follow_loudness(
    audio: np.ndarray,
    reference: np.ndarray,
    sample_rate: int,
    closeness: float = 0.0,
    max_gain_db: float = 12.0,
    floor_db: float = ABSOLUTE_GATE_DB,
) -> np.ndarray:
    """Change the level of `audio` over time to that of `reference`, so that a crescendo stays a crescendo.

    By default the levels are matched per phrase, so that each note keeps the envelope of its instrument: a piano note
    decays, a flute note is sustained. The gain is smooth and at most `max_gain_db`. Near the floor of `audio` there is
    no amplification, so that noise does not get louder; attenuation has no limit. Both levels are assumed to fall by
    200 dB/s at most: where the reference stops, a tail of up to 0.3 s may remain; then the result is exactly zero.

    Args:
        audio: The sound to change.
        reference: The sound with the wanted level.
        sample_rate: In Hz, of both.
        closeness: 0 follows the reference over phrases (about 2 s), 1 over about 90 ms, so that notes take on its
            swells and decays too.
        max_gain_db: Largest amplification.
        floor_db: Sounds below this level, in dBFS, are silence.

    Shape:
        ``audio`` and the result are ``(S,)``. A reference of another length is cut, or silent beyond its end.
    """
    audio, reference = np.asarray(audio, np.float32), np.asarray(reference, np.float32)[: len(audio)]
    reference = np.pad(reference, (0, len(audio) - len(reference)))
    hop = max(1, round(FOLLOW_HOP_SECONDS * sample_rate))
    frame = FOLLOW_FRAME_HOPS * hop
    wanted_db = _released(loudness_contour(reference, frame, hop, floor_db), hop / sample_rate)
    found_db = _released(loudness_contour(audio, frame, hop, floor_db), hop / sample_rate)
    boost_db = max_gain_db * np.clip((found_db - floor_db) / FADE_IN_DB, 0, 1)
    moment_db = np.minimum(wanted_db - found_db, boost_db)
    both = np.minimum(wanted_db, found_db) > floor_db + 0.01
    # Loud notes have more weight in a phrase.
    weight = np.where(both, 10 ** (np.maximum(wanted_db, found_db) / 40), 0.0)
    phrase_db = np.minimum(_over_phrases(moment_db, weight), boost_db)
    gain_db = _smoothed(phrase_db + closeness * (moment_db - phrase_db))
    # Smoothed twice: the first widens the sounding part by as much as the second narrows it.
    sounding = _smoothed(_smoothed(wanted_db > floor_db + 0.01) > 0)
    curve, result = sounding * 10 ** (gain_db / 20), np.empty_like(audio)
    for first in range(0, len(audio), 1 << 20):  # in blocks: the curve per sample is float64
        at = np.arange(first, min(first + (1 << 20), len(audio)))
        result[at] = audio[at] * np.interp(at / hop, np.arange(len(curve)), curve)
    return result


def _released(level_db: np.ndarray, hop_seconds: float) -> np.ndarray:
    """A contour that falls by `RELEASE_DB_PER_SECOND` at most."""
    fall_db = RELEASE_DB_PER_SECOND * hop_seconds * np.arange(len(level_db))
    released: np.ndarray = np.maximum.accumulate(level_db + fall_db) - fall_db
    return released


def _over_phrases(curve: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted moving average of `curve`; 0 where nothing has weight."""
    half = round(PHRASE_SECONDS / FOLLOW_HOP_SECONDS / 2)
    window = np.hanning(2 * half + 3)[1:-1]
    total, weights = (np.convolve(x, window)[half : half + len(curve)] for x in (curve * weight, weight))
    mean: np.ndarray = total / np.maximum(weights, 1e-9)
    return mean


def _smoothed(curve: np.ndarray) -> np.ndarray:
    """`curve` smoothed by a Hann window; its first and last values are repeated beyond its ends."""
    window = np.hanning(SMOOTHING_HOPS + 2)[1:-1]
    held = np.pad(curve.astype(float), SMOOTHING_HOPS // 2, mode="edge")
    return np.convolve(held, window / window.sum(), "valid")


def _block_powers(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean square of overlapping blocks; the last one ends where the sound ends."""
    audio = np.asarray(audio, np.float32)
    hop = max(1, round(HOP_SECONDS * sample_rate))
    hops_per_block = round(BLOCK_SECONDS / HOP_SECONDS)
    block = hop * hops_per_block
    if audio.size <= block:
        return np.array([_mean_square(audio)])
    whole = audio[: len(audio) // hop * hop].reshape(-1, hop)
    per_hop = np.einsum("ij,ij->i", whole, whole, dtype=np.float64) / hop
    per_block = np.convolve(per_hop, np.full(hops_per_block, 1 / hops_per_block), "valid")
    return np.append(per_block, _mean_square(audio[-block:]))


def _mean_square(audio: np.ndarray) -> float:
    return float(np.mean(np.square(audio, dtype=np.float64))) if audio.size else 0.0


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
