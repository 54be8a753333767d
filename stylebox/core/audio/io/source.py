"""Opening what a sound comes from: a path, standard input, or a stream. Reads no sound."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from stylebox.core.audio.io.files import IN_ICLOUD, is_in_icloud
from stylebox.core.errors import AudioError, broken_link, cannot_read, error_reason
from stylebox.core.paths import is_address
from stylebox.core.standard_streams import STREAM, standard_input
from stylebox.core.temporary_files import temporary_place

_PIPE_BYTES = 1 << 26  # kept in memory of a pipe; the rest goes into a temporary file
_COPIED_BYTES = 1 << 16  # at once

Source = Path | str | BinaryIO


@contextmanager
def opened(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """Open a sound for any number of readings.

    Args:
        source: A path; "-" for standard input; or a binary file object.

    Yields:
        A stream that can be searched, and its name for messages.

    Raises:
        AudioError: it does not exist, cannot be read, or is empty.
        StyleboxError: standard input is closed or a terminal.
    """
    with ExitStack() as kept:
        if not isinstance(source, str | Path):
            name, stream = str(getattr(source, "name", "the given stream")), source
        elif str(source) == STREAM:
            name, stream = "standard input", standard_input("a sound file")
        else:
            name, stream = str(source), kept.enter_context(_open_path(Path(source)))
        with disk_errors_named(name):
            if not stream.seekable():
                stream = _copied(
                    name, stream, kept.enter_context(tempfile.SpooledTemporaryFile(_PIPE_BYTES, dir=temporary_place()))
                )
            if stream.seek(0, io.SEEK_END) == 0:
                raise AudioError(f"{name}: is empty (0 bytes); record or export it again")
        yield stream, name


@contextmanager
def disk_errors_named(name: str) -> Iterator[None]:
    """Give errors of the disk, while a sound is read, the name of the sound.

    Raises:
        AudioError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise AudioError(f"{name}: cannot be read ({error_reason(error)}); copy it again") from error


def _open_path(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder; name a sound file in it")
        if path.exists() and not (path.is_file() or path.is_fifo()):
            raise AudioError(f"{path}: is not a file; name a sound file")
        return path.open("rb")
    except FileNotFoundError as error:
        raise absent(path) from error
    except OSError as error:
        raise AudioError(cannot_read(path, error)) from error
    except ValueError as error:  # a null byte in the name
        raise AudioError(f"{path}: cannot be opened ({error}); check the name") from error


def absent(path: Path) -> AudioError:
    """The error of a path where there is no file."""
    if is_address(path):
        return AudioError(f"{path}: is an address, not a file; `stylebox fetch` downloads recordings")
    cloud = IN_ICLOUD if is_in_icloud(path) else ""
    return AudioError(f"{path}: {broken_link(path) or cloud or 'no such file; check the name'}")


def _copied(name: str, pipe: BinaryIO, file: IO[bytes]) -> BinaryIO:
    """The content of a pipe in a file, which can be searched."""
    while content := pipe.read(_COPIED_BYTES):
        try:
            file.write(content)
        except OSError as error:
            fix = "set TMPDIR to a folder with room for it"
            raise AudioError(f"{name}: cannot be kept in a temporary file ({error_reason(error)}); {fix}") from error
    return cast(BinaryIO, file)
