"""The boxes of MP4 and QuickTime files: files that were joined, and the edit list of a track. Decodes nothing.

FFmpeg plays the first of joined files only, and opens no file that ends inside the head of a fragment.

Reference:
    ISO/IEC 14496-12: 4.2 boxes, 8.6.6 edit lists, 8.8 fragments.
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.containers.part import Part, spliced, stretch
from stylebox.core.audio.io.containers.place import kept_place

MARK, MARK_AT = b"ftyp", slice(4, 8)  # of a file; older QuickTime files have none
_WIDE, _TO_THE_END = 1, 0  # as a size: it follows in eight bytes, or is that of the rest
_MOST_BOXES = 1_000_000  # five hours of a live film; a hostile file may consist of boxes of eight bytes
_MOST_EDITS = 1000  # of more, none: a hostile file may play its sound any number of times


class Box(NamedTuple):
    """A box.

    Attributes:
        kind: Its name of four bytes.
        start: Where it begins.
        content: Where its content begins.
        end: Where it ends, perhaps beyond the file.
    """

    kind: bytes
    start: int
    content: int
    end: int


class Edit(NamedTuple):
    """A stretch of a presentation.

    Attributes:
        seconds: Its length; 0 is to the end.
        begin: The time in the track that it plays from, in seconds; None plays nothing.
    """

    seconds: float
    begin: float | None


def boxes(stream: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places, one after another.

    Args:
        stream: Seekable.
        start: Where the first one begins.
        end: Where the last one ends, perhaps beyond the file.
    """
    end = min(end, stream.seek(0, io.SEEK_END))
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        stream.seek(start)
        header = stream.read(16)
        if len(header) < 8 or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in header[4:8]):
            return
        size, head_bytes = int.from_bytes(header[:4]), 8
        if size == _WIDE:
            size, head_bytes = int.from_bytes(header[8:]), 16
        size = end - start if size == _TO_THE_END else size
        if size < head_bytes:
            return
        yield Box(header[4:8], start, start + head_bytes, start + size)
        start += size


def sounds(stream: BinaryIO) -> list[Part]:
    """The files that were joined in one; mostly it is one. A fragment whose head is cut short is left out at the end.

    Args:
        stream: An MP4 file, seekable.
    """
    total = stream.seek(0, io.SEEK_END)
    starts, end, has_movie = list[int](), total, False
    for box in boxes(stream, 0, total):
        if box.kind == MARK and (has_movie or not starts):
            starts.append(box.start)
            has_movie = False
        has_movie |= box.kind == b"moov"
        if box.kind == b"moof" and box.end > total:
            end = box.start
    if len(starts) < 2 and end == total:
        return [Part(stream)]
    starts = starts or [0]  # without a mark, as older QuickTime files are
    stops = [*starts[1:], end]
    return [
        Part(spliced(stream, [stretch(start, stop)]), has_end=end == total or stop < end)
        for start, stop in zip(starts, stops, strict=True)
    ]


def end(stream: BinaryIO) -> int:
    """Where the last whole box ends.

    Args:
        stream: An MP4 file, seekable.
    """
    total = stream.seek(0, io.SEEK_END)
    return max((box.end for box in boxes(stream, 0, total) if box.end <= total), default=total)


def edit_list(stream: BinaryIO, track: int) -> list[Edit]:
    """The edit list of a track; none of a file of fragments, where it states what is left out in front.

    Args:
        stream: Seekable; stays where it is.
        track: Its number, as the file has it.
    """
    with kept_place(stream):
        movie = next((box for box in boxes(stream, 0, stream.seek(0, io.SEEK_END)) if box.kind == b"moov"), None)
        inside = [] if movie is None else list(boxes(stream, movie.content, movie.end))
        head = next((box for box in inside if box.kind == b"mvhd"), None)
        if head is None or any(box.kind == b"mvex" for box in inside):
            return []
        scale = _number(stream, head, 12, 20)
        tracks = [
            {box.kind: box for box in boxes(stream, one.content, one.end)} for one in inside if one.kind == b"trak"
        ]
        found = next((one for one in tracks if b"tkhd" in one and _number(stream, one[b"tkhd"], 12, 20) == track), {})
        media_head, edits = _inside(stream, found.get(b"mdia"), b"mdhd"), _inside(stream, found.get(b"edts"), b"elst")
        media_scale = _number(stream, media_head, 12, 20) if media_head else 0
        return _edits(stream, edits, scale, media_scale) if edits and scale and media_scale else []


def _inside(stream: BinaryIO, box: Box | None, kind: bytes) -> Box | None:
    return None if box is None else next((one for one in boxes(stream, box.content, box.end) if one.kind == kind), None)


def _number(stream: BinaryIO, box: Box, place: int, wide_place: int) -> int:
    """A number of four bytes, which lies elsewhere in a box with numbers of eight bytes."""
    stream.seek(box.content)
    content = stream.read(wide_place + 4)
    at = wide_place if content[:1] == b"\1" else place
    return int.from_bytes(content[at : at + 4])


def _edits(stream: BinaryIO, box: Box, scale: int, media_scale: int) -> list[Edit]:
    stream.seek(box.content)
    version, count = struct.unpack(">B3xI", stream.read(8).ljust(8, b"\0"))
    entry = struct.Struct(">Qq4x" if version else ">Ii4x")
    if count > _MOST_EDITS:
        return []
    content = stream.read(max(min(count * entry.size, box.end - box.content - 8), 0))
    found = entry.iter_unpack(content[: len(content) // entry.size * entry.size])
    return [Edit(length / scale, begin / media_scale if begin >= 0 else None) for length, begin in found]
