"""How a command ends: exit codes, and the failures of a batch."""

from collections.abc import Sequence

import typer

from stylebox.console.console import console

FAILED, INTERRUPTED = 1, 130  # exit codes; 2, wrong usage, is Typer's


def fail_with(reasons: Sequence[str]) -> None:
    """End a batch: list what could not be done, if anything, and let the exit code say so."""
    for reason in dict.fromkeys(reasons):  # many files can fail for one cause
        console.error(reason)
    if reasons:
        raise typer.Exit(FAILED)
