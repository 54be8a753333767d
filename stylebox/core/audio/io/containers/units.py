"""The size of the unit that begins at a place of a file: a box, an element, a chunk, or the file itself.

Each function is given the first bytes of the unit, `HEAD_BYTES` if there are as many, and gives its size with its
header; None if it states none. Decodes nothing.

Reference:
    ISO/IEC 14496-12, 4.2: boxes of MP4. RFC 8794: elements of Matroska. Microsoft, Advanced Systems Format, 2: objects.
    Microsoft, RIFF; EBU Tech 3306, RF64. Sony Wave64. Apple, Core Audio Format 1.0. Sun, audio files. SoX: soxformat.
    NIST SPHERE. Sony, DSF File Format 1.01. Philips, DSDIFF 1.5. LAME, info tag.
    Adobe SWF 19, chapter 2. FFmpeg, wtvenc.c.
"""

import io
import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from stylebox.core.audio.io.containers import adx

SizeOf = Callable[[bytes], int | None]  # the size of the unit that begins with these bytes

HEAD_BYTES = 4096
MOST_UNITS = 1_000_000  # five hours of a live film; a hostile file may consist of units of two bytes
UNKNOWN = 0xFFFFFFFF  # as a size
NEVER_FILLED_IN = 0x7FFF0000  # least size that programs write which cannot know it
LARGEST_SIZE = 1 << 60  # larger ones of eight bytes stand for an unknown size
_WIDE_BOX = 1  # as a size: it follows in eight bytes
_BOXES = re.compile(
    rb"ftyp|styp|moov|moof|mdat|mfra|free|skip|wide|uuid|udta|meta|sidx|ssix|prft|emsg|pdin|pnot|PICT|junk|iods|clip"
)  # names at the top of a file; behind the last one there may be anything
# Names of elements at the top of a file, in a segment, in a cluster, whose sizes may be unknown, and behind a block.
_ELEMENTS = re.compile(
    rb"\x1a\x45\xdf\xa3|\x18\x53\x80\x67|\xec|\xbf"
    rb"|\x1f\x43\xb6\x75|\x1c\x53\xbb\x6b|\x12\x54\xc3\x67|\x11\x4d\x9b\x74|\x15\x49\xa9\x66|\x16\x54\xae\x6b"
    rb"|\x10\x43\xa7\x70|\x19\x41\xa4\x69|\xe7|\xa3|\xa0|\xab|\xa7|\xaf|\x58\x54"
    rb"|\x9b|\xfb|\xfa|\xa4|\x75[\xa1\xa2]"
)
_ASF_MARKS = (b"\x30\x26\xb2\x75", b"\x36\x26\xb2\x75", b"\x90\x08\x00\x33", b"\xd3\x29\xe2\xd6", b"\xf8\x03\xb1\xfe")
_CAF_MARK, _NAME = b"caff", re.compile(rb"[ -~]{4}")
# A frame of zeros with a tag that states the number of frames and of bytes, if its flags say so.
MP3_BEGINNING = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]..\0{9,32}(?:Xing|Info)\0\0\0[\x01-\x0f]", re.DOTALL)
_ID3V1_BYTES, _STATES_FRAMES, _STATES_BYTES = 128, 1, 2
_WTV_MARK, _WTV_SECTORS, _WTV_SECTOR_BYTES = bytes.fromhex("b7d800203749da11"), slice(0x5C, 0x60), 4096
_SWF_LONG = 0x3F  # as a size: it follows in four bytes
_AUD_CHUNK = b"\xaf\xde\0\0"
_NIST_PACKED = b"embedded-shorten"
_NIST_FIELD = re.compile(rb"^(sample_count|sample_n_bytes|channel_count) -i (\d{1,15})\s*$", re.MULTILINE)


def head(stream: BinaryIO, at: int) -> bytes:
    """The first bytes of the unit that begins at a place."""
    stream.seek(at)
    return stream.read(HEAD_BYTES)


def walked(stream: BinaryIO, at: int, size_of: SizeOf) -> int:
    """Where the units end that begin at a place; a byte behind the stream if the last one is cut short.

    Args:
        stream: Seekable.
        at: The place.
        size_of: Gives the size of a unit; None or 0 if none begins with the bytes that it is given.
    """
    total = stream.seek(0, io.SEEK_END)
    for _ in range(MOST_UNITS):
        size = size_of(head(stream, at)) if at < total else 0
        if not size:
            break
        at += size
    return min(at, total + 1)  # the system may refuse a place far behind


def box(head: bytes) -> int | None:
    """Of MP4."""
    if not _BOXES.match(head, 4):
        return None
    size = int.from_bytes(head[:4])
    return int.from_bytes(head[8:16]) if size == _WIDE_BOX else size


def element(head: bytes) -> int | None:
    """Of Matroska, with its header; that of the header alone if the size is unknown, so that its content follows."""
    name_bytes = 9 - head[0].bit_length()
    marked = head[name_bytes : name_bytes + 1]
    if not _ELEMENTS.match(head) or not marked or not marked[0]:
        return None
    size_bytes = 9 - marked[0].bit_length()
    size = int.from_bytes(head[name_bytes : name_bytes + size_bytes])
    unknown = (1 << 7 * size_bytes) - 1
    size &= unknown
    return name_bytes + size_bytes + (0 if size == unknown else size)


def asf_object(head: bytes) -> int | None:
    """Of ASF."""
    return int.from_bytes(head[16:24], "little") if head.startswith(_ASF_MARKS) else None


def riff(head: bytes) -> int | None:
    """Of a WAV, AIFF or AVI file."""
    if head[:4] in (b"RF64", b"BW64"):
        wide = int.from_bytes(head[20:28], "little") if head[12:16] == b"ds64" else 0
        return 8 + wide if 0 < wide < LARGEST_SIZE else None
    if head[:4] not in (b"RIFF", b"RIFX", b"FORM"):
        return None
    size = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
    return 8 + size if 0 < size < NEVER_FILLED_IN else None


def caf(head: bytes) -> int | None:
    """Of a chunk of CAF, or of the mark that begins the file."""
    if head.startswith(_CAF_MARK):
        return 8
    size = int.from_bytes(head[4:12])
    return 12 + size if len(head) >= 12 and _NAME.match(head) and size < LARGEST_SIZE else None


def w64(head: bytes) -> int | None:
    """Of a Wave64 file."""
    size = int.from_bytes(head[16:24], "little")
    return size if head.startswith(b"riff") and 40 < size < LARGEST_SIZE else None


def dsf(head: bytes) -> int | None:
    """Of a DSF file."""
    size = int.from_bytes(head[12:20], "little")
    return size if head.startswith(b"DSD ") and 0 < size < LARGEST_SIZE else None


def dff(head: bytes) -> int | None:
    """Of a DSDIFF file."""
    size = 12 + int.from_bytes(head[4:12])
    return size + size % 2 if head.startswith(b"FRM8") and 12 < size < LARGEST_SIZE else None


def wtv(head: bytes) -> int | None:
    """Of a WTV file, which consists of sectors."""
    return _WTV_SECTOR_BYTES * int.from_bytes(head[_WTV_SECTORS], "little") if head.startswith(_WTV_MARK) else None


def swf(head: bytes) -> int | None:
    """Of the header of a Flash file that is not compressed, or of a tag other than the last, which is two zeros."""
    if head.startswith(b"FWS") and len(head) > 8:
        return 12 + -(-(5 + 4 * (head[8] >> 3)) // 8)  # a rectangle of four numbers of so many bits is in it
    code_and_size, long = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:6], "little")
    code, size = code_and_size >> 6, code_and_size & _SWF_LONG
    return (6 + long if size == _SWF_LONG else 2 + size) if code else None


def aud(head: bytes) -> int | None:
    """Of a Westwood AUD file, which is known by the mark of its first chunk."""
    return 12 + int.from_bytes(head[2:6], "little") if head[16:20] == _AUD_CHUNK else None


def mp3(head: bytes) -> int | None:
    """Of an MP3 file whose first frame states its size, or of a tag behind it."""
    if head.startswith(b"TAG"):
        return _ID3V1_BYTES
    if head.startswith(b"APETAGEX"):
        return 32 + int.from_bytes(head[12:16], "little")
    found = MP3_BEGINNING.match(head)
    flags = found[0][-1] if found else 0
    at = (found.end() if found else 0) + 4 * (flags & _STATES_FRAMES)
    return int.from_bytes(head[at : at + 4]) or None if flags & _STATES_BYTES else None


def with_mark_of_end(head: bytes) -> int | None:
    """Of the header and the sound of an ADX file, or of what ends it."""
    if head.startswith(adx.END):
        return 4 + int.from_bytes(head[2:4])
    return with_sound(head)


def with_sound(head: bytes) -> int | None:
    """Of an AU, SoX, SPHERE or ADX file, up to the end of its sound."""
    start, size = sound(head) or (0, 0)
    return start + size if 0 < size < LARGEST_SIZE else None


def sound(head: bytes) -> tuple[int, int] | None:
    """Where the samples of an AU, SoX, SPHERE or ADX file begin, and the size that is stated for them.

    One that is not positive, or larger than any file, is unknown. None for other files.
    """
    read = next((read for mark, read in _SOUNDS.items() if head.startswith(mark)), None)
    try:
        return read(head) if read else None
    except (struct.error, ValueError):  # the file ends inside its header, or it holds no numbers
        return None


def _au(head: bytes) -> tuple[int, int]:
    _, start, size = struct.unpack_from(">4sII", head)
    return start, 0 if size == UNKNOWN else size


def _sox(head: bytes) -> tuple[int, int]:
    _, size, samples = struct.unpack_from("<4sIQ" if head.startswith(b".SoX") else ">4sIQ", head)
    return 4 + size, 4 * samples


def _sphere(head: bytes) -> tuple[int, int]:
    numbers = {name: int(number) for name, number in _NIST_FIELD.findall(head)}
    samples, width, channels = (numbers.get(name, 0) for name in (b"sample_count", b"sample_n_bytes", b"channel_count"))
    return int(head[8:16]), samples * width * channels * (_NIST_PACKED not in head)


_SOUNDS = {b".snd": _au, b".SoX": _sox, b"XoS.": _sox, b"NIST_1A\n": _sphere, adx.MARK: adx.sound}
