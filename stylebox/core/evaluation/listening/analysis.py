"""The results of a listening test: means with intervals, and which differences are significant.

The unit is the listener: grades of one listener are averaged over the trials first, since they depend on one another.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from stylebox.core.evaluation.listening.ratings import Rating, screen
from stylebox.core.evaluation.listening.stimuli import LOW_ANCHOR, MID_ANCHOR, REFERENCE

LEVEL = 0.95  # of the intervals; a difference is significant if its p is below 1 - LEVEL
_FEWEST_LISTENERS = 6  # with five, no order of grades has a two-sided p below 0.05
_NOT_COMPARED = (REFERENCE, LOW_ANCHOR, MID_ANCHOR)


@dataclass(frozen=True)
class SystemGrades:
    """The grades of one system.

    Attributes:
        system: What made the sounds.
        mean: Over listeners.
        low: Lower end of the 95 % interval; None with fewer than two listeners.
        high: Upper end of it.
        median: Over all grades.
        listeners: How many graded it.
        grades: How many grades it has.
    """

    system: str
    mean: float
    low: float | None
    high: float | None
    median: float
    listeners: int
    grades: int


@dataclass(frozen=True)
class Comparison:
    """Two systems, graded by the same listeners.

    Attributes:
        first: A system.
        second: Another one.
        difference: Mean grade of the first minus that of the second.
        p: Of the Wilcoxon signed-rank test, two-sided, corrected after Holm for the number of comparisons.
        significant: Whether p is below 0.05.
    """

    first: str
    second: str
    difference: float
    p: float
    significant: bool


@dataclass
class ListeningResults:
    """The results of a listening test.

    Attributes:
        systems: The highest mean first.
        comparisons: All pairs of systems under test, without reference and anchors; empty with too few listeners.
        listeners: How many count.
        excluded: Listeners left out, with the reason.
        remarks: Sentences that a reader needs.
    """

    systems: list[SystemGrades] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    listeners: int = 0
    excluded: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def analyse(ratings: Sequence[Rating]) -> ListeningResults:
    """Screen the listeners, then average and compare the systems."""
    screened = screen(ratings)
    result = ListeningResults(listeners=len(screened.listeners), excluded=screened.excluded)
    if not screened.listeners:
        result.remarks.append("no listener passed the screening, so there are no results")
        return result
    means = _means_by_listener(screened.ratings)
    all_grades: dict[str, list[float]] = defaultdict(list)
    for rating in screened.ratings:
        all_grades[rating.system].append(rating.grade)
    result.systems = [_summary(system, list(own.values()), all_grades[system]) for system, own in means.items()]
    result.systems.sort(key=lambda grades: -grades.mean)
    if len(screened.listeners) < _FEWEST_LISTENERS:
        result.remarks.append(
            f"{len(screened.listeners)} listeners are too few for a test of significance; it needs {_FEWEST_LISTENERS}"
        )
    else:
        result.comparisons = _compare(means)
    return result


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, so that the chance of any false finding stays below the level.

    Reference:
        Holm (1979), A simple sequentially rejective multiple test procedure.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return corrected


def _means_by_listener(ratings: Sequence[Rating]) -> dict[str, dict[str, float]]:
    """Mean grade over the trials, by system and listener."""
    grades: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for rating in ratings:
        grades[rating.system][rating.listener].append(rating.grade)
    return {
        system: {listener: float(np.mean(own)) for listener, own in by_listener.items()}
        for system, by_listener in grades.items()
    }


def _summary(system: str, means: Sequence[float], grades: Sequence[float]) -> SystemGrades:
    """Mean over listeners with its interval by Student's t."""
    from scipy import stats  # slow to import

    mean, count = float(np.mean(means)), len(means)
    low = high = None
    if count > 1:
        margin = float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * np.std(means, ddof=1) / np.sqrt(count))
        low, high = mean - margin, mean + margin
    return SystemGrades(system, mean, low, high, float(np.median(grades)), count, len(grades))


def _compare(means: dict[str, dict[str, float]]) -> list[Comparison]:
    """All pairs of systems under test, by listeners who graded both."""
    from scipy import stats  # slow to import

    pairs, p_values = [], []
    for first, second in combinations([system for system in means if system not in _NOT_COMPARED], 2):
        both = [listener for listener in means[first] if listener in means[second]]
        differences = np.array([means[first][listener] - means[second][listener] for listener in both])
        pairs.append((first, second, float(differences.mean()) if len(both) else 0.0))
        tested = len(both) >= _FEWEST_LISTENERS and np.any(differences)
        p_values.append(float(stats.wilcoxon(differences).pvalue) if tested else 1.0)
    corrected = holm(p_values)
    return [Comparison(*pair, p, p < 1 - LEVEL) for pair, p in zip(pairs, corrected, strict=True)]
