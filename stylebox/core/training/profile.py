"""Where the time of a training run goes, phase by phase. Knows no stage."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Profile:
    """Adds up the seconds of named phases.

    A GPU computes while the program goes on; with a profile the program waits for it at both ends of a phase, so that
    the phase is charged with its own work. A run with a profile is slower than one without.
    """

    def __init__(self, device: torch.device, enabled: bool) -> None:
        """Start without phases.

        Args:
            device: That the phases compute on.
            enabled: False measures nothing and never waits.
        """
        self.enabled, self._device = enabled, device
        self._seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Charge the time of the block to a phase."""
        if not self.enabled:
            yield
            return
        self._wait()
        started = time.perf_counter()
        yield
        self._wait()
        self._seconds[name] += time.perf_counter() - started

    def table(self) -> dict[str, float]:
        """Seconds by phase, the longest first; empty if nothing was measured."""
        return dict(sorted(self._seconds.items(), key=lambda item: -item[1]))

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
