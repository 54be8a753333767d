"""The meter of a live transfer: level, latency, load and gaps in one line on stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stylebox.console import progress
from stylebox.console.console import console
from stylebox.console.level_meter import FRAMES_PER_SECOND, ClippingWarning, meter_line, short_meter_line

_WITH_PEAK_COLUMNS = 52  # of a level with its peak; with fewer the bar would be too short to be seen

if TYPE_CHECKING:
    from stylebox.core.jobs.live import LiveState
    from stylebox.core.sources.record.recorder import Level


@contextmanager
def live_meter(state: "Callable[[], LiveState]") -> "Iterator[Callable[[Level], None]]":
    """Give a callback that shows the level and the state of the transfer during the block.

    Args:
        state: Of the transfer, when it is asked.
    """
    with console.live_line() as draw:
        pause = progress.PLAIN_SECONDS if draw is None else 1 / FRAMES_PER_SECOND
        last = time.monotonic() if draw is None else 0.0
        warn = ClippingWarning()

        def show(level: "Level") -> None:
            nonlocal last
            warn(level)
            now = time.monotonic()
            if now - last < pause:
                return
            last = now
            if draw is None:
                console.note(f"live: {int(level.seconds)} s, peak {level.held_db:.0f} dB, {state_words(state())}")
            else:
                draw(live_line(level, state(), console.width))

        yield show


def live_line(level: "Level", state: "LiveState", width: int) -> str:
    """Draw the level and the state as one line.

    Args:
        level: What was measured.
        state: Of the transfer.
        width: Of the terminal, in columns.

    >>> from stylebox.core.jobs.live import LiveState
    >>> from stylebox.core.sources.record.recorder import Level
    >>> live_line(Level(72.4, -30.0, -15.0, 0), LiveState(1.21, 0.46, 0, 0), 60)
    'latency 1.2 s, load 46 %  1:12  ━━━━━━━━━━    │       -30 dB'
    """
    words = state_words(state)
    left = width - len(words) - 2
    line = meter_line(level, left) if left >= _WITH_PEAK_COLUMNS else short_meter_line(level, left)
    return f"{words}  {line}"


def state_words(state: "LiveState") -> str:
    """The state in words.

    >>> from stylebox.core.jobs.live import LiveState
    >>> state_words(LiveState(None, 0.46, 1, 2))
    'phrase by phrase, load 46 %, 1 gap, 2 phrases left out'
    """
    latency = "phrase by phrase" if state.latency_seconds is None else f"latency {state.latency_seconds:.1f} s"
    words = [latency, f"load {100 * state.load:.0f} %"]
    if state.underruns:
        words.append(f"{state.underruns} gap{'s' if state.underruns > 1 else ''}")
    if state.left_out:
        words.append(f"{state.left_out} phrase{'s' if state.left_out > 1 else ''} left out")
    return ", ".join(words)
