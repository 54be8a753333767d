"""Ctrl-C and SIGTERM as a flag that a loop can read. Knows nothing of training."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class StopSignals:
    """Within its block the first SIGINT or SIGTERM only sets `requested`; the second raises KeyboardInterrupt.

    The handlers are installed in the main thread only (Python allows no other) and restored afterwards.
    """

    def __init__(self) -> None:
        """Start without a request; the handlers are installed on entering the block."""
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            for kind in (signal.SIGINT, signal.SIGTERM):
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
