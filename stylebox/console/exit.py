"""Exit codes, and the end of a command that failed in part."""

from collections.abc import Sequence

import typer

from stylebox.console.console import console

FAILED, INTERRUPTED = 1, 130  # exit codes; Typer uses 2 for wrong usage


def fail_with(reasons: Sequence[str]) -> None:
    """End a command with `FAILED` if there are failures, one line per reason.

    Raises:
        typer.Exit: There is a failure.
    """
    for reason in dict.fromkeys(reasons):  # many files can fail for one reason
        console.error(reason)
    if reasons:
        raise typer.Exit(FAILED)
