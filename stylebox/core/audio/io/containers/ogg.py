"""The pages of Ogg streams: where a chained file begins again, what is missing, serial numbers. Decodes nothing.

Encoders draw a random serial number, so that equal sound would give different bytes.

Reference:
    RFC 3533, section 6: a page's header, and its checksum.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.containers.part import Piece, literal, stretch
from stylebox.core.audio.io.containers.search import find

_HEADER = struct.Struct("<4sBBqIIIB")  # capture pattern, version, type, granule, serial, sequence, checksum, segments
MARK = b"OggS"
PAGE = re.compile(MARK)
_FIRST_PAGE, _LAST_PAGE = 2, 4  # bits of the type: a stream begins, or ends
_SERIAL = 1
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A page.

    Attributes:
        start: Where it begins.
        end: Where the next one begins.
        is_first: Whether a stream begins with it.
        is_last: Whether its stream ends with it.
        granule: The time of its end; negative if no packet ends on it.
        serial: Number of its stream.
        sequence: Its number in the stream.
        is_whole: Whether it is undamaged.
    """

    start: int
    end: int
    is_first: bool
    is_last: bool
    granule: int
    serial: int
    sequence: int
    is_whole: bool


class Link(NamedTuple):
    """One of the sounds of a chained file.

    Attributes:
        start: Where it begins.
        end: Where the next one begins.
        is_whole: Whether it is one stream of which no page is missing or damaged, and the last one states its time.
        has_end: Whether its last page is there.
        after_gaps: Where pages begin that follow missing or damaged ones, from its beginning.
        untimed: Its last page, if that states no time, or an impossible one; with the latest time that is stated.
    """

    start: int
    end: int
    is_whole: bool
    has_end: bool
    after_gaps: frozenset[int] = frozenset()
    untimed: Page | None = None


def pages(stream: BinaryIO) -> Iterator[Page]:
    """Every page of a file, whole or cut short; what is damaged between pages is passed over."""
    start = 0
    while True:
        stream.seek(start)
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        if not header.startswith(MARK):
            found = find(stream, PAGE, start + 1)
            if found is None:
                return
            start = found
            continue
        mark, version, kind, granule, serial, sequence, expected, segments = _HEADER.unpack(header)
        lengths = stream.read(segments)
        body = stream.read(sum(lengths))
        end = start + _HEADER.size + segments + sum(lengths)
        following = stream.read(len(MARK))
        if following not in (MARK, b""):  # a page that was cut short may reach into the next
            end = min(end, find(stream, PAGE, start + len(MARK)) or end)
            if end - start < _HEADER.size:
                start = end
                continue
        plain = _HEADER.pack(mark, version, kind, granule, serial, sequence, 0, segments) + lengths + body
        is_first, is_last, is_whole = bool(kind & _FIRST_PAGE), bool(kind & _LAST_PAGE), checksum(plain) == expected
        yield Page(start, end, is_first, is_last, granule, serial, sequence, is_whole)
        start = end


def end(stream: BinaryIO) -> int:
    """Where the pages end that follow one another from the beginning.

    Args:
        stream: Seekable.
    """
    start, total = 0, stream.seek(0, io.SEEK_END)
    while True:
        stream.seek(start)
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(MARK):
            return start
        start = min(start + _HEADER.size + header[-1] + sum(stream.read(header[-1])), total)


def links(stream: BinaryIO) -> list[Link]:
    """The links of a chained file, which is one sound after another in one file."""
    found: list[Link] = []
    gaps: list[set[int]] = []  # of each link
    untimed: list[Page | None] = []  # the last page of each link, unless it is the latest
    after_content = True
    last: dict[int, int] = {}  # number of the last whole page of each stream
    latest = 0  # time of a page of the link
    for page in pages(stream):
        if page.is_first and after_content:
            last, latest = {}, 0
            found.append(Link(page.start, page.end, page.is_whole, page.is_last and page.is_whole))
            gaps.append(set())
            untimed.append(None)
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
        if found:
            untimed[-1] = None if page.granule >= latest else page._replace(granule=latest)
            latest = max(latest, page.granule)
        if page.is_whole:
            last[page.serial] = page.sequence
        after_content = not page.is_first
    return [
        link._replace(is_whole=link.is_whole and not page, after_gaps=frozenset(after), untimed=page)
        for link, page, after in zip(found, untimed, gaps, strict=True)
    ]


def pieces(stream: BinaryIO, link: Link) -> list[Piece]:
    """A link as FFmpeg plays it whole: a page that states no time has no end mark, where it would end too early."""
    page = link.untimed
    if page is None or not (page.is_last and page.is_whole):
        return [stretch(link.start, link.end)]
    stream.seek(page.start)
    content = stream.read(page.end - page.start)
    mark, version, kind, _, serial, sequence, _, segments = _HEADER.unpack_from(content)
    fields, body = (mark, version, kind & ~_LAST_PAGE, page.granule, serial, sequence), content[_HEADER.size :]
    expected = checksum(_HEADER.pack(*fields, 0, segments) + body)
    unmarked = _HEADER.pack(*fields, expected, segments) + body
    return [stretch(link.start, page.start), literal(unmarked), stretch(page.end, link.end)]


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
