"""Puts decoded frames at their times: silence where a container has none. Knows no container and no codec."""

from collections.abc import Iterable, Iterator

import av

GAP_SECONDS = 0.01  # between two frames; what containers round is far below, a lost packet is above
LONGEST_GAPS_SECONDS = 3600.0  # in all; longer ones are jumps of the clock, not silence

Silence = tuple[int, int]  # samples, rate


class TimeLine:
    """The frames of a track, with silence where its time stamps leave a gap.

    A single time stamp that the next one does not confirm is wrong: program streams have such ones.

    Args:
        gap_seconds: The least gap between two frames.
        longest_gap_seconds: The longest gap; what is longer is a jump of the clock.

    Attributes:
        filled_seconds: Length of all silences; complete after the last frame.
        begin: Time of the first sample, in seconds on the container's clock; None before the first frame.
        restarts: How often the clock has begun again.
    """

    def __init__(self, gap_seconds: float, longest_gap_seconds: float) -> None:
        self._gap_seconds, self._left = gap_seconds, LONGEST_GAPS_SECONDS
        self._longest = longest_gap_seconds
        self.filled_seconds = 0.0
        self.begin: float | None = None
        self.restarts = 0
        self._given, self._last_end = 0, 0.0

    def in_time(self, frames: Iterable[av.AudioFrame | Silence]) -> Iterator[av.AudioFrame | Silence]:
        """The same frames, and silence as (samples, rate).

        Args:
            frames: In the order of decoding; those without a time follow the one before.
        """
        held: av.AudioFrame | None = None  # has jumped; the next one decides
        for frame in frames:
            if held is not None:
                yield from self._placed(held, self._is_confirmed(held, frame))
                held = None
            if not isinstance(frame, tuple) and self._jump(frame):
                held = frame
            else:
                yield from self._placed(frame, False)
        if held is not None:
            yield from self._placed(held, True)

    def _jump(self, frame: av.AudioFrame) -> float:
        """By how many seconds a frame is later than the end of the one before; 0 if it follows."""
        now = _time(frame)
        jump = 0.0 if now is None or self.begin is None else now - self._last_end
        return jump if abs(jump) > self._gap_seconds else 0.0

    def _is_confirmed(self, held: av.AudioFrame, following: av.AudioFrame | Silence) -> bool:
        """Whether the time of a frame that has jumped is right: the next frame does not follow without the jump."""
        now = None if isinstance(following, tuple) else _time(following)
        expected = self._last_end + held.samples / held.sample_rate
        return now is None or abs(now - expected) > self._gap_seconds

    def _placed(self, frame: av.AudioFrame | Silence, has_jumped: bool) -> Iterator[av.AudioFrame | Silence]:
        if isinstance(frame, tuple):
            self.filled_seconds += frame[0] / frame[1]
            yield frame
            return
        now = _time(frame)
        if now is not None:
            jump = self._jump(frame) if has_jumped else 0.0
            if self.begin is None or jump < 0 or jump > min(self._left, self._longest):
                self.restarts += self.begin is not None
                self.begin = now - self._given / frame.sample_rate  # the clock begins again
            elif jump:
                missing = _whole_frames(round((now - self.begin) * frame.sample_rate) - self._given, frame)
                if missing > 0:
                    yield missing, frame.sample_rate
                    self._given += missing
                    self.filled_seconds += missing / frame.sample_rate
                    self._left -= missing / frame.sample_rate
            elif self._jump(frame):
                now = self._last_end
            self._last_end = now + frame.samples / frame.sample_rate
        self._given += frame.samples
        yield frame


def _time(frame: av.AudioFrame) -> float | None:
    return float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else None


def _whole_frames(missing: int, frame: av.AudioFrame) -> int:
    """The number of missing samples, corrected for the rounding of time stamps: packets are lost whole."""
    lost = round(missing / frame.samples) * frame.samples
    rounding = float(frame.time_base or 0) * frame.sample_rate
    return lost if abs(lost - missing) <= rounding else missing
