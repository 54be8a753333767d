"""Empty chunks of AVI files, which stand for time without sound. Decodes nothing.

Where each chunk is a unit of time, writers delay a sound by chunks without bytes. FFmpeg writes them, but does not
count them when it reads.

Reference:
    Microsoft, AVI RIFF File Reference: stream headers, and chunks of a movie.
"""

import re
from typing import BinaryIO

_HEADER = re.compile(rb"strh\x38\0\0\0.{44}(.{4})", re.DOTALL)  # of a track: the size of a sample, 0 if chunks count
_MOST_HEAD_BYTES = 1 << 18
_LISTS = (b"LIST", b"RIFF")
_LIST_HEAD_BYTES, _CHUNK_HEAD_BYTES = 12, 8
_MOST_CHUNKS = 1_000_000  # five hours of a film; a hostile file may consist of empty ones


class EmptyChunks:
    """Counts the empty chunks of a track.

    Args:
        stream: The file; it stays where it is.
        track: Number of the track, from 0.
    """

    def __init__(self, stream: BinaryIO, track: int) -> None:
        self._stream, self._name = stream, b"%02dwb" % track
        at = stream.tell()
        stream.seek(0)
        head = stream.read(_MOST_HEAD_BYTES)
        stream.seek(at)
        sizes = _HEADER.findall(head)
        self._at = max(head.find(b"movi") - _CHUNK_HEAD_BYTES, 0)
        self._left = _MOST_CHUNKS if track < len(sizes) and not any(sizes[track]) and self._at else 0

    def before(self, place: int | None) -> int:
        """How many there are between the place before and this one.

        Args:
            place: Of the next packet; None if that is not known.
        """
        at, number = self._stream.tell(), 0
        while place is not None and self._at < place and self._left > 0:
            self._stream.seek(self._at)
            head = self._stream.read(_LIST_HEAD_BYTES)
            if len(head) < _CHUNK_HEAD_BYTES:
                break
            size = int.from_bytes(head[4:8], "little")
            number += head.startswith(self._name) and not size
            self._at += _LIST_HEAD_BYTES if head.startswith(_LISTS) else _CHUNK_HEAD_BYTES + size + size % 2
            self._left -= 1
        self._stream.seek(at)
        return number
