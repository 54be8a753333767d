"""A folder with one writer at a time: a lock that names its owner and that ends with its process."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stylebox.core.errors import StyleboxError
from stylebox.core.temporary_files import fall_back_to

LOCK_NAME = ".lock"
_RETRY_SECONDS = 0.05
_OWNER_BYTES = 300
_FAR = 1 << 30  # Windows locks a byte and denies reading it; the owner is written before it


@contextmanager
def sole_writer(folder: Path, work: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Keep other processes of stylebox from writing to a folder.

    The system releases the lock when the process ends, also if it is killed; a lock file that is left is no obstacle.
    Where a file system has no locks, such as some network drives, there is no protection.

    Args:
        folder: Is made if it does not exist.
        work: What this process does there, such as ``stylebox build``.
        wait_seconds: How long to wait for another process, where its work is short.

    Raises:
        StyleboxError: another process is writing to the folder; the message names it.
    """
    path = folder / LOCK_NAME
    with _acquired(path, folder, time.monotonic() + wait_seconds) as file:
        file.truncate(0)
        owner = f"`{work}` (process {os.getpid()} on {platform.node()}, since {time.strftime('%H:%M')})"
        with suppress(OSError):  # a full disk: what is written next names its file
            file.write(owner.encode())
        try:
            yield
        finally:
            if os.name == "posix" and _is_at(path, file):  # elsewhere an open file cannot be deleted
                path.unlink()


@contextmanager
def _acquired(path: Path, folder: Path, deadline: float) -> Iterator[BinaryIO]:
    """The lock file, open and locked. One that was deleted between opening and locking does not count."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            opened = _opened(path)
        except FileNotFoundError:
            if folder.is_dir():
                raise
            continue  # its last owner has just deleted the folder
        with opened as file:
            if not _lock(file):
                if time.monotonic() < deadline:
                    time.sleep(_RETRY_SECONDS)
                    continue
                file.seek(0)
                owner = file.read(_OWNER_BYTES).decode("utf-8", "replace") or "another process"
                raise StyleboxError(f"{folder}: {owner} is writing to it; wait until it ends, or write elsewhere")
            if _is_at(path, file):
                fall_back_to(folder)
                yield file
                return


def _opened(path: Path) -> BinaryIO:
    """The lock file, open; where it may not be made, the error names its folder, which users know."""
    try:
        return path.open("a+b", buffering=0)
    except PermissionError as error:
        error.filename = str(path.parent)
        raise


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether the path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO) -> bool:
    """Lock an open file at once; False if another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # no locks on this file system
        return True
    return True
