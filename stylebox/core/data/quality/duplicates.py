"""Recordings that sound the same although their files differ: another format, loudness, or cut of one recording.

Works on the mels of a dataset. Two performances of one piece, or one score by two instruments, are not the same.
"""

from collections.abc import Iterable, Sequence

import numpy as np

_HOP, _WINDOW, _LAG = 4, 16, 4  # frames between codes, frames per code, distance of compared codes
_GROUPS = 25  # of neighbouring mel bands, whatever their number; one bit less in a code
_QUIET = 8.0  # mean mel value below which frames are not compared
_MAX_CROWD = 20  # codes that occur more often than this are ignored
_MIN_VOTES = 4  # equal codes at one distance from which on a pair is compared in full
_MAX_WRONG_BITS = 0.25  # share of different bits of duplicates; unrelated recordings have 0.65
_MIN_CODES = 20  # least number in common


def find_alike(mels: Iterable[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs ``(earlier, later)`` of positions of recordings with the same sound, at any time offset.

    Each recording is paired with at most one earlier one.

    Shape:
        Each mel is ``(T, M)``, uint8.

    Reference:
        Haitsma & Kalker (2002), A Highly Robust Audio Fingerprinting System; here on mels.
    """
    prints = [_codes(mel) for mel in mels]
    alike: dict[int, int] = {}
    for first, second, distance in _candidates(prints):
        if second not in alike and wrong_bits(prints[first], prints[second], distance) <= _MAX_WRONG_BITS:
            alike[second] = first
    return sorted((first, second) for second, first in alike.items())


def _codes(mel: np.ndarray) -> np.ndarray:
    """A code of bits every four frames: where the difference between neighbouring bands rose. 0 in silence.

    Shape:
        ``(T, M)`` -> ``(codes,)``, uint32.
    """
    width = mel.shape[1] // _GROUPS
    bands = mel[:, : _GROUPS * width].reshape(len(mel), _GROUPS, width).mean(axis=2)
    sums = np.concatenate([np.zeros((1, _GROUPS)), np.cumsum(bands, axis=0, dtype=np.float64)])
    starts = np.arange(0, len(mel) - _WINDOW + 1, _HOP)
    level = (sums[starts + _WINDOW] - sums[starts]) / _WINDOW
    slope = np.diff(level, axis=1)
    if len(slope) <= _LAG:
        return np.zeros(0, np.uint32)
    rose = slope[_LAG:] > slope[:-_LAG]
    codes = rose @ (1 << np.arange(rose.shape[1], dtype=np.uint32))
    audible = np.minimum(level[_LAG:].max(axis=1), level[:-_LAG].max(axis=1)) > _QUIET
    return np.where(audible, codes, 0).astype(np.uint32)


def wrong_bits(first: np.ndarray, second: np.ndarray, distance: int) -> float:
    """Share of bits that differ if `second` begins `distance` codes after `first`; 1 if the overlap is too short.

    Args:
        first: Codes of a recording.
        second: Codes of another one.
        distance: In codes; may be negative.

    Shape:
        ``first`` and ``second`` are ``(codes,)``.
    """
    start, stop = max(distance, 0), min(len(first), len(second) + distance)
    if stop - start < max(_MIN_CODES, min(len(first), len(second)) // 2):
        return 1.0
    ours, theirs = first[start:stop], second[start - distance : stop - distance]
    audible = (ours != 0) | (theirs != 0)
    if np.count_nonzero(audible) < _MIN_CODES:
        return 1.0
    differing = np.unpackbits((ours ^ theirs)[audible].view(np.uint8)).sum()
    return float(differing) / ((_GROUPS - 1) * np.count_nonzero(audible))


def _candidates(prints: Sequence[np.ndarray]) -> list[tuple[int, int, int]]:
    """Recordings with equal codes at one distance: ``(earlier, later, distance)``, the most likely first."""
    owner = np.concatenate([np.full(len(codes), i) for i, codes in enumerate(prints)] or [np.zeros(0, int)])
    time = np.concatenate([np.arange(len(codes)) for codes in prints] or [np.zeros(0, int)])
    code = np.concatenate([*prints, np.zeros(0, np.uint32)])
    order = np.lexsort((time, owner, code))
    order = order[code[order] != 0]
    edges = np.flatnonzero(np.diff(code[order], prepend=-1, append=-1))
    crowd = np.repeat(np.diff(edges), np.diff(edges))
    order, code = order[crowd <= _MAX_CROWD], code[order][crowd <= _MAX_CROWD]
    votes = []
    for step in range(1, min(_MAX_CROWD, len(order))):
        same = (code[step:] == code[:-step]) & (owner[order[step:]] != owner[order[:-step]])
        one, two = order[:-step][same], order[step:][same]
        votes.append(np.stack([owner[one], owner[two], time[one] - time[two]], axis=1))
    if not votes:
        return []
    pairs, count = np.unique(np.concatenate(votes), axis=0, return_counts=True)
    ranked = np.argsort(-count, kind="stable")
    return [tuple(map(int, pairs[i])) for i in ranked if count[i] >= _MIN_VOTES]  # type: ignore[misc]
