"""The learning rate at a step: warm-up, then constant, cosine or plateau. Knows no optimiser."""

import math
from dataclasses import dataclass
from typing import Any

MINIMUM = 1e-6
"""Lower limit of cosine and plateau."""


@dataclass
class Plateau:
    """Halves the rate when validation stops improving.

    Attributes:
        factor: What a plateau multiplies the rate by.
        patience: Validations without improvement before the rate is reduced.
        threshold: Relative improvement that counts as one.
        scale: Product of the factors so far.
    """

    factor: float = 0.5
    patience: int = 10
    threshold: float = 1e-4
    scale: float = 1.0
    best: float = math.inf
    bad: int = 0

    def observe(self, loss: float) -> None:
        """Use the loss of one validation."""
        if loss < self.best - self.threshold * abs(self.best if math.isfinite(self.best) else 0.0):
            self.best, self.bad = loss, 0
            return
        self.bad += 1
        if self.bad > self.patience:
            self.scale *= self.factor
            self.bad = 0


class LearningRate:
    """The rate of every step of a run of `steps` steps.

    The curve spans `steps`, even if a run stops earlier (minutes, Ctrl-C). A resumed run continues on the curve, so
    several short runs follow the same curve as one long run.

    Args:
        peak: Rate at the end of the warm-up.
        steps: Length of the whole curve.
        warmup_steps: Steps over which the rate rises linearly.
        schedule: "constant", "cosine" (to 1e-6 at `steps`) or "plateau".
    """

    def __init__(self, peak: float, steps: int, warmup_steps: int = 0, schedule: str = "constant") -> None:
        self.peak, self.steps, self.warmup_steps, self.schedule = peak, steps, warmup_steps, schedule
        self.plateau = Plateau()

    def at(self, step: int) -> float:
        """Rate of the step with index `step` (from 0)."""
        lowest = min(MINIMUM, self.peak)
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        if self.schedule == "cosine":
            length = max(1, self.steps - self.warmup_steps)
            done = min(1.0, (step - self.warmup_steps) / length)
            return lowest + (self.peak - lowest) * 0.5 * (1 + math.cos(math.pi * done))
        if self.schedule == "plateau":
            return max(lowest, self.peak * self.plateau.scale)
        return self.peak

    def observe(self, loss: float) -> None:
        """Use the loss of a validation."""
        self.plateau.observe(loss)

    def state(self) -> dict[str, Any]:
        """The state that does not follow from the step, as JSON values."""
        best = self.plateau.best
        return {
            "scale": self.plateau.scale,
            "best": best if math.isfinite(best) else None,
            "bad": self.plateau.bad,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        best = state["best"]
        self.plateau.scale, self.plateau.bad = float(state["scale"]), int(state["bad"])
        self.plateau.best = math.inf if best is None else float(best)
