"""Temporary files: in the system's folder for them or, where that cannot be written to, beside what is being made."""

import tempfile
from pathlib import Path

from stylebox.core.errors import StyleboxError


def fall_back_to(folder: Path) -> None:
    """Keep temporary files in a folder if the system has none for them, as in a container that is read-only.

    Libraries need one, too: matplotlib draws nothing without.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = str(folder)


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that is deleted after its block.

    Raises:
        StyleboxError: No folder for temporary files can be written to.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="stylebox-")
    except FileNotFoundError as error:
        message = "no folder for temporary files can be written to; set TMPDIR to one that can"
        raise StyleboxError(message) from error
