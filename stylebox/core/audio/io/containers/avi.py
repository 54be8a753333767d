"""The chunks of an AVI file: empty ones, which stand for time without sound, and missing ones. Decodes nothing.

Where each chunk is a unit of time, writers delay a sound by chunks without bytes. FFmpeg writes them, but does not
count them when it reads.

Reference:
    Microsoft, AVI RIFF File Reference: stream headers, and chunks of a movie.
"""

import re
import struct
from typing import BinaryIO

from stylebox.core.audio.io.containers.place import kept_place
from stylebox.core.audio.io.time_line import LONGEST_GAPS_SECONDS

_HEADER = re.compile(rb"strh\x38\0\0\0.{20}(.{8}).{4}(.{4}).{8}(.{4})", re.DOTALL)  # of a track
_MOST_HEAD_BYTES = 1 << 18
_LISTS = (b"LIST", b"RIFF")
_LIST_HEAD_BYTES, _CHUNK_HEAD_BYTES = 12, 8
_MOST_CHUNKS = 1_000_000  # five hours of a film; a hostile file may consist of empty ones


class Chunks:
    """Counts the chunks of a track, where each is a unit of time.

    Args:
        stream: The file; it stays where it is.
        track: Number of the track, from 0.

    Attributes:
        unit_seconds: Length of the unit; 0 where chunks are none.
    """

    def __init__(self, stream: BinaryIO, track: int) -> None:
        self._stream, self._name = stream, b"%02dwb" % track
        with kept_place(stream):
            stream.seek(0)
            head = stream.read(_MOST_HEAD_BYTES)
        self._at = max(head.find(b"movi") - _CHUNK_HEAD_BYTES, 0)
        headers = [tuple(map(_numbers, found)) for found in _HEADER.findall(head)]
        (scale, rate), (self._stated,), (sample_bytes,) = (
            headers[track] if track < len(headers) else ((0, 0), (0,), (1,))
        )
        self.unit_seconds = scale / rate if rate and not sample_bytes else 0.0
        self._left = _MOST_CHUNKS if self._at and self.unit_seconds else 0
        self._empty = 0

    def missing(self, frames: int) -> int:
        """How many units of those that the header states are not there.

        Args:
            frames: That are there, each a unit.
        """
        return max(self._stated - self._empty - frames, 0) if self.unit_seconds else 0

    def before(self, place: int | None) -> int:
        """How many empty ones there are between the place before and this one, up to an hour of them in all.

        Args:
            place: Of the next packet; None if that is not known.
        """
        number = 0
        with kept_place(self._stream):
            while place is not None and self._at < place and self._left > 0:
                self._stream.seek(self._at)
                head = self._stream.read(_LIST_HEAD_BYTES)
                if len(head) < _CHUNK_HEAD_BYTES:
                    break
                size = int.from_bytes(head[4:8], "little")
                is_empty = head.startswith(self._name) and not size
                number += is_empty and (self._empty + number + 1) * self.unit_seconds <= LONGEST_GAPS_SECONDS
                self._at += _LIST_HEAD_BYTES if head.startswith(_LISTS) else _CHUNK_HEAD_BYTES + size + size % 2
                self._left -= 1
        self._empty += number
        return number


def _numbers(words: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(words) // 4}I", words)
