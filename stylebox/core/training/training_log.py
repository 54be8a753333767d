"""The clock and the books of a run: when to validate, log, save, report, stop. Knows not what a step does."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from stylebox.core.store import weights
from stylebox.core.training import checkpoint, log
from stylebox.core.training.plots import plot_losses
from stylebox.core.training.trainer import Trainer

LOG_EVERY = 10
"""Steps that one line of the log averages over."""
RATE_WINDOW = 50
"""Steps over which samples per second are measured."""


@dataclass(frozen=True)
class TrainingProgress:
    """How far training is, after a step.

    Attributes:
        stage: Name of what is trained.
        step: Steps done, of `total`.
        losses: Of this step.
        samples_per_second: Over the last steps.
        eta_seconds: Until this run ends, by steps or by minutes.
        device: In words.
        valid: Of the latest validation of this run, if any.
    """

    stage: str
    step: int
    total: int
    losses: dict[str, float]
    samples_per_second: float
    eta_seconds: float
    device: str
    valid: dict[str, float] | None = None


TrainingCallback = Callable[[TrainingProgress], None]


@dataclass
class TrainingLog:
    """One call of `fit`: counts its steps and its minutes, and keeps its files."""

    run: Trainer
    directory: Path
    progress: TrainingCallback | None
    max_steps: int | None
    max_minutes: float | None
    should_stop: Callable[[], bool] | None
    valid: dict[str, float] | None = None
    validated_step: int = -1
    pending: list[dict[str, float]] = field(default_factory=list)
    times: deque[float] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW))

    @property
    def last_step(self) -> int:
        """Step count at which this call ends at the latest."""
        steps = self.run.config.steps
        return steps if self.max_steps is None else min(steps, self.max_steps)

    @property
    def log(self) -> Path:
        return self.run.state_dir / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        return self.directory / f"{self.run.stage.name}.safetensors"

    @property
    def best(self) -> Path:
        return self.run.state_dir / "best.safetensors"

    @property
    def writes(self) -> bool:
        return bool(self.run.accelerator.is_main_process)

    def begin(self, resume: bool) -> None:
        """Restore or start, and set the clock."""
        resumed = resume and self.run.restore()
        if self.writes:
            self.run.state_dir.mkdir(parents=True, exist_ok=True)
            if not resumed:
                checkpoint.discard_state(self.run.state_dir)
                self.best.unlink(missing_ok=True)
            log.truncate(self.log, self.run.step if resumed else -1)
        self.started = self.saved = time.monotonic()
        self.first_step, self.seconds_before = self.run.step, self.run.seconds
        self.published_loss = self._loss_in_place() if resumed else math.inf
        self.times.append(self.started)

    def after_step(self, losses: dict[str, float]) -> None:
        """Validate, log and report."""
        run, config = self.run, self.run.config
        self.times.append(time.monotonic())
        self.pending.append(losses)
        valid = None
        if run.step % config.validate_every == 0 or run.step == config.steps:
            valid = self._validate()
            self.published_loss = math.inf  # a validation out of turn no longer counts: an unbroken run had none
            run.rate.observe(valid["loss"])
            if valid["loss"] < run.best_loss:
                run.best_loss = valid["loss"]
                run.export(self.best, valid)
                self._publish()
        run.seconds = self.seconds_before + time.monotonic() - self.started
        if valid or run.step % LOG_EVERY == 0:
            self._write_log(valid)
        if self.progress and self.writes:
            self.progress(
                TrainingProgress(
                    run.stage.name,
                    run.step,
                    self.last_step,
                    losses,
                    self._rate(),
                    self._eta(),
                    run.device_name,
                    self.valid,
                )
            )

    def at_end(self) -> str:
        """Why there is no further step, "" if there is one."""
        if self.run.step >= self.run.config.steps:
            return "steps"
        return "max_steps" if self.run.step >= self.last_step else ""

    def reason(self, signalled: bool) -> str:
        """Why to stop now, "" to go on; all processes agree."""
        late = self.max_minutes is not None and time.monotonic() - self.started >= 60 * self.max_minutes
        requests = [signalled, bool(self.should_stop and self.should_stop()), late]
        accelerator = self.run.accelerator
        if accelerator.num_processes > 1:
            votes = torch.tensor(requests, dtype=torch.float32, device=self.run.device)
            requests = [bool(vote) for vote in accelerator.reduce(votes, "sum").tolist()]
        named = zip(("interrupted", "stopped", "minutes"), requests, strict=True)
        return self.at_end() or next((name for name, wish in named if wish), "")

    def checkpoint_if_due(self) -> None:
        """Save when the configured minutes have passed."""
        if time.monotonic() - self.saved >= 60 * self.run.config.checkpoint_minutes:
            self._save()

    def end(self, reason: str) -> float:
        """Save the state, and see to it that the best weights are in their place; returns their loss."""
        run = self.run
        if run.step > self.first_step:
            self._write_log(None)
            self._save()
        if reason != "interrupted" and run.step > self.first_step and self.validated_step != run.step:
            # neither schedule nor state hear of this validation: an unbroken run would not have had it
            valid = self._validate()
            self._write_log(valid)
            self._draw()
            if valid["loss"] < min(run.best_loss, self.published_loss):
                run.export(self.weights, valid)
                self.published_loss = valid["loss"]
        if self.best.exists():
            self._publish()
        elif not self.weights.exists():
            run.export(self.weights, {})
        return min(run.best_loss, self.published_loss)

    def _validate(self) -> dict[str, float]:
        self.valid, self.validated_step = self.run.validate(), self.run.step
        return self.valid

    def _publish(self) -> None:
        """The best weights into their place, unless better ones, of a validation out of turn, are there."""
        if self.run.best_loss < self.published_loss:
            self.published_loss = self.run.best_loss
            if self.writes:
                weights.copy_weights(self.best, self.weights)

    def _loss_in_place(self) -> float:
        """What the weights reached that an earlier part of this run left in their place."""
        if not self.weights.is_file():
            return math.inf
        return float(weights.load_metadata(self.weights).get("metrics", {}).get("loss", math.inf))

    def _draw(self) -> None:
        if self.writes:
            title = f"{self.run.stage.name}, {self.run.step} steps"
            plot_losses(log.read(self.log), self.run.state_dir / "loss.png", title)

    def _save(self) -> None:
        self.run.save()
        self.run.export(self.run.state_dir / "last.safetensors", self.valid or {})
        self._draw()
        self.saved = time.monotonic()

    def _write_log(self, valid: dict[str, float] | None) -> None:
        """One line: the mean over the steps since the last line."""
        if not self.writes or not (self.pending or valid):
            return
        record: dict[str, object] = {"step": self.run.step}
        for key in self.pending[-1] if self.pending else ():
            values = [losses[key] for losses in self.pending if key in losses]
            record[key] = sum(values) / len(values)
        record["learning_rate"] = self.run.rate.at(self.run.step - 1)
        record["samples_per_second"] = round(self._rate(), 3)
        record["seconds"] = round(self.run.seconds, 3)
        if valid:
            record["valid"] = valid
        log.append(self.log, record)
        self.pending.clear()

    def _rate(self) -> float:
        """Samples per second over all processes."""
        elapsed = self.times[-1] - self.times[0]
        samples = (len(self.times) - 1) * self.run.config.batch_size * self.run.accelerator.num_processes
        return samples / elapsed if elapsed > 0 else 0.0

    def _eta(self) -> float:
        elapsed = self.times[-1] - self.started
        by_steps = (self.last_step - self.run.step) * elapsed / (self.run.step - self.first_step)
        by_time = math.inf if self.max_minutes is None else 60 * self.max_minutes - elapsed
        return max(0.0, min(by_steps, by_time))
