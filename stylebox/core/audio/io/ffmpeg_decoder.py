"""One track of a file as FFmpeg decodes it, on the time line of its container.

It begins where the sound begins, as FFmpeg's own programs do: the samples that AAC, Opus and MP3 encoders put in front
are not given.
"""

import itertools
import math
from collections import deque
from collections.abc import Collection, Iterator
from typing import BinaryIO

import av
from av.codec.context import Flags2
from av.container import InputContainer
from av.stream import Disposition

from stylebox.core.audio.io.containers.avi import Chunks
from stylebox.core.audio.io.containers.behind import LEAST_BYTES
from stylebox.core.audio.io.containers.endings import Ending
from stylebox.core.audio.io.containers.frame_sizes import OF_MARKED_FRAMES, frames_bytes, is_whole
from stylebox.core.audio.io.containers.page_times import PageTimes
from stylebox.core.audio.io.containers.raw_frames import RAW_FORMATS, LostFrames, Padding
from stylebox.core.audio.io.containers.stated import itunes_samples
from stylebox.core.audio.io.ffmpeg_container import raise_if_unread
from stylebox.core.audio.io.frames import float_blocks
from stylebox.core.audio.io.time_line import GAP_SECONDS, LONGEST_GAPS_SECONDS, Silence, TimeLine
from stylebox.core.audio.io.track import Block

# Containers that store the time of each packet; others count packets, and FFmpeg's count can be wrong.
_TIMED = {"matroska", "mov", "mpegts", "flv", "asf", "ogg", "mpeg", "nut", "mxf", "rm", "flac", "wv", "tta", "wtv"}
_VORBIS_SHIFT_SAMPLES = 2048  # the most by which FFmpeg misplaces a frame between a long and a short block
_MOST_PADDING_SAMPLES = 4095  # that encoders state
_MP4_ROUNDING_SECONDS = 0.001
_CLOCK_MAY_JUMP = {"mpegts", "mpeg"}  # containers of broadcasts, whose recordings are joined
_JUMPS_ARE_DAMAGE = _TIMED - _CLOCK_MAY_JUMP - {"ogg"}  # whose pages may lack their times
_LONGEST_BROADCAST_GAP_SECONDS = 10.0  # as FFmpeg's own programs have it
_COUNTED_FROM_ZERO = {"avi"}  # containers where the first time stamp says how late the sound begins, and the header 0
_WITH_PAUSES, _PAUSES_PER_SECOND = {"amrnb", "amrwb"}, 50  # codecs; FFmpeg decodes no pauses


class Decoder:
    """One track on the time line of its container.

    Args:
        container: Opened.
        audio: A track of it.
        stream: The file.
        after_gaps: Where pages of Ogg begin that follow missing ones.
        states_length: Whether the header states how long the track is.
    """

    def __init__(
        self,
        container: InputContainer,
        audio: av.AudioStream,
        stream: BinaryIO,
        after_gaps: Collection[int],
        states_length: bool,
    ) -> None:
        self._container, self._audio, self._states_length = container, audio, states_length
        formats = set(container.format.name.split(","))
        self._is_timed, self._is_mp4 = bool(_TIMED & formats), "mp4" in formats
        self._is_counted_from_zero = bool(_COUNTED_FROM_ZERO & formats)
        self._lost = LostFrames(stream) if RAW_FORMATS & formats else None
        self._undecoded = self._left_out = 0  # packets: since the last frame, and before it
        self._undecoded_bytes = 0
        self._padding = Padding(audio) if "mp3" in formats else None
        if "caf" in formats and audio.codec_context.name == "alac":  # its last frame has no padding to be left out
            audio.codec_context.flags2 |= Flags2.skip_manual
        shift = _VORBIS_SHIFT_SAMPLES / audio.codec_context.sample_rate if audio.codec_context.name == "vorbis" else 0.0
        self._jumps_are_damage = bool(_JUMPS_ARE_DAMAGE & formats)
        longest = _LONGEST_BROADCAST_GAP_SECONDS if _CLOCK_MAY_JUMP & formats else LONGEST_GAPS_SECONDS
        self._time_line = TimeLine(max(GAP_SECONDS, shift) if self._is_timed else math.inf, longest)
        self._number = self._frame_samples = 0  # frames, and samples of the last one
        self._packets_end = 0.0  # seconds on the container's clock
        self._page_times = PageTimes(audio, after_gaps)
        self._chunks = Chunks(stream, audio.index) if "avi" in formats else None
        self._ending = Ending(container, audio, stream)
        self.remarks: list[str] = []

    def lacks_end(self) -> bool:
        """Whether the end of the file is missing, and no remark says so yet; known after the last block."""
        is_known = self._lost is not None and (
            self._lost.is_pending or self._lost.ends_in_zeros or self._lost.following is not None
        )
        least = LEAST_BYTES if self._is_timed else 1  # NUT and others end with packets that hold no sound
        is_left_out = self._undecoded_bytes >= least and self._lost is None
        return not is_known and (is_left_out or self._ending.is_missing())

    def unread_bytes(self) -> int:
        """The size of what follows the end and is not read; known after the last block."""
        return self._ending.unread_bytes() if self._lost is None else self._lost.unread_bytes

    def following(self) -> int | None:
        """Where another file begins behind the last packet; known after the last block."""
        met = self._lost.following if self._lost is not None else None
        return self._ending.following() if met is None else met

    def blocks(self) -> Iterator[Block]:
        """All blocks, the last ones without what an encoder added to fill its frames."""
        held, total = deque[Block](), 0
        for rate, decoded in float_blocks(self._in_time()):
            block = decoded if self._padding is None else self._padding.after(decoded)
            held.append((rate, block))
            total += len(block)
            while sum(len(later) for _, later in held) - len(held[0][1]) > _MOST_PADDING_SAMPLES:
                yield held.popleft()
        if not held:
            return
        excess = total - self._declared_samples(held[-1][0], total)
        if self._padding is None and excess >= len(held[-1][1]):
            excess = 0
        left = sum(len(block) for _, block in held) - max(excess, 0)
        for rate, block in held:
            if left > 0:
                yield rate, block[:left]
            left -= len(block)

    def _declared_samples(self, rate: int, total: int) -> int:
        """The length as MP4 states it, in its header, often rounded to milliseconds, and by its packets; or MP3."""
        audio = self._audio
        if self._padding is not None:
            return total - self._padding.behind
        if not (self._is_mp4 and audio.duration and audio.time_base):
            return total
        by_itunes = itunes_samples(self._container)
        if by_itunes is not None and 0 < total - by_itunes <= _MOST_PADDING_SAMPLES:
            return by_itunes
        by_header = float(audio.duration * audio.time_base)
        by_packets = self._packets_end - (self._time_line.begin or 0.0)
        return round(rate * (by_packets if abs(by_packets - by_header) <= _MP4_ROUNDING_SECONDS else by_header))

    def _in_time(self) -> Iterator[av.AudioFrame | Silence]:
        """Frames, and between them silence where the container has none."""
        rate = self._audio.codec_context.sample_rate
        frames = self._frames()
        first = next(frames, None)
        if first is None:
            return
        late = self._late_seconds(first)
        if late:
            yield round(late * rate), rate
        yield from self._time_line.in_time(itertools.chain([first], frames))
        filled = late + self._time_line.filled_seconds
        if filled:
            self.remarks.append(f"{filled:.2f} s of its time hold no sound; they are silent")
        if self._time_line.restarts and self._jumps_are_damage:
            self.remarks.append("its clock jumps, as at damage; sound may be missing there")

    def _late_seconds(self, first: av.AudioFrame | Silence) -> float:
        """How much later its sound begins than a film, or than a stream of Ogg whose first pages are missing."""
        starts = [
            float(other.start_time * other.time_base)
            for other in (*self._container.streams.video, *self._container.streams.audio)
            if other.start_time is not None and other.time_base and Disposition.attached_pic not in other.disposition
        ]
        begin, base = self._audio.start_time, self._audio.time_base
        if (self._is_counted_from_zero or self._page_times.lacks_beginning) and isinstance(first, av.AudioFrame):
            begin, base = first.pts, first.time_base
            starts = [0.0] if self._page_times.lacks_beginning else starts
        elif not self._is_timed:
            return 0.0
        if begin is None or base is None or not starts:
            return 0.0
        late = float(begin * base) - min(starts)
        if self._page_times.lacks_beginning and late > _LONGEST_BROADCAST_GAP_SECONDS:
            self.remarks.append(f"it begins {late:.0f} s behind the beginning of its stream, as part of a broadcast")
            return 0.0
        return late if GAP_SECONDS < late <= LONGEST_GAPS_SECONDS else 0.0

    def _frames(self) -> Iterator[av.AudioFrame | Silence]:
        """Decoded frames without the damaged ones; of raw frames silence in their place, as (samples, rate)."""
        try:
            for packet in self._ending.packets():
                if packet.pts is not None and packet.duration and packet.time_base:
                    self._packets_end = float((packet.pts + packet.duration) * packet.time_base)
                if self._chunks is not None and (empty := self._chunks.before(packet.pos)):
                    yield round(empty * self._chunks.unit_seconds * self._audio.rate), self._audio.rate
                if self._lost is None:
                    frames = self._decoded(packet)
                elif packet.size and self._lost.ends_before(packet):
                    return
                else:
                    frames, missing = self._decoded_raw(packet, self._lost)
                    if missing:
                        yield missing
                if not frames and self._is_pause(packet):
                    self._undecoded, self._undecoded_bytes = self._undecoded - 1, self._undecoded_bytes - packet.size
                    yield self._audio.rate // _PAUSES_PER_SECOND, self._audio.rate
                yield from self._page_times.in_place(packet, frames)
            self._remark_on_damage()
        except (av.FFmpegError, OSError) as error:  # the file is truncated, or points beyond its ends
            raise_if_unread(error)

    def _remark_on_damage(self) -> None:
        """Remarks after the last packet."""
        if self._lost is not None:
            self._lost.finish()
            if self._lost.is_pending:
                self.remarks.append("its last frame is damaged or cut short; it is left out")
            if self._lost.parts:
                times = "once" if self._lost.parts == 1 else f"{self._lost.parts} times"
                self.remarks.append(
                    f"bytes between its frames are damaged or missing {times}; sound may be missing there"
                )
            if self._lost.ends_in_zeros and not self._states_length:
                self.remarks.append("it ends in zeros, as after a failed download; its end may be missing")
        elif not self._is_timed:
            lost = max(self._left_out, self._ending.gaps)
            if self._chunks is not None and self._are_units(self._chunks.unit_seconds) and not self.lacks_end():
                lost = max(lost, self._chunks.missing(self._number))
            if lost:  # no silence is in their place
                are = "is" if lost == 1 else "are"
                self.remarks.append(f"{lost} of its packets {are} damaged; what follows comes too early")

    def _are_units(self, seconds: float) -> bool:
        """Whether each packet is a frame, and lasts so long."""
        return round(seconds * self._audio.rate) == self._frame_samples

    def _decoded_raw(
        self, packet: "av.Packet[av.AudioStream]", lost: LostFrames
    ) -> tuple[list[av.AudioFrame], Silence | None]:
        """The frames of a packet without a container, and the silence in the place of those that were lost before."""
        codec = self._audio.codec_context.name
        size = frames_bytes(bytes(packet)) if codec in OF_MARKED_FRAMES else packet.size
        frames = self._decoded(packet if size == packet.size else bytes(packet)[:size])
        number = lost.before(packet, size, bool(frames)) if packet.size else 0
        return frames, (number * frames[0].samples, frames[0].sample_rate) if number else None

    def _is_pause(self, packet: "av.Packet[av.AudioStream]") -> bool:
        """Whether a packet that is not decoded stands for 20 ms without speech, as telephones write them."""
        codec = self._audio.codec_context.name
        return codec in _WITH_PAUSES and not self._is_timed and packet.size > 0 and is_whole(bytes(packet), codec, 0)

    def _decoded(self, packet: "av.Packet[av.AudioStream] | bytes") -> list[av.AudioFrame]:
        """The frames of a packet, or of the bytes of one; none if it is damaged."""
        try:
            whole = av.Packet(packet) if isinstance(packet, bytes) else packet
            frames = self._audio.codec_context.decode(whole)
        except av.FFmpegError:  # the decoders of AC-3 and DTS have errors of their own
            if isinstance(packet, bytes) or not self._ending.holds_no_frame(packet):
                self._undecoded, self._undecoded_bytes = self._undecoded + 1, self._undecoded_bytes + whole.size
            return []
        if frames:
            self._number, self._frame_samples = self._number + len(frames), frames[0].samples
            self._left_out += self._undecoded
            self._undecoded = self._undecoded_bytes = 0
        if self._padding is not None:
            self._padding.find(frames)
        return frames
