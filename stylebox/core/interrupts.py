"""Ctrl-C, SIGTERM and SIGHUP wait while C code calls back into Python: there, part of the work would be lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_HELD = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Handle the interrupts that arrive in the block after it. In threads other than the main one there are none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    handlers = {number: signal.signal(number, lambda *what: arrived.append(what)) for number in _HELD}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for arrived_number, _ in arrived[:1]:
            signal.raise_signal(arrived_number)
