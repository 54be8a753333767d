"""WAV files of more than 4 GB whose header cannot say how long they are. Decodes nothing.

A size in a RIFF file has 32 bits. A program that records beyond them leaves the largest number there, or what is left
of the size after it overflowed. In both cases the sound lasts up to the end of the file.
"""

import io
from typing import BinaryIO

from stylebox.core.audio.io.overlay import overlaid

LARGEST_FILE = 0xFFFFFFFF  # bytes whose sizes fit into the header
_UNKNOWN = b"\xff" * 4  # as a size
_HEADER_BYTES, _FORM_BYTES = 8, 12
_MAX_CHUNKS = 1000  # before the sound


def without_size(stream: BinaryIO) -> BinaryIO | None:
    """The same file with an unknown length in its header; None if its header can be right.

    Args:
        stream: Seekable.
    """
    total = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    form = stream.read(_FORM_BYTES)
    if total <= LARGEST_FILE or form[:4] != b"RIFF" or form[8:] != b"WAVE":
        return None
    at = _FORM_BYTES
    for _ in range(_MAX_CHUNKS):
        stream.seek(at)
        header = stream.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return None
        if header[:4] == b"data":
            return overlaid(stream, at + 4, _UNKNOWN)
        size = int.from_bytes(header[4:], "little")
        at += _HEADER_BYTES + size + size % 2
    return None
