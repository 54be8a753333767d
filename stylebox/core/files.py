"""Files that are written completely or not at all. Knows no folders of the program and no file formats."""

import errno
import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stylebox.core.errors import StyleboxError
from stylebox.core.file_names import MAX_NAME_BYTES, shortened
from stylebox.core.temporary_files import fall_back_to

_PROCESS_DIGITS = 10  # at most, of the number of a process
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)  # of file systems that cannot wait for the disk


def file_behind(path: Path) -> Path:
    """The file that a name stands for: itself or, of a link, where it leads, whether or not that file exists.

    Only for names that the user gave: a link in a folder from somebody else may lead anywhere.

    Raises:
        StyleboxError: The link leads in a circle or to a folder that is missing, or a pipe or a device has the name.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise StyleboxError(f"{path}: is a pipe or a device, not a file; choose another name")
    if not path.is_symlink():
        return path
    file = Path(os.path.realpath(path))
    if file.is_symlink():
        raise StyleboxError(f"{path}: is a link that leads in a circle; delete it, or choose another name")
    if not file.parent.is_dir():
        raise StyleboxError(f"{path}: is a link to {file}, whose folder does not exist; make it, or delete the link")
    return file


def refuse_overwrite(path: Path, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Check that a file can be written, before the work that makes it. Of a link it is the file where it leads.

    Args:
        path: The file.
        force: Replace an existing file.
        inputs: Files that are read for it, which it never replaces.

    Raises:
        StyleboxError: The file exists and `force` is false, or is one of `inputs`, or it is no file, or its folder
            cannot be written to.
    """
    file = file_behind(path)
    read = next((other for other in inputs if _is_same_file(path, other)), None)
    if read is not None:
        what = "is the input itself" if read == path else f"is the same file as the input {read}"
        raise StyleboxError(f"{path}: {what}, which would be lost; choose another name")
    if file.exists() and not force:
        said = "exists already" if file == path else f"leads to {file}, which exists already"
        raise StyleboxError(f"{path}: {said}; use --force to replace it, or choose another name")
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "is write-protected" if folder.is_dir() else "is not a folder"
        raise StyleboxError(f"{path}: cannot be written because {folder} {reason}; choose another folder")
    fall_back_to(folder)


def _is_same_file(path: Path, other: Path) -> bool:
    """Whether two names, which may be links, lead to one file that exists."""
    try:
        return path.samefile(other)
    except OSError:
        return False


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
def atomic_path(path: Path, follow_link: bool = False) -> Iterator[Path]:
    """Give a temporary name next to `path`, with its suffix; the file is renamed to `path` after the block.

    A link at `path` is replaced, so that nothing is written outside a folder that may hold links from somebody else.
    With `follow_link`, for names that the user gave, the link stays and the file where it leads is written.

    If the block raises or the process is interrupted, `path` does not change. An OSError of the block names `path`. The
    file has the permissions of the one that it replaces, or of any new file, whatever the block gave it: some libraries
    write files that only their owner can read. While the block runs, `remove_partial_files_of` leaves the file alone.
    """
    target = file_behind(path) if follow_link else path
    target.parent.mkdir(parents=True, exist_ok=True)
    before, after = _around_process(target)
    partial = target.with_name(f"{before}{os.getpid()}{after}")
    try:
        with _held(partial):
            mode = stat.S_IMODE((target if target.is_file() else partial).stat().st_mode)
            _set_mode(partial, mode | stat.S_IWUSR)
            yield partial
            move_whole(partial, target, mode)
    except OSError as error:
        if error.errno is None:  # numpy's error when it could write only a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.filename in (None, str(partial)):
            error.filename = str(path)  # the name that the user gave
        raise
    finally:
        with suppress(OSError):  # of a folder that may not be entered, which the error above names
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
        sync(file)
    if mode is not None:
        _set_mode(source, mode)
    source.replace(target)


def sync(file: BinaryIO) -> None:
    """Wait until what was written to a file is on the disk, where the file system can wait.

    Raises:
        OSError: The disk is full or fails.
    """
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _set_mode(path: Path, mode: int) -> None:
    """Set the permissions of a new file; shares of networks, memory cards and Windows disks in Linux may have none."""
    with suppress(OSError):
        path.chmod(mode)


def remove_partial_files(folder: Path) -> None:
    """Delete what killed processes left of files in a folder, to which no other process may be writing now."""
    for path in folder.glob(".*.part.*"):
        path.unlink(missing_ok=True)


def remove_partial_files_of(path: Path) -> None:
    """Delete what killed processes left of one file. What a living process writes stays, on any machine with locks."""
    before, after = _around_process(path)
    for left in path.parent.glob(f"{glob.escape(before)}*{glob.escape(after)}"):
        if left.name.removeprefix(before).removesuffix(after).isdecimal():
            with suppress(OSError):  # a process holds it, or has removed it
                _remove_unheld(left)


def _around_process(target: Path) -> tuple[str, str]:
    """What stands before and behind the number of a process in the temporary name of its file."""
    after = f".part{target.suffix}"
    room = MAX_NAME_BYTES - len(os.fsencode(f"..{after}")) - _PROCESS_DIGITS
    return f".{shortened(target.stem, room)}.", after


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


def write_text(path: Path, text: str, follow_link: bool = False) -> None:
    """Write text to a file in UTF-8, completely or not at all; characters that stand for a byte become escapes.

    Args:
        path: The file.
        text: Its content.
        follow_link: See `atomic_path`.
    """
    with atomic_path(path, follow_link) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def copy_file(source: Path, target: Path) -> None:
    """Copy the content of a file, completely or not at all."""
    with atomic_path(target) as partial, source.open("rb") as reading, partial.open("wb") as writing:
        shutil.copyfileobj(reading, writing)


def file_sha256(path: Path) -> str:
    """SHA-256 of the content of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
