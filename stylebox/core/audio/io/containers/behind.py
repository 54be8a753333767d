"""What follows the end of a file that FFmpeg reads, and is no part of it: FFmpeg passes it over. Decodes nothing.

Behind the last packet there may be tables, which are units of the file. Where a header states the size of the file, or
its units begin with their sizes, the end is where those end.

Reference:
    Adobe FLV 10.1. RealMedia File Format. WavPack 4. Musepack SV8. Creative Voice. ISO/IEC 13818-1: program streams and
    transport streams. Nintendo AST. Westwood AUD. NUT Open Container Format 20080520: packets.
"""

import io
import re
from typing import BinaryIO

from stylebox.core.audio.io.containers import musepack, units
from stylebox.core.audio.io.containers.search import find

LEAST_BYTES = 1000  # that are reported: 0.1 s of sound at 80 kbit/s
_FLV_KINDS, _FLV_HEAD_BYTES, _FLV_BEHIND = (8, 9, 18), 11, 4  # of tags; behind each its size
_REAL_NAMES = (b"INDX", b"CONT", b"DATA", b"PROP", b"MDPR", b"RMMD", b"RJMD", b"RMJE")
_PACK, _PROGRAM_END, _LEAST_STREAM = b"\0\0\1\xba", b"\0\0\1\xb9", 0xBB
_ANY_PACK = re.compile(_PACK)
_VOC_KINDS = range(1, 10)
NUT = b"nut/multimedia container"
_NUT_INDEX = re.compile(rb"NX\xdd\x67\x2f\x23\xe6\x4e")
_NUT = re.compile(
    _NUT_INDEX.pattern + rb"|NM\x7a\x56\x1f\x5f\x04\xad|NS\x11\x40\x5b\xf2\xf9\xdb"
    rb"|NI\xab\x68\xb5\x96\xba\x78|NK\xe4\xad\xee\xca\x45\x69"
)  # marks of packets of NUT other than frames, of which the index ends a file
_MOST_ASIDE_BYTES = 256  # of a frame of NUT, which only the header of the file holds, or which are no sound
_NUT_MARK_BYTES, _MOST_NUT_BYTES = 8, 4096  # of a mark; of a packet whose head has no checksum
_TS_SYNC, _TS_PACKETS = 0x47, ((188, 0), (192, 4), (204, 0))  # size of a packet, and where its mark is


def remark(size: int) -> str:
    """That so many bytes are not read."""
    return f"{size / 1000:.0f} kB follow its end; they are not read"


def end(stream: BinaryIO, formats: set[str], last_begin: int, last_end: int) -> int | None:
    """Where a file ends, beyond the stream if a unit is cut short; None if that is not known.

    Args:
        stream: Seekable.
        formats: FFmpeg's names of it.
        last_begin: Where its last packet begins.
        last_end: Where that packet ends.
    """
    for name in formats & _WHOLE.keys():
        stated = units.walked(stream, 0, _WHOLE[name])
        return stated if stated >= last_end else None
    if "mpegts" in formats:
        size = _ts_packet_bytes(stream)
        return units.walked(stream, last_begin, lambda head: size if _TS_SYNC in head[:5:4] else None) if size else None
    if "flv" in formats:
        return units.walked(stream, last_begin, _flv) or None
    if "mpeg" in formats:  # FFmpeg often does not know where packets are; it reads on behind damage
        place = units.walked(stream, last_begin, _program_stream)
        return place if place and find(stream, _ANY_PACK, place) is None else None
    if "nut" in formats:
        first = find(stream, _NUT, max(last_end - _MOST_ASIDE_BYTES, 0))
        return (
            units.walked(stream, first, _nut) if first is not None and first <= last_end + _MOST_ASIDE_BYTES else None
        )
    for name in formats & _TAILS.keys():
        return units.walked(stream, last_end, _TAILS[name]) or None
    return None


def nut_end(stream: BinaryIO) -> int:
    """Where the index of a NUT file ends, behind which FFmpeg would look for frames; the file's end if it has none.

    Args:
        stream: Seekable.
    """
    total, index = stream.seek(0, io.SEEK_END), find(stream, _NUT_INDEX, 0)
    return total if index is None else min(units.walked(stream, index, _nut), total)


def _ts_packet_bytes(stream: BinaryIO) -> int:
    """Size of the packets of a transport stream; 0 if that is not known."""
    stream.seek(0)
    head = stream.read(2 * max(size for size, _ in _TS_PACKETS))
    marks = bytes([_TS_SYNC, _TS_SYNC])
    return next((size for size, mark in _TS_PACKETS if head[mark : mark + size + 1 : size] == marks), 0)


def _flv(head: bytes) -> int | None:
    """Of a tag, and of its size, which follows it."""
    is_tag = len(head) >= _FLV_HEAD_BYTES and head[0] & 0x1F in _FLV_KINDS and not any(head[8:_FLV_HEAD_BYTES])
    return _FLV_HEAD_BYTES + int.from_bytes(head[1:4]) + _FLV_BEHIND if is_tag else None


def _real(head: bytes) -> int | None:
    return int.from_bytes(head[4:8]) if head.startswith(_REAL_NAMES) else None


def _wavpack(head: bytes) -> int | None:
    return 8 + int.from_bytes(head[4:8], "little") if head.startswith(b"wvpk") else None


def _voc(head: bytes) -> int | None:
    return 4 + int.from_bytes(head[1:4], "little") if head[0] in _VOC_KINDS else None


def _program_stream(head: bytes) -> int | None:
    if head.startswith(_PROGRAM_END):
        return len(_PROGRAM_END)
    if head.startswith(_PACK) and len(head) > 13:
        return 14 + (head[13] & 7) if head[4] & 0x40 else 12  # MPEG-2 or MPEG-1
    is_packet = head.startswith(_PACK[:3]) and len(head) > 5 and head[3] >= _LEAST_STREAM
    return 6 + int.from_bytes(head[4:6]) if is_packet else None


def _nut(head: bytes) -> int | None:
    if not _NUT.match(head):
        return None
    size, begin = musepack.seven_bit_number(head, _NUT_MARK_BYTES)
    return begin + size + (4 if size > _MOST_NUT_BYTES else 0)


def _avi(head: bytes) -> int | None:
    """Of a part of a file, or of an index behind it."""
    if head.startswith((b"idx1", b"JUNK", b"LIST")):
        size = int.from_bytes(head[4:8], "little")
        return 8 + size + size % 2
    return units.riff(head)


# By FFmpeg's names: what the file consists of, from its beginning; and what may follow its last packet.
_WHOLE: dict[str, units.SizeOf] = {
    "matroska": units.element,
    "avi": _avi,
    "asf": units.asf_object,
    "dsf": units.dsf,
    "ast": lambda head: 64 + int.from_bytes(head[4:8]) if head.startswith(b"STRM") else None,
    "iff": lambda head: units.dff(head) or units.riff(head),
    "wtv": units.wtv,
    "swf": units.swf,
}
_TAILS: dict[str, units.SizeOf] = {
    "rm": _real,
    "wv": _wavpack,
    "mpc8": musepack.packet_bytes,
    "voc": _voc,
    "tta": lambda head: None,
    "wsaud": lambda head: None,
}
