"""Ctrl-C, SIGTERM and SIGHUP (a closed terminal) as a flag that a loop can read. Knows nothing of training."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals that ask a program to end, where the system has them."""


class StopSignals:
    """Within its block the first of `STOPS` only sets `requested`; the second raises KeyboardInterrupt.

    The handlers are installed in the main thread only (Python allows no other) and restored afterwards.
    """

    def __init__(self) -> None:
        """Start without a request; the handlers are installed on entering the block."""
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            for kind in STOPS:
                if kind.name != "SIGHUP" or signal.getsignal(kind) is not signal.SIG_IGN:  # `nohup` ignores it
                    self._before[kind] = signal.signal(kind, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the earlier handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
