"""How a running training looks: steps as a bar; losses, best loss, learning rate, device and a loss curve below it."""

import math
from typing import TYPE_CHECKING

from stylebox.core.progress import Progress, ProgressCallback

if TYPE_CHECKING:  # imports torch
    from stylebox.core.training.timer import TrainingProgress

CURVE_POINTS = 64  # kept of any number of steps


class TrainingView:
    """Converts the reports of a training to progress."""

    def __init__(self, show: ProgressCallback) -> None:
        """Pass the progress on to `show`."""
        self._show, self._curve = show, Curve(CURVE_POINTS)

    def __call__(self, report: "TrainingProgress") -> None:
        """Show one report."""
        if "loss" in report.losses:
            self._curve.add(report.losses["loss"])
        facts = [f"{name} {value:.4g}" for name, value in report.losses.items()]
        if report.valid:
            facts.append(f"valid {report.valid['loss']:.4g}")
        if math.isfinite(report.best_loss):
            facts.append(f"best {report.best_loss:.4g}")
        facts += [f"lr {report.learning_rate:.2g}", f"{report.samples_per_second:.3g} samples/s", report.device]
        self._show(
            Progress(
                f"train {report.stage}",
                report.step,
                report.total,
                seconds_left=report.eta_seconds,
                details=tuple(facts),
                curve=tuple(self._curve.points),
            )
        )


class Curve:
    """Means of a growing number of values, in a bounded number of points."""

    def __init__(self, most: int) -> None:
        """Keep at most `most` points, an even number; from then on a point stands for twice as many values."""
        self.points: list[float] = []
        self._most, self._pending, self._values_per_point = most, list[float](), 1

    def add(self, value: float) -> None:
        """Add the next value.

        >>> curve = Curve(4)
        >>> for value in range(8):
        ...     curve.add(value)
        >>> curve.points
        [0.5, 2.5, 4.5, 6.5]
        """
        if len(self.points) == self._most:
            self.points = [(a + b) / 2 for a, b in zip(self.points[::2], self.points[1::2], strict=True)]
            self._values_per_point *= 2
        self._pending.append(value)
        if len(self._pending) == self._values_per_point:
            self.points.append(sum(self._pending) / len(self._pending))
            self._pending.clear()
