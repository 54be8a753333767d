"""Files that are written completely or not at all. Knows no folders of the program and no file formats."""

import errno
import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stylebox.core.errors import StyleboxError
from stylebox.core.file_names import MAX_NAME_BYTES, shortened
from stylebox.core.temporary_files import fall_back_to

_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)  # of file systems that cannot wait for the disk


def refuse_overwrite(path: Path, force: bool) -> None:
    """Check that a file can be written, before the work that makes it.

    Raises:
        StyleboxError: The file exists and `force` is false, or its folder cannot be written to.
    """
    if path.exists() and not force:
        raise StyleboxError(f"{path}: exists already; use --force to replace it, or choose another name")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "is write-protected" if folder.is_dir() else "is not a folder"
        raise StyleboxError(f"{path}: cannot be written because {folder} {reason}; choose another folder")
    fall_back_to(folder)


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Give an OSError that names no file the name of this one, which the block has open."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary name next to `path`, with its suffix; the file is renamed to `path` after the block.

    If the block raises or the process is interrupted, `path` does not change. An OSError of the block names `path`. The
    file has the permissions of the one that it replaces, or of any new file, whatever the block gave it: some libraries
    write files that only their owner can read. While the block runs, `remove_partial_files_of` leaves the file alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = f".{os.getpid()}.part{path.suffix}"
    partial = path.with_name(f".{shortened(path.stem, MAX_NAME_BYTES - 1 - len(os.fsencode(ending)))}{ending}")
    try:
        with _held(partial):
            mode = stat.S_IMODE((path if path.is_file() else partial).stat().st_mode)
            partial.chmod(mode | stat.S_IWUSR)
            yield partial
            move_whole(partial, path, mode)
    except OSError as error:
        if error.errno is None:  # numpy's error when it could write only a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.filename in (None, str(partial)):
            error.filename = str(path)  # the name that the user gave
        raise
    finally:
        partial.unlink(missing_ok=True)


def move_whole(source: Path, target: Path, mode: int | None = None) -> None:
    """Give a file its final name when all of it is on the disk: after a power failure, that name has the whole file.

    Args:
        source: Can be written to.
        target: Its final name.
        mode: Its final permissions; None: as they are.

    Raises:
        OSError: The disk is full or fails, or the file cannot be moved.
    """
    with source.open("r+b") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise
    if mode is not None:
        source.chmod(mode)
    source.replace(target)


def remove_partial_files(folder: Path) -> None:
    """Delete what killed processes left of files in a folder, to which no other process may be writing now."""
    for path in folder.glob(".*.part.*"):
        path.unlink(missing_ok=True)


def remove_partial_files_of(path: Path) -> None:
    """Delete what killed processes left of one file. What a living process writes stays, on any machine with locks."""
    before, after = f".{path.stem}.", f".part{path.suffix}"
    for left in path.parent.glob(f"{glob.escape(before)}*{glob.escape(after)}"):
        if left.name.removeprefix(before).removesuffix(after).isdecimal():
            with suppress(OSError):  # a process holds it, or has removed it
                _remove_unheld(left)


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    """Make a file, and keep other processes from removing it as one that was left."""
    if os.name == "nt":  # an open file is not removed there, nor could it get its final name
        partial.touch()
        yield
        return
    import fcntl

    while True:
        with partial.open("ab") as file:
            with suppress(OSError):  # no locks on this file system
                fcntl.flock(file, fcntl.LOCK_SH)
            if partial.exists() and os.path.samestat(os.fstat(file.fileno()), partial.stat()):
                yield
                return


def _remove_unheld(partial: Path) -> None:
    """Remove a file that no process holds.

    Raises:
        OSError: One holds it, or the file system has no locks.
    """
    if os.name == "nt":
        partial.unlink()
        return
    import fcntl

    with partial.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        partial.unlink()


def write_text(path: Path, text: str) -> None:
    """Write text to a file in UTF-8, completely or not at all; characters that stand for a byte become escapes."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def copy_file(source: Path, target: Path) -> None:
    """Copy the content of a file, completely or not at all."""
    with atomic_path(target) as partial, source.open("rb") as reading, partial.open("wb") as writing:
        shutil.copyfileobj(reading, writing)


def file_sha256(path: Path) -> str:
    """SHA-256 of the content of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
