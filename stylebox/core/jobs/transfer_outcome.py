"""What came of a batch of transfers: files made, left as they were, failed."""

from dataclasses import dataclass, field

from stylebox.core.jobs.outputs import FileReport


@dataclass(frozen=True)
class TransferFailure:
    """One file that could not be made, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class SkippedTransfer:
    """One output that exists already.

    Attributes:
        source: The input.
        output: The file.
        outdated: Whether the input was changed after the output was written.
    """

    source: str
    output: str
    outdated: bool = False


@dataclass
class TransferBatch:
    """The outcome for all files, in order.

    Attributes:
        done: The outputs that were written.
        failed: Those that could not be made.
        skipped: Those that exist already.
        pages: Report pages of several styles.
        passed_over: Lines that say how many files were not taken as recordings, and why.
    """

    done: list[FileReport] = field(default_factory=list)
    failed: list[TransferFailure] = field(default_factory=list)
    skipped: list[SkippedTransfer] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    def add(self, other: "TransferBatch") -> None:
        """Append what came of other files."""
        for mine, more in zip(vars(self).values(), vars(other).values(), strict=True):
            mine += more
