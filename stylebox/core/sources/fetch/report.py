"""What a run of `stylebox fetch` says: how far each download is, what became of each row. Does nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["new", "replaced", "skipped", "failed"]


@dataclass(frozen=True)
class DownloadProgress:
    """How far one download is."""

    key: str  # the same for all of one download
    name: str
    done: int  # bytes
    total: int | None  # bytes, if known
    ended: bool = False


DownloadCallback = Callable[[DownloadProgress], None]


@dataclass(frozen=True)
class RowOutcome:
    """What became of a row."""

    row: int  # as a spreadsheet counts
    instrument: str
    title: str
    url: str
    state: State
    reason: str = ""
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class FetchReport:
    """What a run did: one outcome a row, in order; and what the index holds that no row names."""

    name: str  # of the list
    folder: Path
    outcomes: tuple[RowOutcome, ...]
    unnamed: tuple[Path, ...]

    def count(self, state: str) -> int:
        """How many rows ended in `state`."""
        return sum(outcome.state == state for outcome in self.outcomes)

    @property
    def failures(self) -> list[str]:
        """A line for each row that could not be fetched."""
        return [self._line(outcome) for outcome in self.outcomes if outcome.state == "failed"]

    def _line(self, outcome: RowOutcome) -> str:
        if not outcome.url:  # a row that cannot be understood
            return f"{self.name}, row {outcome.row}, {outcome.reason}"
        what = f"{outcome.instrument}, {outcome.title}" if outcome.title else outcome.instrument
        return f"{self.name}, row {outcome.row} ({what}): {outcome.reason}"
