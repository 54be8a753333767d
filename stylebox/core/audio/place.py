"""Where a sound lies between the channels, moment by moment, and its fold to one channel that cancels nothing.

The place of a moment is how its power is shared among the channels. Knows nothing of files or networks.
"""

import numpy as np

from stylebox.core.audio.energy import Energy, hop_places
from stylebox.core.audio.loudness import ABSOLUTE_GATE_DB, FRAME_HOPS, loudness_of, smoothed

_HELD_DB = -30.0  # below the loudness of the whole: a moment this quiet has the place of the one before


def place_gains(energy: Energy) -> np.ndarray:
    """Gains that put a mono sound where another sound lies; their mean square is 1, which keeps the loudness.

    Powers are taken over 100 ms. Where the sound is quiet, the last place is held: a rest has no place of its own.

    Args:
        energy: Of the sound whose place is wanted.

    Shape:
        One gain per channel at the beginning of each hop and one at the end: ``(H + 1, C)``.
    """
    hops, channels = energy.squares.shape
    edge = np.arange(hops + 1)
    first, last = np.maximum(edge - FRAME_HOPS // 2, 0), np.minimum(edge + FRAME_HOPS // 2, hops)
    total = np.concatenate([np.zeros((1, channels)), np.cumsum(energy.squares, 0)])
    count = np.append(0, np.cumsum(energy.samples))
    power = np.maximum(total[last] - total[first], 0.0) / np.maximum(count[last] - count[first], 1)[:, None]
    least_db = max(ABSOLUTE_GATE_DB, loudness_of(energy) + _HELD_DB)
    sounding = power.mean(1) > 10 ** (least_db / 10)
    if channels == 1 or not sounding.any():
        return np.ones((hops + 1, channels))
    held = np.maximum.accumulate(np.where(sounding, edge, 0))
    power = power[np.maximum(held, np.argmax(sounding))]
    gains = np.stack([smoothed(column) for column in np.sqrt(power / power.mean(1, keepdims=True)).T], 1)
    placed: np.ndarray = gains / np.sqrt(np.square(gains).mean(1, keepdims=True))
    return placed


def put_in_place(audio: np.ndarray, gains: np.ndarray, start: int, sample_rate: int) -> np.ndarray:
    """A mono sound in several channels.

    Args:
        audio: The sound, or a block of it.
        gains: Of the whole, from `place_gains`.
        start: Where the block begins in the whole, in samples.
        sample_rate: In Hz.

    Shape:
        audio ``(S,)``, gains ``(H + 1, C)`` -> ``(S, C)``, float32.
    """
    places = hop_places(start, start + len(audio), sample_rate)
    edges = np.arange(len(gains))
    return np.stack([audio * np.interp(places, edges, gain).astype(np.float32) for gain in gains.T], 1)


def fold_weights(covariance: np.ndarray) -> np.ndarray:
    """Weights of a fold to mono: the mean of the channels, those in opposite phase turned over.

    Channels in opposite phase would cancel each other in a plain mean.

    Args:
        covariance: Of the channels.

    Shape:
        ``(C, C)`` -> ``(C,)``, float32.

    >>> fold_weights(np.array([[1.0, -0.9], [-0.9, 1.0]])).tolist()
    [0.5, -0.5]
    """
    main = np.linalg.eigh(covariance)[1][:, -1]  # how the channels move together
    turned = main * main[np.argmax(np.abs(main))] < -1e-6
    weights: np.ndarray = np.where(turned, -1.0, 1.0) / len(main)
    if weights[0] < 0:
        weights = -weights
    return weights.astype(np.float32)
