"""The pages of Ogg streams: where a chained file begins again, what is missing or twice, serials. Decodes nothing.

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
_VORBIS, _HEAD_BYTES = b"\x01vorbis", 64  # its mark, and how far behind the beginning it may end
_LEAST_HEADERS = 2  # pages at the beginning of a stream that hold no sound, and state the time 0
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
        expected: Its checksum, as it states it.
    """

    start: int
    end: int
    is_first: bool
    is_last: bool
    granule: int
    serial: int
    sequence: int
    is_whole: bool
    expected: int


class Link(NamedTuple):
    """One of the sounds of a chained file.

    Attributes:
        start: Where it begins.
        end: Where the next one begins.
        is_whole: Whether it is one stream of which no page is missing or damaged, and the last one states its time.
        has_end: Whether its last page is there.
        after_gaps: Where pages begin that follow missing or damaged ones, from its beginning.
        untimed: Its last page, if that states no time, or an impossible one; with the latest time that is stated.
        repeated: The pages that are the same as the one before them of their stream.
        damaged_header: The pages between the first one and the sound that are damaged.
    """

    start: int
    end: int
    is_whole: bool
    has_end: bool
    after_gaps: frozenset[int] = frozenset()
    untimed: Page | None = None
    repeated: tuple[Page, ...] = ()
    damaged_header: tuple[Page, ...] = ()


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
        yield Page(start, end, is_first, is_last, granule, serial, sequence, is_whole, expected)
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
    found: list[_OpenLink] = []
    after_content = True
    for page in pages(stream):
        if page.is_first and after_content:
            found.append(_OpenLink(page))
        elif found:
            found[-1].add(page)
        after_content = not page.is_first
    return [link.as_link() for link in found]


def _are_the_same(before: Page, page: Page) -> bool:
    """Whether two pages of a stream are whole and have the same number, size and checksum."""
    sizes = before.end - before.start, page.end - page.start
    stated = (before.sequence, before.expected) == (page.sequence, page.expected)
    return before.is_whole and page.is_whole and stated and sizes[0] == sizes[1]


class _OpenLink:
    """A link whose pages are being read.

    Args:
        first: Its first page.
    """

    def __init__(self, first: Page) -> None:
        self._first, self._end = first, first.end
        self._is_whole, self._has_end = first.is_whole, first.is_last and first.is_whole
        self._gaps, self._repeated, self._repeated_bytes = set[int](), list[Page](), 0
        self._damaged_header = list[Page]()
        self._untimed: Page | None = None  # the last page, unless it is the latest
        self._last = {first.serial: first} if first.is_whole else {}  # of each stream: a whole page, or one of a header
        self._latest = 0  # time of a page

    def add(self, page: Page) -> None:
        """Take the next page."""
        before = self._last.get(page.serial)
        self._end = page.end
        if before is not None and _are_the_same(before, page):
            self._repeated.append(page)
            self._repeated_bytes += page.end - page.start
            return
        follows = before is not None and before.sequence == page.sequence - 1
        if follows and not page.is_whole and page.granule <= 0 and not self._latest:
            self._damaged_header.append(page)
            page = page._replace(is_whole=True)
        self._is_whole &= page.is_whole and follows and len(self._last) == 1
        self._has_end |= page.is_last and page.is_whole
        if page.is_whole and not follows:
            self._gaps.add(page.start - self._first.start - self._repeated_bytes)
        is_timed = page.granule >= self._latest and (page.granule > 0 or page.sequence < _LEAST_HEADERS)
        self._untimed = None if is_timed else page._replace(granule=self._latest)
        self._latest = max(self._latest, page.granule)
        if page.is_whole:
            self._last[page.serial] = page

    def as_link(self) -> Link:
        """The link, when its last page was read."""
        is_whole = self._is_whole and not self._untimed and not self._repeated
        gaps, repeated = frozenset(self._gaps), tuple(self._repeated)
        header = tuple(self._damaged_header)
        return Link(self._first.start, self._end, is_whole, self._has_end, gaps, self._untimed, repeated, header)


def pieces(stream: BinaryIO, link: Link) -> list[Piece]:
    """A link as FFmpeg plays it whole, and once.

    A page that states no time has no end mark, where it would end too early. A page that is there twice is left out. A
    damaged page of tags gets the right checksum, as the sound could not be played without it; that of Vorbis may hold
    what its decoder needs.
    """
    stream.seek(link.start)
    tags = () if _VORBIS in stream.read(_HEAD_BYTES) else link.damaged_header
    changed = dict.fromkeys(link.repeated, b"") | {page: _content(stream, page) for page in tags}
    last = link.untimed
    if last is not None and last.is_last and last.is_whole:
        changed[last] = _content(stream, last, last.granule, ~_LAST_PAGE)
    found, start = list[Piece](), link.start
    for page in sorted(changed):
        found += [stretch(start, page.start), literal(changed[page])]
        start = page.end
    return [*found, stretch(start, link.end)]


def _content(stream: BinaryIO, page: Page, granule: int | None = None, mask: int = 0xFF) -> bytes:
    """A page with the right checksum.

    Args:
        stream: Seekable.
        page: The page.
        granule: Its time; None keeps it.
        mask: The bits of its type that are kept.
    """
    stream.seek(page.start)
    content = stream.read(page.end - page.start)
    mark, version, kind, stated, serial, sequence, _, segments = _HEADER.unpack_from(content)
    fields = (mark, version, kind & mask, stated if granule is None else granule, serial, sequence)
    body = content[_HEADER.size :]
    expected = checksum(_HEADER.pack(*fields, 0, segments) + body)
    return _HEADER.pack(*fields, expected, segments) + body


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
