"""Whether a file lacks its end, where no header states its length: its last packets and boxes show it. Decodes nothing.

Reference:
    ISO/IEC 13818-1: packets of a transport stream. ISO/IEC 14496-12, 4.2: boxes of MP4. RFC 8794: elements of Matroska.
    Microsoft, Advanced Systems Format, 2: objects.
"""

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import av
from av.container import InputContainer

from stylebox.core.audio.io.containers import asf, behind, matroska, units
from stylebox.core.audio.io.containers.frame_sizes import is_whole
from stylebox.core.audio.io.containers.joined import another_file, is_beginning
from stylebox.core.audio.io.containers.place import kept_place
from stylebox.core.audio.io.containers.raw_frames import LONGEST_FRAME_BYTES
from stylebox.core.audio.io.containers.tag_places import TAG_MARKS, after_padding

# Formats by FFmpeg's names. In these its packets are no units of the file; `riff.py` and `unfinished.py` find the end.
_OF_ANY_SIZE = {"wav", "aiff", "w64", "au", "caf", "adx"}
_ONLY_FRAMES = {"loas", "mlp", "truehd", "sbc", "gsm", "amr", "aac"}  # formats of frames, one after another
_ONLY_SAMPLES = {"ircam", "sox"}  # formats of a header and uncompressed samples
_UNITS = {  # of others
    **{"mp4": units.box, "matroska": units.element, "avi": units.riff, "asf": units.asf_object},
    **{"wtv": units.wtv, "wsaud": units.aud, "swf": units.swf},
}
_AFTER_BYTES = 1 << 16  # behind the last packet that are looked at
_LONGEST_MARK_BYTES = 16
# With which all packets of a format of frames begin.
_MARKS = {"loas": tuple(bytes([0x56, byte]) for byte in range(0xE0, 0x100)), "sbc": (b"\x9c",)}


class Ending:
    """Watches the packets of a file.

    Args:
        container: Opened.
        audio: The track that is decoded.
        stream: The file.

    Attributes:
        gaps: Until now: at how many places bytes that are no tag lie between the packets of a format of frames.
    """

    def __init__(self, container: InputContainer, audio: av.AudioStream, stream: BinaryIO) -> None:
        self._container, self._audio, self._stream = container, audio, stream
        self._formats = set(container.format.name.split(","))
        self._last: dict[int, av.Packet[Any]] = {}  # of each track
        self._begin: int | None = None  # of the first packet
        self.gaps = 0

    def packets(self) -> Iterator["av.Packet[av.AudioStream]"]:
        """The packets of the track; those of other tracks are only watched."""
        for packet in self._demuxed():
            if packet.size and not self.holds_no_frame(packet):
                self._count_gap(packet)
                self._last[packet.stream_index] = packet
                self._begin = packet.pos if self._begin is None else self._begin
            if packet.stream.index == self._audio.index:  # that of the packets which end other tracks is not theirs
                yield cast("av.Packet[av.AudioStream]", packet)

    def _demuxed(self) -> Iterator["av.Packet[Any]"]:
        try:
            yield from self._container.demux()
        except IndexError:  # by PyAV after the last packet, if FFmpeg has found one more track on the way
            return

    def _count_gap(self, packet: "av.Packet[Any]") -> None:
        """Count places where a parser passed over bytes that are no tag."""
        before = self._last.get(packet.stream_index)
        end = None if before is None or before.pos is None else before.pos + before.size
        if end is not None and packet.pos is not None and packet.pos > end and self._formats & _ONLY_FRAMES:
            with kept_place(self._stream):
                self.gaps += after_padding(self._stream, end) < packet.pos

    def is_missing(self) -> bool:
        """Whether the file ends inside a packet; known after the last one."""
        if self._formats & _OF_ANY_SIZE:
            return False
        last = self._last.get(self._audio.index)
        if last is not None and not is_whole(bytes(last), self._audio.codec_context.name, self._frame_bytes()):
            return True
        is_corrupt = any(packet.is_corrupt for packet in self._last.values())
        return is_corrupt or self._ends_inside()

    def following(self) -> int | None:
        """Where another file begins in the last packet, which a parser may have taken too long, or soon behind it.

        What begins there is none of the last packets any more.
        """
        last = self._last_place()
        start = last[0] + (last[0] == self._begin)
        with kept_place(self._stream):
            place = another_file(self._stream, start, last[1] - last[0] + _AFTER_BYTES) if last[1] else None
            if place is None and (end := behind.end(self._stream, self._formats, *last)) is not None:
                end = after_padding(self._stream, end)
                place = end if is_beginning(self._stream, end) else None
        self._last = {track: packet for track, packet in self._last.items() if place is None or packet.pos != place}
        return place

    def unread_bytes(self) -> int:
        """The size of what follows the end and is not read; known after the last packet."""
        if self._formats & _ONLY_FRAMES:
            size = self._bytes_after_last()
            return size if size > LONGEST_FRAME_BYTES else 0
        with kept_place(self._stream):
            end, total = behind.end(self._stream, self._formats, *self._last_place()), self._stream.seek(0, io.SEEK_END)
            return 0 if end is None else max(total - after_padding(self._stream, end), 0)

    def _last_place(self) -> tuple[int, int]:
        """Where the last packet of all tracks begins and ends; zeros if no place is known."""
        places = ((packet.pos, packet.pos + packet.size) for packet in self._last.values() if packet.pos is not None)
        return max(places, default=(0, 0))

    def _ends_inside(self) -> bool:
        formats = self._formats
        with kept_place(self._stream):
            if formats & {"mpegts", "nut"}:
                end = behind.end(self._stream, formats, *self._last_place())
                return "nut" in formats if end is None else end > self._stream.seek(0, io.SEEK_END)
            if "matroska" in formats and matroska.lacks_packets(self._stream, self._last_place()[1]):
                return True
            if "asf" in formats and asf.ends_inside_packet(self._stream):
                return True
            if formats & _ONLY_FRAMES:
                return self._bytes_after_last() > 0
            size_of = next((size_of for name, size_of in _UNITS.items() if name in formats), None)
            return size_of is not None and units.walked(self._stream, 0, size_of) > self._stream.seek(0, io.SEEK_END)

    def _frame_bytes(self) -> int:
        """Size of an uncompressed sample of each channel in formats that have nothing else; 0 in others."""
        digits = re.match(r"pcm_[a-z](\d+)", self._audio.codec_context.name) if self._formats & _ONLY_SAMPLES else None
        return int(digits[1]) // 8 * self._audio.codec_context.channels if digits else 0

    def _bytes_after_last(self) -> int:
        """The size of what follows the last packet and no parser took for a frame."""
        last = self._last.get(self._audio.index)
        if last is None or last.pos is None or self.following() is not None:
            return 0
        end = self._stream.seek(0, io.SEEK_END)
        return max(end - after_padding(self._stream, last.pos + last.size), 0)

    def holds_no_frame(self, packet: "av.Packet[Any]") -> bool:
        """Whether a packet is a tag or padding that was taken for one, or lacks the mark of its codec."""
        head = bytes(memoryview(packet)[:_LONGEST_MARK_BYTES])
        mark = _MARKS.get(self._container.format.name)
        is_filling = packet.size == 1 and bool(self._formats & _OF_ANY_SIZE)  # of a chunk of odd size, by some programs
        return is_filling or head.startswith(TAG_MARKS) or (mark is not None and not head.startswith(mark))
