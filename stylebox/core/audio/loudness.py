"""How loud a sound is, over all and over time, and making one as loud as another.

Levels are RMS in dBFS: a full-scale square wave has 0 dB, a full-scale sine -3 dB. No K-weighting: what
matters here is that two sounds agree, and the mel that the networks see is not weighted either. Knows nothing
of files or mels.
"""

from itertools import pairwise

import numpy as np

LOUDNESS_DB = -23.0  # dBFS that recordings are brought to
BLOCK_SECONDS = 0.4  # over which loudness is measured, as in BS.1770
HOP_SECONDS = 0.1
ABSOLUTE_GATE_DB = -60.0  # dBFS; below it a block is silence
RELATIVE_GATE_DB = -10.0  # below the mean of what is not silence: a rest, not part of how loud the music is

FOLLOW_HOP_SECONDS = 0.0125
FOLLOW_FRAME_HOPS = 8  # 100 ms: three periods of the lowest note of a piano
SMOOTHING_HOPS = 7  # 90 ms between the ends of the smoothing window
PHRASE_SECONDS = 2.0  # between the ends of the window over which a phrase is as loud as it was
RELEASE_DB_PER_SECOND = 200.0  # how fast a sound may be taken to die: full scale to silence in 0.3 s
FADE_IN_DB = 10.0  # over so much above the floor a boost comes in, so that noise gets none


def loudness_db(audio: np.ndarray, sample_rate: int) -> float:
    """Loudness of the parts that sound: RMS over blocks that pass two gates.

    Returns:
        dBFS; -inf when no 400 ms reach -60 dBFS.

    Shape:
        ``audio`` is ``(S,)``.

    Reference:
        ITU-R BS.1770-4, annex 1; here the absolute gate is -60 dBFS.
    """
    return _gated_db(_block_powers(audio, sample_rate))


def normalise_loudness(audio: np.ndarray, sample_rate: int, target_db: float = LOUDNESS_DB) -> tuple[np.ndarray, float]:
    """Bring a sound to a loudness by one gain.

    Returns:
        ``(audio, gain_db)``: float32, and what was applied. Silence stays as it is, with gain 0. The result
        may exceed full scale.

    Shape:
        ``audio`` and the result are ``(S,)``.
    """
    gain_db = _gain_to(_block_powers(audio, sample_rate), target_db)
    return np.asarray(audio, np.float32) * np.float32(10 ** (gain_db / 20)), gain_db


def match_loudness(audio: np.ndarray, reference: np.ndarray, sample_rate: int) -> np.ndarray:
    """`audio` as loud as `reference`, by one gain. A silent reference gives silence; silent audio stays.

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
    """Level over time: RMS of frames centred on every `hop`-th sample, in dBFS, at least `floor_db`.

    Frames that reach beyond an end are measured on what is inside.

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
    return 10 * np.log10(np.maximum(power, _power(floor_db)))


def follow_loudness(
    audio: np.ndarray,
    reference: np.ndarray,
    sample_rate: int,
    closeness: float = 0.0,
    max_gain_db: float = 12.0,
    floor_db: float = ABSOLUTE_GATE_DB,
) -> np.ndarray:
    """Bend the level of `audio` over time to that of `reference`, so that a crescendo stays one.

    By itself this is done over phrases, so that each note keeps the shape that its instrument gives it: a piano dies
    away, a flute holds. The gain is smooth, at most `max_gain_db`, and fades to none where `audio` itself nears the
    floor, so that noise is not raised; downwards it has no limit. Both levels are taken to fall no faster
    than 200 dB/s: where the reference stops, a tail of up to 0.3 s may ring; then the result is exactly zero.

    Args:
        closeness: 0 follows over phrases (about 2 s), 1 from moment to moment (about 90 ms), so that notes take on
            the reference's swells and decays, too.
        floor_db: Below it, in dBFS, a sound is silence.

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
    weight = np.where(both, 10 ** (np.maximum(wanted_db, found_db) / 40), 0.0)  # a phrase is as loud as its loud notes
    phrase_db = np.minimum(_over_phrases(moment_db, weight), boost_db)
    gain_db = _smoothed(phrase_db + closeness * (moment_db - phrase_db))
    # Smoothed twice: the first widens what sounds by as much as the second eats into it.
    sounding = _smoothed(_smoothed(wanted_db > floor_db + 0.01) > 0)
    curve, result = sounding * 10 ** (gain_db / 20), np.empty_like(audio)
    for first in range(0, len(audio), 1 << 20):  # in blocks: the curve per sample is float64
        at = np.arange(first, min(first + (1 << 20), len(audio)))
        result[at] = audio[at] * np.interp(at / hop, np.arange(len(curve)), curve)
    return result


def _released(level_db: np.ndarray, hop_seconds: float) -> np.ndarray:
    """A contour that falls no faster than a sound may be taken to die."""
    fall_db = RELEASE_DB_PER_SECOND * hop_seconds * np.arange(len(level_db))
    return np.maximum.accumulate(level_db + fall_db) - fall_db


def _over_phrases(curve: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted mean of `curve` about each place; 0 where nothing has weight."""
    half = round(PHRASE_SECONDS / FOLLOW_HOP_SECONDS / 2)
    window = np.hanning(2 * half + 3)[1:-1]
    total, weights = (np.convolve(x, window)[half : half + len(curve)] for x in (curve * weight, weight))
    mean: np.ndarray = total / np.maximum(weights, 1e-9)
    return mean


def _smoothed(curve: np.ndarray) -> np.ndarray:
    """`curve` through a Hann window; its ends are held."""
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
    """Level of the blocks that pass both gates, in dBFS."""
    sounding = powers[powers > _power(ABSOLUTE_GATE_DB)]
    if sounding.size == 0:
        return -np.inf
    playing = sounding[sounding > sounding.mean() * _power(RELATIVE_GATE_DB)]
    return 10 * float(np.log10(playing.mean()))


def _gain_to(powers: np.ndarray, target_db: float) -> float:
    """The gain in dB after which the gated level is `target_db`; 0 for silence."""
    level_db, gain_db = _gated_db(powers), 0.0
    for _ in range(8):  # a gain moves blocks across the absolute gate, so measure again
        if not np.isfinite(level_db) or abs(level_db - target_db) < 1e-3:
            break
        gain_db += target_db - level_db
        level_db = _gated_db(powers * _power(gain_db))
    return gain_db


def _power(level_db: float) -> float:
    return 10.0 ** (level_db / 10)
