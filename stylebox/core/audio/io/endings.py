"""Whether a file lacks its end, where no header states its length: its last packets and boxes show it. Decodes nothing.

Reference:
    ISO/IEC 13818-1: packets of a transport stream. ISO/IEC 14496-12, 4.2: boxes of MP4. RFC 8794: elements of Matroska.
    Microsoft, Advanced Systems Format, 2: objects. NUT Open Container Format 20080520: index.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import av
from av.container import InputContainer

from stylebox.core.audio.io.riff import NEVER_FILLED_IN
from stylebox.core.audio.io.tags import TAG_MARKS

_OF_ANY_SIZE = {"wav", "aiff", "w64", "au", "caf"}  # FFmpeg's packets there are no units; `riff.py`, `unfinished.py`
_SIZED_FRAMES = {"mp1", "mp2", "mp3", "ac3", "eac3"}  # codecs; decoders give a part of their frames, too
_TS_SYNC, _TS_PACKETS = 0x47, ((188, 0), (192, 4), (204, 0))  # size of a packet, and where its mark is
_HEADER_BYTES = 24  # the most that a unit needs to state its size
_WIDE_BOX = 1  # as a size: it follows in eight bytes
_LONGEST_NAME = 4  # bytes, of an element
_ASF_MARKS = (b"\x30\x26\xb2\x75", b"\x36\x26\xb2\x75", b"\x90\x08\x00\x33", b"\xd3\x29\xe2\xd6", b"\xf8\x03\xb1\xfe")
_NUT_INDEX, _NUT_TAIL_BYTES = b"NX\xdd\x67\x2f\x23\xe6\x4e", 12  # its mark; its size and a checksum end the file
_MOST_UNITS = 1_000_000  # five hours of a live film; a hostile file may consist of units of two bytes


class Ending:
    """Watches the packets of a file.

    Args:
        container: Opened.
        audio: The track that is decoded.
        stream: The file.
    """

    def __init__(self, container: InputContainer, audio: av.AudioStream, stream: BinaryIO) -> None:
        self._container, self._audio, self._stream = container, audio, stream
        self._last: dict[int, av.Packet[Any]] = {}  # of each track

    def packets(self) -> Iterator["av.Packet[av.AudioStream]"]:
        """The packets of the track; those of other tracks are only watched."""
        for packet in self._container.demux():
            if packet.size and not bytes(packet).startswith(TAG_MARKS):
                self._last[packet.stream_index] = packet
            if packet.stream_index == self._audio.index:
                yield cast("av.Packet[av.AudioStream]", packet)

    def is_missing(self) -> bool:
        """Whether the file ends inside a packet; known after the last one."""
        formats = set(self._container.format.name.split(","))
        if formats & _OF_ANY_SIZE:
            return False
        last = self._last.get(self._audio.index)
        is_partial = last is not None and not _is_whole_frame(last, self._audio.codec_context.name)
        is_partial = is_partial or any(packet.is_corrupt for packet in self._last.values())
        return is_partial or self._ends_inside(formats)

    def _ends_inside(self, formats: set[str]) -> bool:
        at = self._stream.tell()
        try:
            if "mpegts" in formats:
                return _ends_inside_ts_packet(self._stream)
            if "nut" in formats:
                return _lacks_nut_index(self._stream)
            size_of = next((size_of for name, size_of in _UNITS.items() if name in formats), None)
            return size_of is not None and _ends_inside_unit(self._stream, size_of)
        finally:
            self._stream.seek(at)


def _is_whole_frame(packet: "av.Packet[av.AudioStream]", codec: str) -> bool:
    """Whether a frame has the size that it states; True for codecs whose frames state none."""
    codec = codec.removesuffix("float")
    if codec not in _SIZED_FRAMES:
        return True
    frame = bytes(packet)
    found = av.CodecContext.create(codec, "r").parse(frame + frame)  # a parser may wait for the next frame
    return bool(found) and found[0].size == len(frame)


def _ends_inside_ts_packet(stream: BinaryIO) -> bool:
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(2 * max(size for size, _ in _TS_PACKETS))
    for size, mark in _TS_PACKETS:
        if head[mark : mark + size + 1 : size] == bytes([_TS_SYNC, _TS_SYNC]):
            return end % size > 0
    return False


def _ends_inside_unit(stream: BinaryIO, size_of: Callable[[bytes], int | None]) -> bool:
    """Whether the last unit goes beyond the end; None as a size stops the search, and so do too many units."""
    at, end = 0, stream.seek(0, io.SEEK_END)
    for _ in range(_MOST_UNITS):
        if at >= end:
            break
        stream.seek(at)
        size = size_of(stream.read(_HEADER_BYTES))
        if not size:
            return False
        at += size
    return at > end


def _lacks_nut_index(stream: BinaryIO) -> bool:
    end = stream.seek(0, io.SEEK_END)
    stream.seek(max(end - _NUT_TAIL_BYTES, 0))
    size = int.from_bytes(stream.read(8))
    stream.seek(max(end - size, 0))
    return stream.read(len(_NUT_INDEX)) != _NUT_INDEX


def _object_size(header: bytes) -> int | None:
    return int.from_bytes(header[16:24], "little") if header.startswith(_ASF_MARKS) else None


def _box_size(header: bytes) -> int | None:
    if not header[4:8].isalnum():  # behind the last box there may be anything
        return None
    size = int.from_bytes(header[:4])
    return int.from_bytes(header[8:16]) if size == _WIDE_BOX else size


def _riff_size(header: bytes) -> int | None:
    size = int.from_bytes(header[4:8], "little")
    return 8 + size if header.startswith(b"RIFF") and size < NEVER_FILLED_IN else None


def _element_size(header: bytes) -> int | None:
    """Of an element with its header; that of the header alone if the size is unknown, so that its content follows."""
    name_bytes = 9 - header[0].bit_length()
    marked = header[name_bytes : name_bytes + 1]
    if name_bytes > _LONGEST_NAME or not marked or not marked[0]:
        return None
    size_bytes = 9 - marked[0].bit_length()
    size = int.from_bytes(header[name_bytes : name_bytes + size_bytes])
    unknown = (1 << 7 * size_bytes) - 1
    size &= unknown
    return name_bytes + size_bytes + (0 if size == unknown else size)


_UNITS = {
    "mp4": _box_size,
    "matroska": _element_size,
    "avi": _riff_size,
    "asf": _object_size,
}  # by FFmpeg's name of the format
