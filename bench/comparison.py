"""Ours and the alternative side by side, one thing at a time: who comes nearer to what is aimed at."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.page import Cell, Section, Table

TIE = 0.1  # of the greater distance from the aim


@dataclass(frozen=True)
class Comparison:
    """One thing that was measured of both. The aim is a figure: 0 for errors, the input's own for what is kept."""

    what: str
    ours: float
    theirs: float
    aim: float = 0.0

    @property
    def ahead(self) -> str:
        """Who is nearer to the aim.

        >>> Comparison("crescendo", ours=0.9, theirs=0.1, aim=1.0).ahead
        'ours'
        """
        ours, theirs = abs(self.ours - self.aim), abs(self.theirs - self.aim)
        if abs(ours - theirs) <= TIE * max(ours, theirs):
            return "neither"
        return "ours" if ours < theirs else "theirs"


def comparisons(rival: str, held: Sequence[Comparison]) -> Section:
    """All of them as one table."""
    told = (
        f"Ours (draft) and {rival}, from the sections below. Ahead is who comes nearer to the aim; neither, where the "
        f"two distances differ by less than {TIE:.0%}. Of gestures, theirs is the better of its two ways, with "
        "bends and without. One run, few inputs: a hint, not a proof."
    )
    rows: list[list[Cell]] = [[c.what, c.ours, c.theirs, c.aim, c.ahead] for c in held]
    return Section(
        f"What ours adds over {rival}, and what it lacks",
        [told, Table(["", "ours", "theirs", "aim", "ahead"], rows)],
    )
