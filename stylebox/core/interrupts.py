"""The signals that ask a program to end: several at once are one request, and some code finishes before it obeys."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGXCPU")
STOPS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Ctrl-C; the end of the system or of a service; a closed terminal; Ctrl-\\ or another way to end a service; Ctrl-Break
and a closed window on Windows; no more time on the processor (`ulimit -t`)."""
BURST_SECONDS = 1.0
"""Signals within this time are one request."""


class StopRequests:
    """Tells a request from the signals that belong to the one before.

    A closing terminal sends SIGHUP, and its service manager SIGTERM; a launcher passes on the Ctrl-C that the terminal
    has sent already; the limit of processor time is reported every second.
    """

    def __init__(self) -> None:
        """Start without a request."""
        self._last = -math.inf  # on the monotonic clock

    def is_new(self, number: int) -> bool:
        """Whether a signal that has just arrived is a request of its own."""
        now = time.monotonic()
        is_limit = signal.Signals(number).name == "SIGXCPU"
        if now - self._last < BURST_SECONDS or (is_limit and self._last > -math.inf):
            return False
        self._last = now
        return True

    def forget(self) -> None:
        """Take the next signal for a request, as the one before was lost."""
        self._last = -math.inf


def is_ignored(number: int) -> bool:
    """Whether a signal is to have no effect, as `nohup` and shells arrange for programs in the background."""
    return signal.getsignal(number) is signal.SIG_IGN


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Handle the interrupts that arrive in the block after it. In threads other than the main one there are none.

    For C code that calls back into Python: there, a part of the work would be lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    handlers = {number: signal.signal(number, lambda *what: arrived.append(what)) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for arrived_number, _ in arrived[:1]:
            signal.raise_signal(arrived_number)
