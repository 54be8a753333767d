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
        seconds_left: Until the task ends, where the job can tell better than its speed does.
        details: Facts about the work so far, for example losses; each a few words.
        curve: A value over the course of the task, for example its loss, to be drawn small.
    """

    task: str
    done: float
    total: float | None = None
    note: str = ""
    seconds_left: float | None = None
    details: tuple[str, ...] = ()
    curve: tuple[float, ...] = ()


ProgressCallback = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Ignore a report."""
