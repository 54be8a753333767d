"""The clock of a training run: how fast it is, when to save, when to stop, and what to report."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stylebox.core.training.accelerator import any_process, device_name
from stylebox.core.training.stages.base import Batch
from stylebox.core.training.trainer import Trainer

RATE_WINDOW = 50
"""Steps over which samples per second are measured."""


@dataclass(frozen=True)
class TrainingProgress:
    """How far training is, after a step.

    Attributes:
        stage: Name of what is trained.
        step: Steps done.
        total: Steps at which this run ends at the latest.
        losses: Of this step.
        samples_per_second: Over the last steps.
        eta_seconds: Until this run ends, by steps or by minutes.
        device: In words.
        valid: Scores of the latest validation of this run, if any.
        best_loss: Least validation loss so far; infinite without one.
        learning_rate: Of this step.
    """

    stage: str
    step: int
    total: int
    losses: dict[str, float]
    samples_per_second: float
    eta_seconds: float
    device: str
    valid: dict[str, float] | None = None
    best_loss: float = math.inf
    learning_rate: float = 0.0


TrainingCallback = Callable[[TrainingProgress], None]


class Timer:
    """Measures the speed of a run, and knows when to save and when to stop."""

    def __init__(self, trainer: Trainer, last_step: int, max_minutes: float | None) -> None:
        """Start the clock.

        Args:
            trainer: Gives the step.
            last_step: Step count at which this call ends at the latest.
            max_minutes: Time after which this call ends, if any.
        """
        self.trainer, self.last_step, self.max_minutes = trainer, last_step, max_minutes
        self.first_step = trainer.step
        self._started = self._saved = time.monotonic()
        self._times: deque[float] = deque([self._started], maxlen=RATE_WINDOW)

    def tick(self) -> None:
        """Count a step."""
        self._times.append(time.monotonic())

    def timed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches, with the wait for each of them in the profile."""
        remaining = iter(batches)
        while True:
            with self.trainer.profile.phase("wait for a batch"):
                batch = next(remaining, None)
            if batch is None:
                return
            yield batch

    def checkpoint_due(self) -> bool:
        """Whether the configured minutes have passed since the last True."""
        due = time.monotonic() - self._saved >= 60 * self.trainer.config.checkpoint_minutes
        if due:
            self._saved = time.monotonic()
        return due

    def reason_to_stop(self, signalled: bool = False) -> str:
        """Why to stop now, "" to go on; all processes agree."""
        trainer = self.trainer
        late = self.max_minutes is not None and time.monotonic() - self._started >= 60 * self.max_minutes
        started = trainer.step > self.first_step
        signalled, late = any_process(trainer.accelerator, [signalled, late and started])
        reasons = {
            "steps": trainer.step >= trainer.config.steps,
            "patience": trainer.config.patience is not None and trainer.stale >= trainer.config.patience,
            "max_steps": trainer.step >= self.last_step,
            "interrupted": signalled,
            "minutes": late,
        }
        return next((name for name, holds in reasons.items() if holds), "")

    def facts(self) -> dict[str, float]:
        """What a line of the log has beside the losses."""
        return {
            "step": self.trainer.step,
            "learning_rate": self.trainer.rate.at(max(0, self.trainer.step - 1)),
            "samples_per_second": round(self._samples_per_second(), 3),
            "seconds": round(self.trainer.seconds, 3),
        }

    def report(self, losses: dict[str, float]) -> TrainingProgress:
        """The progress after a step with these losses."""
        trainer = self.trainer
        device, scores = device_name(trainer.device), trainer.scores or None
        return TrainingProgress(
            trainer.stage.name,
            trainer.step,
            self.last_step,
            losses,
            self._samples_per_second(),
            self._eta_seconds(),
            device,
            scores,
            trainer.best_loss,
            trainer.rate.at(trainer.step - 1),
        )

    def _samples_per_second(self) -> float:
        """Over all processes."""
        elapsed = self._times[-1] - self._times[0]
        samples = (len(self._times) - 1) * self.trainer.config.batch_size
        return samples / elapsed if elapsed > 0 else 0.0

    def _eta_seconds(self) -> float:
        elapsed = self._times[-1] - self._started
        by_steps = (self.last_step - self.trainer.step) * elapsed / (self.trainer.step - self.first_step)
        by_time = math.inf if self.max_minutes is None else 60 * self.max_minutes - elapsed
        return max(0.0, min(by_steps, by_time))
