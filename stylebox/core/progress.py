"""How a long job says how far it is. Knows nothing of how that looks."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report: `done` of `total` (None if unknown) units of `task`, and what is at hand."""

    task: str
    done: float
    total: float | None = None
    note: str = ""


ProgressCallback = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Report to nobody."""
