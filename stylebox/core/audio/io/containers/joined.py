"""The files that follow one another in one, as `cat` and recorders join them. Decodes nothing.

Where a header states the end of a file, the next one begins there, perhaps after a tag. A file that states none, or is
cut short, is searched for a beginning of its kind. A beginning has so many constant bytes, or a checksum, that no sound
and no picture has it by chance. FLAC, Ogg and MP4 are known as later files only, as `flac.py`, `ogg.py` and `boxes.py`
find where they end; frames without a container decoders read on.

Reference:
    The formats of `units.py`. True Audio 1. WavPack 4. Creative Voice. Adobe FLV 10.1. Musepack SV8. RFC 4867. IRCAM.
    NUT Open Container Format 20080520.
"""

import io
import re
import zlib
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.containers import units
from stylebox.core.audio.io.containers.frame_sizes import begins_frames
from stylebox.core.audio.io.containers.part import spliced, stretch
from stylebox.core.audio.io.containers.search import find
from stylebox.core.audio.io.containers.tag_places import after_padding, id3_end

_MOST_FILES = 1000  # of more, the rest belongs to the last one
_LONGEST_TAG_BYTES = 1 << 20
_MOST_LEADING_ZEROS = 3  # with which a file may begin: MP4 with a size
_WAVPACK_FLAGS_AT, _FIRST_OF_CHANNELS = 25, 8


class _Kind(NamedTuple):
    """A kind of file.

    Attributes:
        beginning: The first bytes of such a file.
        size_of: The size of a unit by its first bytes; the first unit is the file, or its head. None if it states none.
        is_meant: Decides on bytes that look like a beginning.
        is_searched: Whether what states no size is searched for the next file.
    """

    beginning: re.Pattern[bytes]
    size_of: Callable[[bytes], int | None] = lambda head: None
    is_meant: Callable[[bytes], bool] = bool
    is_searched: bool = True


def files(stream: BinaryIO) -> list[BinaryIO]:
    """The files that were joined in one, each as a file of its own; mostly it is one, and given as it is.

    Args:
        stream: Seekable.
    """
    end = stream.seek(0, io.SEEK_END)
    starts, stops = _limits(stream, end)
    if starts == [0]:
        return [stream]
    return [spliced(stream, [stretch(start, stop)]) for start, stop in zip(starts, stops, strict=True)]


def _limits(stream: BinaryIO, end: int) -> tuple[list[int], list[int]]:
    """Where each file begins, the first one at the beginning of the stream, and where it ends."""
    starts, stops = [0], list[int]()
    at = begin = id3_end(stream, 0)  # of the header of the last file
    kind = _kind_at(stream, at)
    for _ in range(units.MOST_UNITS):
        if kind is None or at >= end or len(starts) == _MOST_FILES:
            break
        size = kind.size_of(units.head(stream, at)) or 0
        following: int | None = at + size
        if not size or at + size > end:  # not stated, or not there
            following = find(stream, kind.beginning, begin + 1, kind.is_meant) if kind.is_searched else None
        if following is None:
            break
        at = id3_end(stream, following)
        if at < end and not kind.size_of(units.head(stream, at)):
            at = beginning(stream, at) or at
        if found := _kind_at(stream, at):
            kind, begin = found, at
            starts.append(at)
            stops.append(following if at > following else _before_tag(stream, starts[-2], at))
    return starts, [*stops, end]


def _before_tag(stream: BinaryIO, start: int, place: int) -> int:
    """Where an ID3 tag begins, at `start` or later, that ends at a place; the place itself if none does."""
    start = max(place - _LONGEST_TAG_BYTES, start)
    stream.seek(start)
    found = re.finditer(b"ID3", stream.read(place - start))
    return next((start + tag.start() for tag in found if id3_end(stream, start + tag.start()) == place), place)


def beginning(stream: BinaryIO, place: int) -> int | None:
    """Where a file of a known kind begins behind the tags and zeros at a place; None if none does."""
    end = after_padding(stream, place)
    places = (id3_end(stream, place), *range(end, max(end - _MOST_LEADING_ZEROS, place) - 1, -1))
    return next((one for one in places if _kind_at(stream, one)), None)


def is_beginning(stream: BinaryIO, place: int) -> bool:
    """Whether a file of a known kind begins at a place, perhaps after a tag."""
    return _kind_at(stream, id3_end(stream, place)) is not None


def another_file(stream: BinaryIO, start: int, most_bytes: int) -> int | None:
    """Where a file of any kind begins; None if there is none.

    Args:
        stream: Seekable.
        start: Where the search begins.
        most_bytes: After which it ends.
    """
    stream.seek(start)
    after = stream.read(most_bytes)
    places = (found.start() for found in _ANY_BEGINNING.finditer(after))
    return next((start + place for place in places if _kind_at(stream, start + place)), None)


def _kind_at(stream: BinaryIO, at: int) -> _Kind | None:
    """The kind of a file that begins there."""
    head = units.head(stream, at)
    for kind in _KINDS + _BARE_KINDS if _ANY_BEGINNING.match(head) else _BARE_KINDS:
        found = kind.beginning.match(head)
        if found and kind.is_meant(found.group()):
            return kind
    return None


def _has_tta_checksum(head: bytes) -> bool:
    return zlib.crc32(head[:18]) == int.from_bytes(head[18:], "little")


def _has_voc_checksum(head: bytes) -> bool:
    version, checksum = (int.from_bytes(head[at : at + 2], "little") for at in (22, 24))
    return (~version + 0x1234) & 0xFFFF == checksum


def _is_first_of_channels(head: bytes) -> bool:
    return bool(head[_WAVPACK_FLAGS_AT] & _FIRST_OF_CHANNELS)


def _pattern(expression: bytes) -> re.Pattern[bytes]:
    return re.compile(expression, re.DOTALL)


_ASF_HEADER = rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c"
_KINDS: list[_Kind] = [
    *(_Kind(_pattern(mark + rb"....WAVE[ -~]{4}"), units.riff) for mark in (rb"RIFF", rb"RIFX", rb"RF64", rb"BW64")),
    _Kind(_pattern(rb"FORM....AIF[CF][ -~]{4}"), units.riff),
    _Kind(_pattern(rb"RIFF....AVI LIST....hdrlavih\x38\0\0\0"), units.riff),
    # Sizes, codec, rate and channels: AU, SoX in both byte orders, IRCAM in both.
    _Kind(_pattern(rb"\.snd\0\0......\0\0\0[\x01-\x1b]\0[\0-\x0f]..\0\0\0[^\0]"), units.with_sound),
    _Kind(_pattern(rb"\.SoX..\0\0.{6}\0\0.{8}[^\0]\0\0\0..\0\0"), units.with_sound),
    _Kind(_pattern(rb"XoS\.\0\0..\0\0.{6}.{8}\0\0\0[^\0]\0\0"), units.with_sound),
    _Kind(_pattern(rb"\x64\xa3[\x01-\x04]\0..[^\0][\x44-\x49][\x01-\x20]\0\0\0[\x01-\x40]\0[\0-\x04]\0")),
    _Kind(_pattern(rb"\0[\x01-\x04]\xa3\x64[\x44-\x49][^\0]..\0\0\0[\x01-\x20]\0[\0-\x04]\0[\x01-\x40]")),
    _Kind(_pattern(rb"NIST_1A\n   \d{4}\n"), units.with_sound),
    _Kind(_pattern(rb"\x80\0..[\x02-\x04]\x12\x04[\x01-\x08].{8,2100}?\(c\)CRI"), units.with_mark_of_end),
    _Kind(_pattern(rb"caff\0\x01\0\0desc\0{7}\x20"), units.caf),
    _Kind(_pattern(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0.{8}wave\xf3\xac\xd3\x11"), units.w64),
    _Kind(_pattern(rb"DSD \x1c\0{7}.{16}fmt \x34\0{7}"), units.dsf),
    _Kind(_pattern(_ASF_HEADER + rb".{4}\0{4}.{4}\x01\x02"), units.asf_object),
    _Kind(_pattern(rb"\x1aE\xdf\xa3.{1,60}?B\x82[\x84\x88](?:webm|matroska)"), units.element),
    _Kind(_pattern(rb"TTA1[\x01-\x03]\0.{16}"), is_meant=_has_tta_checksum),
    # A block of version 4 that begins with sample 0 and has samples.
    _Kind(_pattern(rb"wvpk...\0[\x02-\x10]\x04\0.{5}\0{4}(?!\0{4}).{8}"), is_meant=_is_first_of_channels),
    _Kind(_pattern(rb"Creative Voice File\x1a..[\x0a\x14]\x01.."), is_meant=_has_voc_checksum),
    _Kind(_pattern(rb"FLV\x01[\x01\x04\x05]\0\0\0\x09\0{4}")),
    _Kind(_pattern(rb"\.RMF\0\0\0\x12\0.{9}PROP\0")),
    _Kind(_pattern(rb"MPCKSH[\x0c-\x20].{4}\x08")),
    _Kind(_pattern(rb"#!AMR(?:-WB)?\n[\0-\x7c]")),
    _Kind(_pattern(rb"nut/multimedia container\0N")),
    _Kind(units.MP3_BEGINNING, units.mp3),  # others decoders read on
    _Kind(_pattern(rb"FRM8.{8}DSD FVER\0{7}\x04"), units.dff),
    _Kind(_pattern(rb"fLaC[\0\x80]\0\0\x22")),
    _Kind(_pattern(rb"OggS\0\x02\0{8}.{4}\0{4}"), is_searched=False),
    _Kind(_pattern(rb"\0\0..ftyp(?:M4|mp4|iso|qt  |3g|dash|avc1|MSNV|f4v)"), is_searched=False),
]
_ANY_BEGINNING = _pattern(b"|".join(kind.beginning.pattern for kind in _KINDS))
# Frames without a container: known where a file ends, as inside one they would be its sound.
_BARE_KINDS: list[_Kind] = [
    _Kind(_pattern(mark + rb".{10,4000}"), is_meant=begins_frames, is_searched=False)
    for mark in (rb"\xff[\xf0\xf1\xf8\xf9]", rb"\x0b\x77")
]
