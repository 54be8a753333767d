"""The errors that stylebox raises, and how to describe any error in one line.

The message of each error is one line that names the cause, such as a file, and the fix.
"""

import errno
import os
from pathlib import Path

_SHORTER = "choose a shorter name"  # where the file system allows none as long


class StyleboxError(Exception):
    """An error that the user can fix."""


class AudioError(StyleboxError):
    """Audio cannot be read, written, recorded or played."""


class ConfigError(StyleboxError):
    """A preset or a configuration file is not valid."""


class SourceError(StyleboxError):
    """Training material cannot be downloaded, rendered or read."""


class DatasetError(StyleboxError):
    """A dataset is missing or damaged, or has other settings than required."""


class ModelError(StyleboxError):
    """A model is missing or damaged, or does not fit its network."""


def error_message(error: Exception) -> str:
    """Describe an error in one line for users who do not read tracebacks.

    >>> error_message(FileNotFoundError(2, "No such file or directory", "a.wav"))
    'a.wav: No such file or directory; check the name'
    >>> error_message(KeyError("tempo"))
    "unexpected KeyError: 'tempo'"
    """
    if isinstance(error, StyleboxError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        said = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"{said}; check its permissions, or choose another place"
        if error.errno in (errno.EEXIST, errno.ENOTDIR):  # on the way to a file
            return f"{said}; a folder is needed there, choose another name"
        if error.errno == errno.ENOENT and error.filename:
            return f"{said}; check the name"
        if error.errno == errno.ENAMETOOLONG:
            return f"{said}; {_SHORTER}"
        return f"{said}; {_room_for(error)}" if is_disk_full(error) else said
    if isinstance(error, UnicodeEncodeError) and error.encoding not in ("utf-8", "utf8"):
        lacking = error.object[error.start : error.end]
        return f"file names here are {error.encoding} and cannot hold {lacking!r}; set LC_ALL=C.UTF-8"
    first_line = next(iter(str(error).strip().splitlines()), "no message")
    return f"unexpected {type(error).__name__}: {first_line}"


def is_disk_full(error: OSError) -> bool:
    """Whether a file could not be written for lack of room: on the disk, of a quota, or below a limit of size."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _room_for(error: OSError) -> str:
    """How to make room for a file that has none."""
    if error.errno == errno.EFBIG:  # of `ulimit -f`, or of a memory stick: 4 GB
        return "choose a disk that allows larger files, or raise the limit (ulimit -f)"
    return "make room on the disk and try again"


def cannot_write(name: object, error: OSError, otherwise: str = "choose another place") -> str:
    """Describe in one line why a file or folder cannot be written.

    Args:
        name: Of the file or folder.
        error: What the system reported.
        otherwise: The fix if there is room.

    >>> cannot_write("a.wav", OSError(errno.ENOSPC, "No space left on device"))
    'a.wav: cannot be written (No space left on device); make room on the disk and try again'
    """
    link = broken_link(Path(str(name))) if error.errno in (errno.EEXIST, errno.ENOENT) else ""
    if link:
        return f"{name}: {link}"
    fix = _SHORTER if error.errno == errno.ENAMETOOLONG else otherwise
    fix = _room_for(error) if is_disk_full(error) else fix
    return f"{name}: cannot be written ({error_reason(error)}); {fix}"


def cannot_read(name: object, error: OSError) -> str:
    """Describe in one line why a file cannot be read.

    Args:
        name: Of the file.
        error: What the system reported.

    >>> cannot_read("a.csv", FileNotFoundError(errno.ENOENT, "No such file or directory"))
    'a.csv: no such file; check the name'
    >>> cannot_read("a.csv", OSError(errno.EIO, "Input/output error"))
    'a.csv: cannot be read (Input/output error); copy it again'
    """
    link = broken_link(Path(str(name))) if error.errno in (errno.ENOENT, errno.ELOOP) else ""
    if link or error.errno == errno.ENOENT:
        return f"{name}: {link or 'no such file; check the name'}"
    if error.errno == errno.EISDIR:
        return f"{name}: is a folder; name a file in it"
    fixes = {errno.EACCES: "check its permissions", errno.EPERM: "check its permissions", errno.ENAMETOOLONG: _SHORTER}
    fix = fixes.get(error.errno or 0, "copy it again")
    return f"{name}: cannot be read ({error_reason(error)}); {fix}"


def broken_link(path: Path) -> str:
    """Describe in one line, without naming it, a link that leads to no file; empty for a path that is none.

    On the way to a path, it is named: the disk where it leads is perhaps not connected.
    """
    for place in (path, *path.parents):
        if os.path.islink(place) and not os.path.exists(place):  # noqa: PTH110, PTH114 (they raise nothing)
            said = f"is a link to {place.readlink()}, which does not exist; correct or delete it"
            return said if place == path else f"lies in {place}, which {said}"
    return ""


def error_reason(error: Exception) -> str:
    """Describe an error in one line without naming a file, to put in parentheses after a message that does.

    >>> error_reason(FileNotFoundError(2, "No such file or directory", "a.wav"))
    'No such file or directory'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
