"""Figures of many outputs as means with intervals. The unit is the recording: its outputs are averaged first.

So a recording that went to six targets does not count six times, and the intervals say how much other recordings
would change a figure. Knows no judge.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from stylebox.core.evaluation.bootstrap import Interval, mean_interval


class Score(NamedTuple):
    """The figures of one output."""

    set_name: str
    system: str
    recording: str
    target: str
    figures: dict[str, float]


class Scores:
    """Scores of all outputs, to be asked for means."""

    def __init__(self, scores: Iterable[Score]) -> None:
        self._by: dict[tuple[str, str], list[Score]] = defaultdict(list)
        for score in scores:
            self._by[score.set_name, score.system].append(score)

    def recordings(self, set_name: str, system: str, figure: str, target: str | None = None) -> dict[str, float]:
        """The mean of a figure for each recording.

        Args:
            set_name: Of the recordings.
            system: That made the outputs.
            figure: Its name.
            target: Only outputs with this target; all if None.
        """
        values: dict[str, list[float]] = defaultdict(list)
        for score in self._by[set_name, system]:
            value = score.figures.get(figure, float("nan"))
            if np.isfinite(value) and target in (None, score.target):
                values[score.recording].append(value)
        return {name: float(np.mean(found)) for name, found in values.items()}

    def interval(self, set_name: str, system: str, figure: str, target: str | None = None) -> Interval | None:
        """Mean over recordings with its interval; None if no output has the figure.

        Args:
            set_name: Of the recordings.
            system: That made the outputs.
            figure: Its name.
            target: Only outputs with this target; all if None.
        """
        return mean_interval(list(self.recordings(set_name, system, figure, target).values()))

    def difference(self, set_name: str, figure: str, first: str, second: str) -> Interval | None:
        """By how much the first system's figure is above the second's, over the recordings that both have.

        Args:
            set_name: Of the recordings.
            figure: Its name.
            first: A system.
            second: Another one.
        """
        mine, theirs = (self.recordings(set_name, system, figure) for system in (first, second))
        return mean_interval([mine[name] - theirs[name] for name in mine if name in theirs])

    def outputs(self, system: str, figure: str) -> list[float]:
        """A figure of every output of a system, in the order of the scores."""
        return [
            score.figures.get(figure, float("nan"))
            for (_, name), found in sorted(self._by.items())
            if name == system
            for score in found
        ]
