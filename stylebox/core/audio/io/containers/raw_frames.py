"""MP3, AAC and their like without a container: frames that know no time. What is lost shows in their bytes only."""

import io
import struct
from collections.abc import Iterable
from typing import BinaryIO, cast

import av
import numpy as np
from av.codec.context import Flags2
from av.sidedata.sidedata import SideData

from stylebox.core.audio.io.containers.joined import is_beginning
from stylebox.core.audio.io.containers.tag_places import TAG_MARKS, after_padding

LONGEST_FRAME_BYTES = 1 << 14  # what is shorter behind the last frame may be one that was cut
RAW_FORMATS = {"mp3", "aac", "ac3", "eac3", "dts"}  # as FFmpeg names them


def xing_seconds(stream: BinaryIO) -> float | None:
    """The length of an MP3 file by the number of frames that it states; None if it states none.

    Args:
        stream: Seekable; stays where it is.
    """
    from mutagen import MutagenError
    from mutagen.mp3 import MP3, BitrateMode

    at = stream.tell()
    try:
        stream.seek(0)
        info = MP3(stream).info
        return float(info.length) if info is not None and info.bitrate_mode != BitrateMode.UNKNOWN else None
    except MutagenError:
        return None
    finally:
        stream.seek(at)


class Padding:
    """What an MP3 encoder added before and behind a sound, as FFmpeg reads it from the tag of the encoder.

    FFmpeg itself leaves out what is behind the sound where the stated number of frames ends: in the middle of the sound
    if the number is wrong. Here it is left out if the sound ends there.

    Args:
        audio: The track; it then gives all samples.

    Attributes:
        behind: Samples at the end of the frames until now that are none of the sound if no frame follows.
    """

    def __init__(self, audio: av.AudioStream) -> None:
        audio.codec_context.flags2 |= Flags2.skip_manual
        self.behind = self._before = 0

    def find(self, frames: Iterable[av.AudioFrame]) -> None:
        """Look for padding in the next frames."""
        for frame in frames:
            found = cast("SideData | None", frame.side_data.get("SKIP_SAMPLES"))
            before, behind = struct.unpack_from("<II", bytes(8) if found is None else bytes(found))
            self._before += before
            self.behind = self.behind + behind if behind else 0

    def after(self, block: np.ndarray) -> np.ndarray:
        """A block without the padding before the sound.

        Shape:
            ``(S, channels)`` -> the same.
        """
        skipped = min(self._before, len(block))
        self._before -= skipped
        return block[skipped:]


class LostFrames:
    """Counts frames that are damaged or missing in a stream of frames without times, by the bytes they leave.

    Args:
        stream: The file.

    Attributes:
        following: Where another file begins behind the frames; None if none was met. What decoders find there is noise.
        parts: How often something was lost between two frames, less than a frame.
        unread_bytes: The size of what follows the last frame and is none; known after `finish`.
        ends_in_zeros: Whether zeros follow the last frame, and nothing but tags follows them; known after `finish`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end: int | None = None  # of the packet before
        self._last_end = 0  # of the last frame
        self._bytes = self._number = 0  # of the frames so far
        self._lost_bytes = self.parts = 0
        self._first = b""  # byte of a frame, part of its mark
        self.following: int | None = None
        self.unread_bytes = 0
        self.ends_in_zeros = False

    @property
    def is_pending(self) -> bool:
        """Whether bytes were lost after the last frame, fewer than would be something else."""
        return self._lost_bytes > 0 and not (self.unread_bytes or self.ends_in_zeros) and self.following is None

    def finish(self) -> None:
        """Look at what follows the last frame."""
        if self._number and self.following is None and not self._ends_in_file():
            at = self._stream.tell()
            size = self._stream.seek(0, io.SEEK_END) - after_padding(self._stream, self._last_end)
            self.unread_bytes = size if size > LONGEST_FRAME_BYTES else 0
            self._lost_bytes = 0 if self._is_tag(self._last_end) else max(self._lost_bytes, size)
            self._stream.seek(self._last_end)
            self.ends_in_zeros = size == 0 and self._stream.read(1) == b"\0"
            self._stream.seek(at)

    def _ends_in_file(self) -> bool:
        """Whether another file begins behind the last frame."""
        self.following = self._file_behind()
        return self.following is not None

    def ends_before(self, packet: "av.Packet[av.AudioStream]") -> bool:
        """Whether another file begins where a packet is no frame, or does not follow the one before."""
        first = bytes(memoryview(packet)[:1])
        self._first = self._first or first
        if self._end is None or self._lost_bytes or (packet.pos in (None, self._end) and first == self._first):
            return False
        return self._ends_in_file()

    def before(self, packet: "av.Packet[av.AudioStream]", size: int, is_decoded: bool) -> int:
        """The number of frames lost before a packet.

        Args:
            packet: The next one.
            size: How much of it is frames.
            is_decoded: Whether it gave a frame. Before the first one nothing is lost.
        """
        begin = packet.pos if packet.pos is not None else self._end
        if self._end is not None and begin is not None and begin > self._end and not self._is_tag(self._end):
            self._lost_bytes += begin - self._end
        self._end = begin + size if begin is not None else None
        if not is_decoded:
            self._lost_bytes += size if self._number and not self._is_tag(begin) else 0
            return 0
        lost = round(self._lost_bytes * self._number / self._bytes) if self._number else 0
        self.parts += self._lost_bytes > 0 and not lost and self._number > 0
        self._bytes, self._number, self._lost_bytes = self._bytes + size, self._number + 1, 0
        self._last_end = self._end or 0
        return lost

    def _file_behind(self) -> int | None:
        """Where another file begins at the end of the packet before, perhaps after a tag."""
        at, place = self._stream.tell(), after_padding(self._stream, self._last_end)
        found = is_beginning(self._stream, place)
        self._stream.seek(at)
        return place if found else None

    def _is_tag(self, place: int | None) -> bool:
        """Whether a tag begins there."""
        at = self._stream.tell()
        self._stream.seek(place or 0)
        head = self._stream.read(len(max(TAG_MARKS, key=len)))
        self._stream.seek(at)
        return head.startswith(TAG_MARKS)
