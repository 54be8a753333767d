"""Ours and the alternative side by side, figure by figure: which comes nearer to the aim."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.page import Cell, Section, Table

TIE = 0.1  # of the greater distance from the aim


@dataclass(frozen=True)
class Comparison:
    """One measurement of both systems. The aim is 0 for errors, and the input's own figure for what must be kept."""

    what: str
    ours: float
    theirs: float
    aim: float = 0.0

    @property
    def ahead(self) -> str:
        """Which system is nearer to the aim.

        >>> Comparison("crescendo", ours=0.9, theirs=0.1, aim=1.0).ahead
        'ours'
        """
        ours, theirs = abs(self.ours - self.aim), abs(self.theirs - self.aim)
        if abs(ours - theirs) <= TIE * max(ours, theirs):
            return "neither"
        return "ours" if ours < theirs else "theirs"


def comparisons(baseline: str, held: Sequence[Comparison]) -> Section:
    """All comparisons as one table."""
    explanation = (
        f"Ours (draft) and {baseline}, from the sections below. Ahead is the one nearer to the aim; neither where the "
        f"two distances differ by less than {TIE:.0%}. For expression, theirs is the better of its two variants, with "
        "bends and without. One run, few inputs: a hint, not a proof."
    )
    rows: list[list[Cell]] = [[c.what, c.ours, c.theirs, c.aim, c.ahead] for c in held]
    return Section(
        f"What ours adds over {baseline}, and what it lacks",
        [explanation, Table(["", "ours", "theirs", "aim", "ahead"], rows)],
    )
