"""Confidence intervals of means: percentile bootstrap over cases. Same values and seed, same interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over `count` cases and its 95 % confidence interval, from `low` to `high`."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def margin(self) -> float:
        """The larger of the two distances from the mean."""
        return max(self.high - self.mean, self.mean - self.low)


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Mean and interval of the values that are finite; None if no value is.

    Reference:
        Efron (1979); the percentile method.
    """
    known = np.array([value for value in values if np.isfinite(value)])
    if not known.size:
        return None
    drawn = np.random.default_rng(seed).integers(known.size, size=(ROUNDS, known.size))
    low, high = np.quantile(known[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(known.mean()), float(low), float(high), int(known.size))
