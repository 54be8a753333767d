"""The clock of a MIDI file: from ticks to seconds, by its division and its tempo changes. Knows no notes."""

from collections.abc import Iterable

import numpy as np

DEFAULT_TEMPO = 500_000  # microseconds per beat: 120 beats per minute
_SMPTE = 0x8000  # bit of the division that announces frames instead of beats
_DROP_FRAME, _DROP_FRAME_RATE = 29, 30_000 / 1001  # 29 stands for 29.97 frames per second


class Clock:
    """Converts ticks to seconds.

    Args:
        division: As in the header: ticks per beat, or minus the frames per second and the ticks per frame.
        tempos: ``(tick, microseconds per beat)`` in any order; they change nothing if the division counts frames.
    """

    def __init__(self, division: int, tempos: Iterable[tuple[int, int]]) -> None:
        if division & _SMPTE:
            frames = 256 - (division >> 8)
            rate = _DROP_FRAME_RATE if frames == _DROP_FRAME else frames
            changes = {0: 1 / (rate * max(division & 0xFF, 1))}
        else:
            changes = {0: DEFAULT_TEMPO * 1e-6 / division}
            changes |= {tick: tempo * 1e-6 / division for tick, tempo in sorted(tempos, key=lambda change: change[0])}
        self._ticks = np.array(list(changes), np.float64)
        self._seconds_per_tick = np.array(list(changes.values()))
        self._seconds = np.concatenate([[0.0], np.cumsum(np.diff(self._ticks) * self._seconds_per_tick[:-1])])

    def seconds(self, tick: int) -> float:
        """The time of a tick."""
        at = int(np.searchsorted(self._ticks, tick, side="right")) - 1
        return float(self._seconds[at] + (tick - self._ticks[at]) * self._seconds_per_tick[at])
