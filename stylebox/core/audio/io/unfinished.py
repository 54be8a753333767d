"""Headers that were never finished, of programs that were stopped or wrote to a pipe: RF64, Wave64 and AU.

Their sizes are put right on the way to a decoder. Of plain WAV, AIFF and CAF the decoders do it themselves.

Reference:
    EBU Tech 3306, RF64. Sony Wave64: names of 16 bytes; sizes of 8 bytes include the name and the size.
"""

import io
import struct
from typing import BinaryIO

from stylebox.core.audio.io.part import overlaid

_HEAD_BYTES = 4096  # that hold the sizes
_UNKNOWN = b"\xff\xff\xff\xff"  # as decoders take it: to the end of the file
_RF64 = (b"RF64", b"BW64")
_W64_RIFF, _W64_DATA = b"riff\x2e\x91\xcf\x11", b"data\xf3\xac\xd3\x11"
_W64_NAME, _W64_SIZE = 16, struct.Struct("<Q")


def with_sizes(stream: BinaryIO) -> BinaryIO:
    """The same file, with its sizes if they were missing.

    Args:
        stream: Seekable.
    """
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    finished = head
    if head.startswith(_RF64) and head[12:16] == b"ds64" and head[28:36] in (bytes(8), 2 * _UNKNOWN):
        finished = b"RIFF" + _UNKNOWN + head[8:12] + b"JUNK" + head[16:]
    elif head.startswith(b".snd") and head[8:12] == bytes(4):
        finished = head[:8] + _UNKNOWN + head[12:]
    elif head.startswith(_W64_RIFF):
        finished = _w64(head, end)
    return stream if finished == head else overlaid(stream, finished)


def _w64(head: bytes, end: int) -> bytes:
    """The head of a Wave64 file; unchanged if it says how long its samples are."""
    at = 2 * _W64_NAME + _W64_SIZE.size
    while at + _W64_NAME + _W64_SIZE.size <= len(head):
        size_at = at + _W64_NAME
        (size,) = _W64_SIZE.unpack_from(head, size_at)
        if head.startswith(_W64_DATA, at):
            if _W64_NAME + _W64_SIZE.size < size <= end - at:
                return head
            sizes = _W64_SIZE.pack(end), _W64_SIZE.pack(end - at)
            return head[:_W64_NAME] + sizes[0] + head[_W64_NAME + 8 : size_at] + sizes[1] + head[size_at + 8 :]
        at += max(size + -size % 8, 1)
    return head
