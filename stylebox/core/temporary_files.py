"""Temporary files: in the system's folder for them or, where that cannot be written to, beside what is being made."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stylebox.core.errors import StyleboxError

_beside: Path | None = None


def fall_back_to(folder: Path) -> None:
    """Keep our temporary files in a folder if the system has none for them, as in a container that is read-only."""
    global _beside
    _beside = folder


def temporary_place() -> str | None:
    """The folder to give to `tempfile`: None for the system's, or if there is none to fall back to either."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return None if _beside is None else str(_beside)
    return None


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that is deleted after its block.

    Raises:
        StyleboxError: No folder for temporary files can be written to.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="stylebox-", dir=temporary_place())
    except FileNotFoundError as error:
        message = "no folder for temporary files can be written to; set TMPDIR to one that can"
        raise StyleboxError(message) from error


@contextmanager
def lent_to_libraries() -> Iterator[None]:
    """Libraries that are imported in the block find a folder for temporary files, too: matplotlib needs one."""
    place = temporary_place()
    if place is None:
        yield
        return
    tempfile.tempdir = place
    try:
        yield
    finally:
        tempfile.tempdir = None  # a program that uses ours has none, as before
