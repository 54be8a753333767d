"""The length that the header of an ASF file states; whether a live recording, which states none, lacks its end.

Reference:
    Microsoft, Advanced Systems Format, 3.2: file properties object; 5.1: data object.
"""

import io
import re
import struct
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.containers import units

# The object's name; then at their places the time that it plays, what players hold of it first, flags, packet sizes.
_PROPERTIES = re.compile(
    re.escape(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")) + rb".{48}(.{8}).{8}(.{8})(.{4})(.{4})(.{4})",
    re.DOTALL,
)
_LIVE = 1  # a flag: nothing else is filled in
_DATA_BYTES, _STREAM_END = 50, b"$E"  # before the packets; behind them, as FFmpeg writes to a pipe


class _Properties(NamedTuple):
    played: int  # in units of 100 ns
    held_ms: int
    flags: int
    least_bytes: int  # of a packet
    most_bytes: int


def stated_seconds(head: bytes) -> float | None:
    """How long the file lasts; None if that is not stated.

    Args:
        head: Its first bytes.
    """
    found = _properties(head)
    return None if found is None or found.flags & _LIVE else found.played / 1e7 - found.held_ms / 1e3


def ends_inside_packet(stream: BinaryIO) -> bool:
    """Whether the packets of a live recording, which no header counts, end inside one.

    Args:
        stream: Seekable.
    """
    head = units.head(stream, 0)
    found = _properties(head)
    if found is None or not found.flags & _LIVE or found.least_bytes != found.most_bytes or not found.least_bytes:
        return False
    begin, end = int.from_bytes(head[16:24], "little") + _DATA_BYTES, stream.seek(0, io.SEEK_END)
    left = max(end - begin, 0) % found.least_bytes
    stream.seek(end - left)
    return left > 0 and not stream.read(left).startswith(_STREAM_END)


def _properties(head: bytes) -> _Properties | None:
    found = _PROPERTIES.search(head)
    return _Properties(*struct.unpack("<QQIII", b"".join(found.groups()))) if found else None
