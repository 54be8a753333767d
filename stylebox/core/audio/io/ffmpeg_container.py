"""Opening files of any container format with FFmpeg, which reads no other file and no address. Decodes nothing."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
from av.container import InputContainer

from stylebox.core.audio.io.containers import adx, units
from stylebox.core.audio.io.containers.tag_places import id3_end
from stylebox.core.errors import AudioError

# Tags of no valid encoding: from version 19 on PyAV keeps their bytes, before it has to be asked.
_ANY_TAGS: dict[str, Any] = {"metadata_errors": "surrogateescape"} if int(av.__version__.split(".")[0]) < 19 else {}
_MIDI_MARK = b"MThd"


@contextmanager
def open_container(stream: BinaryIO, name: str, **options: str) -> Iterator[InputContainer]:
    """Open a file of any container format. It can't make FFmpeg open other files or addresses.

    Args:
        stream: Seekable.
        name: Of the file, for error messages.
        options: FFmpeg's names of options, and their values.

    Raises:
        AudioError: the format is unknown, or the file is damaged.
    """
    fix = "choose a sound file, or export it again as WAV or FLAC"
    if adx.ends_program(stream):
        raise AudioError(f"{name}: is damaged, or is ADX of an unknown kind; {fix}")
    is_mp3 = units.MP3_BEGINNING.match(units.head(stream, id3_end(stream, 0)))  # FFmpeg takes some of 0.1 s for films
    stream.seek(0)
    allowed = {"protocol_whitelist": "none"}  # a playlist could name other files or addresses
    try:
        container = av.open(
            _Source(stream), "r", format="mp3" if is_mp3 else None, options=allowed | options, **_ANY_TAGS
        )
    except (av.FFmpegError, ValueError, OSError) as error:
        raise_if_unread(error)
        if _is_midi(stream):
            fix = "`stylebox generate --notes` plays it, `stylebox transfer` takes recordings"
            raise AudioError(f"{name}: is a MIDI file, which holds notes and no sound; {fix}") from error
        raise AudioError(f"{name}: is not a sound file, or is damaged; {fix}") from error
    with container:
        yield container


def _is_midi(stream: BinaryIO) -> bool:
    stream.seek(0)
    return stream.read(len(_MIDI_MARK)) == _MIDI_MARK


class _Source:
    """A stream for FFmpeg, which may seek to any position that a damaged header names: no error ends the reading."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.tell, self._stream = stream.read, stream.tell, stream
        if isinstance(name := getattr(stream, "name", None), str | bytes):
            self.name = os.fsdecode(name)  # its suffix helps to find the format

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError):
            return -1


def raise_if_unread(error: Exception) -> None:
    """Raise an error of the disk again; a damaged file that points before its beginning gives EINVAL."""
    if isinstance(error, OSError) and not isinstance(error, av.FFmpegError) and error.errno != errno.EINVAL:
        raise error
