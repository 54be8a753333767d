"""The pages of Ogg streams: where a chained file begins again, what is missing, serial numbers. Decodes nothing.

Encoders draw a random serial number, so that equal sound would give different bytes.

Reference:
    RFC 3533, section 6: a page's header, and its checksum.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_HEADER = struct.Struct("<4sBBqIIIB")  # capture pattern, version, type, granule, serial, sequence, checksum, segments
_MARK = b"OggS"
_FIRST_PAGE, _LAST_PAGE = 2, 4  # bits of the type: a stream begins, or ends
_SERIAL = 1
_SEARCH_BYTES = 1 << 16
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """Where a page lies, whether it begins or ends a stream, which stream and page it is, whether it is undamaged."""

    start: int
    end: int
    is_first: bool
    is_last: bool
    serial: int
    sequence: int
    is_whole: bool


class Link(NamedTuple):
    """One of the sounds of a chained file.

    Attributes:
        start: Where it begins.
        end: Where the next one begins.
        is_whole: Whether it is one stream of which no page is missing or damaged.
        has_end: Whether its last page is there.
        after_gaps: Where pages begin that follow missing or damaged ones, from its beginning.
    """

    start: int
    end: int
    is_whole: bool
    has_end: bool
    after_gaps: frozenset[int] = frozenset()


def pages(stream: BinaryIO) -> Iterator[Page]:
    """Every page of a file, whole or cut short; what is damaged between pages is passed over."""
    start = 0
    while True:
        stream.seek(start)
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        if not header.startswith(_MARK):
            found = _find_mark(stream, start + 1)
            if found is None:
                return
            start = found
            continue
        *known, serial, sequence, expected, segments = _HEADER.unpack(header)
        lengths = stream.read(segments)
        body = stream.read(sum(lengths))
        end = start + _HEADER.size + segments + sum(lengths)
        following = stream.read(len(_MARK))
        if following not in (_MARK, b""):  # a page that was cut short may reach into the next
            end = min(end, _find_mark(stream, start + len(_MARK)) or end)
            if end - start < _HEADER.size:
                start = end
                continue
        plain = _HEADER.pack(*known, serial, sequence, 0, segments) + lengths + body
        is_first, is_last = bool(header[5] & _FIRST_PAGE), bool(header[5] & _LAST_PAGE)
        yield Page(start, end, is_first, is_last, serial, sequence, checksum(plain) == expected)
        start = end


def links(stream: BinaryIO) -> list[Link]:
    """The links of a chained file, which is one sound after another in one file."""
    found: list[Link] = []
    gaps: list[set[int]] = []  # of each link
    after_content = True
    last: dict[int, int] = {}  # number of the last whole page of each stream
    for page in pages(stream):
        if page.is_first and after_content:
            last = {}
            found.append(Link(page.start, page.end, page.is_whole, page.is_last and page.is_whole))
            gaps.append(set())
        elif found:
            follows = last.get(page.serial) == page.sequence - 1
            link = found[-1]
            found[-1] = Link(
                link.start,
                page.end,
                link.is_whole and page.is_whole and follows and len(last) == 1,
                link.has_end or (page.is_last and page.is_whole),
            )
            if page.is_whole and not follows:
                gaps[-1].add(page.start - link.start)
        if page.is_whole:
            last[page.serial] = page.sequence
        after_content = not page.is_first
    return [link._replace(after_gaps=frozenset(after)) for link, after in zip(found, gaps, strict=True)]


def set_plain_serial(stream: BinaryIO) -> None:
    """Give every page of a file the serial number 1, in place; other bytes stay unchanged."""
    for page in list(pages(stream)):
        stream.seek(page.start)
        content = stream.read(page.end - page.start)
        *known, _, sequence, _, segments = _HEADER.unpack_from(content)
        body = content[_HEADER.size :]
        plain = _HEADER.pack(*known, _SERIAL, sequence, 0, segments) + body
        stream.seek(page.start)
        stream.write(_HEADER.pack(*known, _SERIAL, sequence, checksum(plain), segments))
    stream.seek(0, io.SEEK_END)


def checksum(page: bytes) -> int:
    """Checksum of a page whose checksum field is 0: CRC-32 with the highest bit first and initial value 0."""
    lowest_first = zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{lowest_first:032b}"[::-1], 2)


def _find_mark(stream: BinaryIO, start: int) -> int | None:
    """Where the next page begins; None if there is none."""
    kept = b""
    while True:
        stream.seek(start + len(kept))
        block = stream.read(_SEARCH_BYTES)
        at = (kept + block).find(_MARK)
        if at >= 0:
            return start + at
        if not block:
            return None
        searched = kept + block
        kept = searched[-len(_MARK) + 1 :]
        start += len(searched) - len(kept)
