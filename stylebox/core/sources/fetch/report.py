"""The results of `stylebox fetch`: the progress of each download and the outcome of each row."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["new", "replaced", "skipped", "failed"]


@dataclass(frozen=True)
class DownloadProgress:
    """The progress of one download."""

    key: str  # identifies the download
    name: str
    done: int  # bytes
    total: int | None  # bytes, if known
    ended: bool = False


DownloadCallback = Callable[[DownloadProgress], None]


@dataclass(frozen=True)
class RowOutcome:
    """The outcome of one row."""

    row: int  # row number in the list, as a spreadsheet counts
    instrument: str
    title: str
    url: str
    state: State
    reason: str = ""  # why it failed, or what its files lack
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class FetchReport:
    """The results of a run: one outcome per row, in order, and the indexed files that no row names."""

    name: str  # of the list
    folder: Path
    outcomes: tuple[RowOutcome, ...]
    unnamed: tuple[Path, ...]

    def count(self, state: str) -> int:
        """Count the rows that ended in `state`."""
        return sum(outcome.state == state for outcome in self.outcomes)

    @property
    def failures(self) -> list[str]:
        """One line per row that could not be fetched."""
        return [self._line(outcome) for outcome in self.outcomes if outcome.state == "failed"]

    def _line(self, outcome: RowOutcome) -> str:
        if not outcome.url:  # an invalid row
            return f"{self.name}, row {outcome.row}, {outcome.reason}"
        what = f"{outcome.instrument}, {outcome.title}" if outcome.title else outcome.instrument
        return f"{self.name}, row {outcome.row} ({what}): {outcome.reason}"
