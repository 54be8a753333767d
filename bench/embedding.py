"""Distance between two sets of recordings in the tagger's layer before its tags, which no part of the model has met.

Squared maximum mean discrepancy with a Gaussian kernel, register-matched. Functions of arrays; no files.

Reference:
    Gretton et al. (2012), eq. 3; as Kernel Audio Distance: Chung et al. (2025), arXiv:2502.15602.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NEAR_SEMITONES = 6.0  # windows whose mean pitches are further apart are not compared
SCALE = 100.0  # figures are shown a hundredfold


class Windows(NamedTuple):
    """Windows of several recordings.

    Attributes:
        layer: The embedding of each.
        pitch: The mean key that sounds in each, NaN where none does.
        owner: Which recording each comes from.

    Shape:
        ``(W, F)``, ``(W,)``, ``(W,)``.
    """

    layer: np.ndarray
    pitch: np.ndarray
    owner: np.ndarray


def joined(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Windows:
    """Windows of recordings, each given as embedding and mean pitch of its windows."""
    owner = np.concatenate([np.full(len(layer), index) for index, (layer, _) in enumerate(parts)])
    layers, pitches = zip(*parts, strict=True)
    return Windows(np.concatenate(layers), np.concatenate(pitches), owner)


def window_pitches(active: np.ndarray, frames_per_second: float, count: int, step: float, length: float) -> np.ndarray:
    """The mean key that sounds in each window, as a MIDI number.

    Args:
        active: Keys that sound, from A0 up.
        frames_per_second: Of `active`.
        count: Number of windows.
        step: From window to window, in seconds.
        length: Of a window, in seconds.

    Shape:
        active ``(T, 88)`` -> ``(count,)``.
    """
    pitches = []
    for index in range(count):
        start = round(index * step * frames_per_second)
        keys = active[start : start + round(length * frames_per_second)].sum(axis=0)
        pitches.append(21 + float(keys @ np.arange(len(keys))) / keys.sum() if keys.sum() else float("nan"))
    return np.array(pitches)


def matched(windows: Windows, others: Windows) -> Windows:
    """Those windows that have one of about the same mean pitch among the others."""
    apart = np.abs(windows.pitch[:, None] - others.pitch[None])
    near = np.nan_to_num(apart, nan=np.inf).min(axis=1, initial=np.inf) <= NEAR_SEMITONES
    return Windows(windows.layer[near], windows.pitch[near], windows.owner[near])


class KernelDistance:
    """Squared maximum mean discrepancy between two sets, a hundredfold, once registers are matched.

    Windows of one recording are not compared with one another, as they resemble each other. The bandwidth is the
    median distance between wanted windows. Unbiased, so two sets of one kind are about 0, at times below.

    Args:
        wanted: Of true recordings.
        found: Of outputs.
    """

    def __init__(self, wanted: Windows, found: Windows) -> None:
        first, second = matched(wanted, found), matched(found, wanted)
        self.counts = len(np.unique(first.owner)), len(np.unique(second.owner))
        if not self.known:
            return
        apart = _squared(first.layer, first.layer)
        different = first.owner[:, None] != first.owner[None]
        bandwidth = max(float(np.median(apart[different])), 1e-9)
        pairs = {
            "wanted": (apart, first, first),
            "found": (_squared(second.layer, second.layer), second, second),
            "across": (_squared(first.layer, second.layer), first, second),
        }
        self._blocks = {name: _blocks(np.exp(-d / (2 * bandwidth)), a, b) for name, (d, a, b) in pairs.items()}

    @property
    def known(self) -> bool:
        """Whether at least two recordings are left on either side."""
        return min(self.counts) >= 2

    def value(self, rng: np.random.Generator | None = None) -> float:
        """The distance; with a generator that of a bootstrap sample of the found recordings."""
        if not self.known:
            return float("nan")
        first, second = np.ones(self.counts[0]), _multiplicities(self.counts[1], rng)
        weights = {
            "wanted": np.outer(first, first),
            "found": np.outer(second, second),
            "across": np.outer(first, second),
        }
        means = {}
        for name, (sums, sizes) in self._blocks.items():
            kept = weights[name] if name == "across" else weights[name] * ~np.eye(len(sums), dtype=bool)
            means[name] = float((kept * sums).sum() / max((kept * sizes).sum(), 1e-9))
        return SCALE * (means["wanted"] + means["found"] - 2 * means["across"])


def _multiplicities(count: int, rng: np.random.Generator | None) -> np.ndarray:
    """How often each recording counts; at least two of them do."""
    drawn = np.ones(count)
    while rng is not None:
        drawn = np.bincount(rng.integers(count, size=count), minlength=count).astype(float)
        if (drawn > 0).sum() > 1:
            break
    return drawn


def _blocks(similarity: np.ndarray, rows: Windows, columns: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the similarities between each two recordings."""
    ours, theirs = ((w.owner[:, None] == np.unique(w.owner)[None]).astype(float) for w in (rows, columns))
    return ours.T @ similarity @ theirs, np.outer(ours.sum(0), theirs.sum(0))


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances between rows, ``(A, B)``."""
    squared: np.ndarray = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return squared.clip(min=0.0)
