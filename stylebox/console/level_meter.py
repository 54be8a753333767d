"""What a recording shows and obeys while it runs: a level meter on stderr; Enter, Ctrl-C.

Knows terminals, not sound cards; without a terminal the meter is a line now and then, and Enter means nothing.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from stylebox.console import progress
from stylebox.console.console import console

if TYPE_CHECKING:
    from stylebox.core.sources.record.recorder import Level

METER_WIDTH = 40  # cells
METER_FLOOR_DB = -60.0
FRAMES_PER_SECOND = 20


@contextmanager
def level_meter() -> "Iterator[Callable[[Level], None]]":
    """Show levels while the block runs: peak, held peak, and whether it clipped."""
    with console.live_line() as draw:
        yield _PlainMeter() if draw is None else _LiveMeter(draw)


@contextmanager
def stop_request() -> 'Iterator[Callable[[], Literal["enter", "interrupt"] | None]]':
    """Ask for Enter (on a terminal) and Ctrl-C while the block runs; Ctrl-C raises nothing there.

    A second Ctrl-C, after the block, means what it always does.
    """
    interrupted = False

    def note(_signal: int, _frame: object) -> None:
        nonlocal interrupted
        interrupted = True

    def asked() -> Literal["enter", "interrupt"] | None:
        if interrupted:
            return "interrupt"
        return "enter" if listening and _enter_pressed() else None

    before = signal.signal(signal.SIGINT, note)
    try:
        with _silent_keys() as listening:
            yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def meter_line(level: "Level") -> str:
    """One line of a meter.

    >>> from stylebox.core.sources.record.recorder import Level
    >>> meter_line(Level(72.4, -30.0, -15.0, 0))
    '1:12  ━━━━━━━━━━━━━━━━━━━━          │           -30 dB, peak -15 dB'
    """
    held = _cells(level.held_db)
    bar = ["━"] * _cells(level.peak_db) + [" "] * (METER_WIDTH - _cells(level.peak_db))
    if held:
        bar[held - 1] = "│"
    clipped = "  CLIPPED: turn the input down" if level.clipped_samples else ""
    numbers = f"{_spoken(level.peak_db)}, peak {_spoken(level.held_db)}"
    return f"{_clock(level.seconds)}  {''.join(bar)}  {numbers}{clipped}"


class _LiveMeter:
    """A line drawn anew, some twenty times a second."""

    def __init__(self, draw: Callable[[str], None]) -> None:
        self._draw, self._last = draw, 0.0

    def __call__(self, level: "Level") -> None:
        now = time.monotonic()
        if now - self._last >= 1 / FRAMES_PER_SECOND:
            self._last = now
            self._draw(meter_line(level))


class _PlainMeter:
    """A line every `PLAIN_SECONDS`, and one when it first clips."""

    def __init__(self) -> None:
        self._last, self._clipped = time.monotonic(), False

    def __call__(self, level: "Level") -> None:
        if level.clipped_samples and not self._clipped:
            self._clipped = True
            console.warning(f"clips at {_clock(level.seconds)}; turn the input down")
        now = time.monotonic()
        if now - self._last >= progress.PLAIN_SECONDS:
            self._last = now
            console.note(f"recording: {_clock(level.seconds)}, peak {_spoken(level.held_db)}")


@contextmanager
def _silent_keys() -> Iterator[bool]:
    """Whether keys can be asked for; while the block runs they leave no trace on the screen."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        yield False
        return
    try:
        import termios
    except ImportError:  # Windows
        yield True
        return
    keys = sys.stdin.fileno()
    if _in_background(keys):
        yield False
        return
    before = termios.tcgetattr(keys)
    silent = list(before)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(keys, termios.TCSAFLUSH, silent)  # an Enter from before does not count
    try:
        yield True
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def _in_background(terminal: int) -> bool:
    """Whether touching the terminal would stop this process."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # not the terminal this process belongs to
        return False


def _enter_pressed() -> bool:
    """Whether a line has been entered since it was last asked."""
    if sys.platform == "win32":
        import msvcrt

        return any(msvcrt.getwch() in "\r\n" for _ in iter(msvcrt.kbhit, False))
    if not select.select([sys.stdin], [], [], 0)[0]:
        return False
    sys.stdin.readline()
    return True


def _cells(level_db: float) -> int:
    """How many cells of the bar a level fills."""
    return round(METER_WIDTH * min(1.0, max(0.0, 1 - level_db / METER_FLOOR_DB)))


def _spoken(level_db: float) -> str:
    return f"{max(level_db, -99.0):.0f} dB"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
