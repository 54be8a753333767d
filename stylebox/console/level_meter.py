"""The level meter of a recording on stderr, and the keys that end the recording: Enter and Ctrl-C.

Knows terminals and not sound cards. Without a terminal the meter is a line every few seconds, and Enter is not read.
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

METER_CELLS = (10, 60)  # fewest, most
NUMBERS_COLUMNS = 40  # of a line, that are not the meter: the clock, the levels, and the word of clipping
METER_FLOOR_DB = -60.0
_LONGEST_DECIBELS, _SHORTEST_BAR = 6, 4  # columns
FRAMES_PER_SECOND = 20


@contextmanager
def level_meter() -> "Iterator[Callable[[Level], None]]":
    """Give a callback that shows levels during the block: peak, held peak, and clipping."""
    with console.live_line() as draw:
        yield _PlainMeter() if draw is None else _LiveMeter(draw, console.width)


@contextmanager
def stop_request() -> 'Iterator[Callable[[], Literal["enter", "interrupt"] | None]]':
    """Give a function that tells which key was pressed: Enter (on a terminal only) or Ctrl-C.

    During the block Ctrl-C raises no exception; after it, it does as usual.
    """
    interrupted = False

    def on_interrupt(_signal: int, _frame: object) -> None:
        nonlocal interrupted
        interrupted = True

    def requested() -> Literal["enter", "interrupt"] | None:
        if interrupted:
            return "interrupt"
        return "enter" if listening and _enter_pressed() else None

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        with _silent_keys() as listening:
            yield requested
    finally:
        signal.signal(signal.SIGINT, before)


def meter_line(level: "Level", width: int = 80) -> str:
    """Draw a level as one line.

    Args:
        level: What was measured.
        width: Of the terminal, in columns; 60 are enough.

    >>> from stylebox.core.sources.record.recorder import Level
    >>> meter_line(Level(72.4, -30.0, -15.0, 0))
    '1:12  ━━━━━━━━━━━━━━━━━━━━         │            -30 dB, peak -15 dB'
    """
    cells = min(max(width - NUMBERS_COLUMNS, METER_CELLS[0]), METER_CELLS[1])
    clipped = ", CLIPPED" if level.clipped_samples else ""
    numbers = f"{_decibels(level.peak_db)}, peak {_decibels(level.held_db)}"
    return f"{_clock(level.seconds)}  {_bar(level, cells)}  {numbers}{clipped}"


def short_meter_line(level: "Level", width: int) -> str:
    """Draw a level as one line of few columns: the clock, the bar and the level, without the peak in numbers.

    Args:
        level: What was measured.
        width: Columns of the line; with very few the bar is left out.
    """
    clock, number = _clock(level.seconds), _decibels(level.peak_db)
    cells = min(width - len(clock) - _LONGEST_DECIBELS - 4, METER_CELLS[1])
    return f"{clock}  {_bar(level, cells)}  {number}" if cells >= _SHORTEST_BAR else f"{clock}  {number}"


def _bar(level: "Level", cells: int) -> str:
    """The level as a bar of so many cells, with a mark at its peak."""
    filled, held = _cells(level.peak_db, cells), _cells(level.held_db, cells)
    bar = ["━"] * filled + [" "] * (cells - filled)
    if held:
        bar[held - 1] = "│"
    return "".join(bar)


class ClippingWarning:
    """A line at the first clipped sample, which stays on the screen."""

    def __init__(self) -> None:
        self._given = False

    def __call__(self, level: "Level") -> None:
        """Warn at the first clipped sample."""
        if level.clipped_samples and not self._given:
            self._given = True
            console.warning(f"clips at {_clock(level.seconds)}; turn the input down")


class _LiveMeter:
    """Redraws one line, at most `FRAMES_PER_SECOND` times per second."""

    def __init__(self, draw: Callable[[str], None], width: int) -> None:
        self._draw, self._width, self._last, self._warn = draw, width, 0.0, ClippingWarning()

    def __call__(self, level: "Level") -> None:
        self._warn(level)
        now = time.monotonic()
        if now - self._last >= 1 / FRAMES_PER_SECOND:
            self._last = now
            self._draw(meter_line(level, self._width))


class _PlainMeter:
    """Writes a line every `PLAIN_SECONDS`."""

    def __init__(self) -> None:
        self._last, self._warn = time.monotonic(), ClippingWarning()

    def __call__(self, level: "Level") -> None:
        self._warn(level)
        now = time.monotonic()
        if now - self._last >= progress.PLAIN_SECONDS:
            self._last = now
            console.note(f"recording: {_clock(level.seconds)}, peak {_decibels(level.held_db)}")


@contextmanager
def _silent_keys() -> Iterator[bool]:
    """Tell whether keys can be read; during the block they are not shown on the screen."""
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
    termios.tcsetattr(keys, termios.TCSAFLUSH, silent)  # discard keys that were pressed before
    try:
        yield True
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def _in_background(terminal: int) -> bool:
    """Tell whether reading the terminal would stop this process."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # the terminal belongs to another session
        return False


def _enter_pressed() -> bool:
    """Tell whether Enter was pressed since the last call."""
    if sys.platform == "win32":
        import msvcrt

        return any(msvcrt.getwch() in "\r\n" for _ in iter(msvcrt.kbhit, False))
    if not select.select([sys.stdin], [], [], 0)[0]:
        return False
    sys.stdin.readline()
    return True


def _cells(level_db: float, cells: int) -> int:
    """Number of cells, of so many, that a level fills."""
    return round(cells * min(1.0, max(0.0, 1 - level_db / METER_FLOOR_DB)))


def _decibels(level_db: float) -> str:
    return f"{max(level_db, -99.0):.0f} dB"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
