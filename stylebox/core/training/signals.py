"""The signals that ask a program to end as a flag that a loop can read. Knows nothing of training."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from stylebox.core.interrupts import STOPS, StopRequests, is_ignored


class StopSignals:
    """Within its block the first request to end only sets `requested`; the second raises KeyboardInterrupt.

    The handlers are installed in the main thread only (Python allows no other) and restored afterwards.
    """

    def __init__(self) -> None:
        """Start without a request; the handlers are installed on entering the block."""
        self.requested = False
        self._requests = StopRequests()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                if not is_ignored(number):
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the earlier handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._requests.is_new(number):
            return
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
