"""When the frames of an Ogg page sound that follows missing pages. Only the end of a page has a time.

FFmpeg lets the page follow the one before the gap, and finds the gap after it. The gap is before it.
"""

from collections.abc import Collection, Iterator

import av

_MOST_HELD = 4096  # frames, some 80 s: bounds memory where every page follows a gap


class PageTimes:
    """Holds the frames of such a page back until its end is known.

    Args:
        audio: The track.
        after_gaps: Where pages begin that follow missing ones.

    Attributes:
        lacks_beginning: Whether the first page with sound is one of these.
    """

    def __init__(self, audio: av.AudioStream, after_gaps: Collection[int]) -> None:
        self._audio, self._after_gaps = audio, after_gaps
        self._first: int | None = None  # time stamp of the first packet
        self._held: list[av.AudioFrame] = []
        self.lacks_beginning = False

    def in_place(self, packet: "av.Packet[av.AudioStream]", frames: list[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        """The frames that can be placed by now.

        Args:
            packet: The next one; the last one has no bytes.
            frames: That it gave.
        """
        if self._first is None:
            self._first, self.lacks_beginning = packet.pts, packet.pos in self._after_gaps
        if packet.size and packet.pos in self._after_gaps:
            self._held += frames
            if len(self._held) > _MOST_HELD:
                yield from self._released(None)
            return
        yield from self._released(packet.pts if packet.size else self._end())
        yield from frames

    def _released(self, end: int | None) -> Iterator[av.AudioFrame]:
        """The frames that were held, which end at this time stamp; None leaves them where FFmpeg puts them."""
        held, self._held = self._held, []
        for frame in reversed(held):
            if end is not None and frame.time_base:
                end -= round(frame.samples / frame.sample_rate / frame.time_base)
                frame.pts = end
        yield from held

    def _end(self) -> int | None:
        """The time stamp of the end, as the last page states it; that of Opus counts what its encoder put in front."""
        begin = self._first if self._audio.codec_context.name == "opus" else self._audio.start_time
        return None if begin is None or self._audio.duration is None else begin + self._audio.duration
