"""Temporary files: in the system's folder for them or, where that cannot be written to, beside what is being made."""

import tempfile
from pathlib import Path

from stylebox.core.errors import StyleboxError

_beside: Path | None = None
_libraries_too = False


def fall_back_to(folder: Path) -> None:
    """Keep temporary files in a folder if the system has none for them, as in a container that is read-only."""
    global _beside
    if tempfile.tempdir == str(_beside):
        tempfile.tempdir = None  # the folder of an earlier output, which may be gone
    _beside = folder
    if _libraries_too:
        tempfile.tempdir = temporary_place()


def fall_back_for_libraries() -> None:
    """Let libraries fall back, too; only for a process of ours, as all its code is affected.

    PyTorch's training and matplotlib need a folder to begin with.
    """
    global _libraries_too
    _libraries_too = True


def temporary_place() -> str | None:
    """The folder to give to `tempfile`; None for the system's, or if there is none to fall back to either."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return None if _beside is None else str(_beside)


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
