"""Progress reports of long jobs. Knows nothing about how they are shown."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report of a job.

    Attributes:
        task: Name of the task.
        done: Units of work that are done.
        total: All units of work; None if unknown.
        note: The current item, or a remark.
    """

    task: str
    done: float
    total: float | None = None
    note: str = ""


ProgressCallback = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Ignore a report."""
