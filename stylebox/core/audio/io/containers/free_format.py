"""MP3 of a bit rate that is none of the table: its frames state no length, but all have the same. Decodes nothing.

Its decoder, mpg123, ends a kilobyte behind the first damage. So it is given the frames alone, and silent ones where
some are lost.

Reference:
    ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3: header of a frame, free format.
"""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from stylebox.core.audio.io.containers import behind
from stylebox.core.audio.io.containers.part import Part, Piece, spliced, stretch
from stylebox.core.audio.io.containers.search import find
from stylebox.core.audio.io.containers.tag_places import after_padding, id3_end

# Layer 3 of a known version, no bit rate, a known sample rate.
_HEADER = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\x0b]")
_HEADER_BYTES = 4
_HEAD_BYTES, _LEAST_FRAME_BYTES = 1 << 14, 24  # in which the beginnings of three frames are; of a frame
_HAS_PADDING, _HAS_NO_CHECKSUM = 0x02, 0x01  # bits of the third byte of a header, and of the second


def is_free_format(stream: BinaryIO) -> bool:
    """Whether a file is of this kind, which FFmpeg refuses.

    Args:
        stream: Seekable; it is at its beginning afterwards.
    """
    return _frame_bytes(stream) is not None


def part(stream: BinaryIO) -> Part | None:
    """The file without what is damaged, which is silent; None if it is of another kind.

    Args:
        stream: Seekable.
    """
    size = _frame_bytes(stream)
    if size is None:
        return None
    end = id3_end(stream, 0)
    stream.seek(end)
    version, layer, rate, mode = stream.read(_HEADER_BYTES)
    silent = bytes([version, layer | _HAS_NO_CHECKSUM, rate & ~_HAS_PADDING, mode]).ljust(size, b"\0")
    lost, pieces = 0, list[Piece]()
    for begin, stop in _frames(stream, end, size):
        missing = round((begin - end) / size)
        pieces += [Piece(missing * size, None, silent), stretch(begin, stop)]
        lost, end = lost + max(missing, begin > end), stop
    return Part(spliced(stream, pieces), remarks=_remarks(stream, lost, end, size))


def _frame_bytes(stream: BinaryIO) -> int | None:
    """Size of a frame without padding; None if the file is of another kind. The stream is at its beginning then."""
    stream.seek(id3_end(stream, 0))
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if _HEADER.match(head) is None:
        return None
    sizes = (found.start() for found in _HEADER.finditer(head, _LEAST_FRAME_BYTES))
    whole = (size for size in sizes if head[:2] in {head[2 * size + more :][:2] for more in (-1, 0, 1)})
    return next((size - _padding(head) for size in whole), None)


def _padding(header: bytes) -> int:
    return int(bool(header[2] & _HAS_PADDING))


def _frames(stream: BinaryIO, place: int | None, size: int) -> Iterator[tuple[int, int]]:
    """Where the frames begin and end that are whole.

    Args:
        stream: Seekable.
        place: Where the first one begins.
        size: Of a frame without padding.
    """
    total = stream.seek(0, io.SEEK_END)
    stream.seek(place or 0)
    mark = stream.read(2)
    followed = re.compile(re.escape(mark) + b".{%d,%d}" % (size - 2, size - 1) + re.escape(mark), re.DOTALL)
    while place is not None:
        stream.seek(place)
        header = stream.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or not header.startswith(mark):
            place = find(stream, followed, place)
            continue
        stop = place + size + _padding(header)
        if stop > total:
            return
        yield place, stop
        place = stop


def _remarks(stream: BinaryIO, lost: int, end: int, size: int) -> tuple[str, ...]:
    """On frames that are damaged, and on what follows the last one."""
    found = []
    if lost:
        are = "is" if lost == 1 else "are"
        found.append(f"{lost} of its frames {are} damaged or missing; silence is in their place")
    left = stream.seek(0, io.SEEK_END) - after_padding(stream, end)
    if left >= behind.LEAST_BYTES:
        found.append(behind.remark(left))
    elif left > 0:
        found.append("its last frame is damaged or cut short; it is left out")
    return tuple(found)
