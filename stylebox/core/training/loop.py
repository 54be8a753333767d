"""The training loop: train a step; validate, log and save when due; stop at a limit or on a signal."""

import math
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.config import TrainConfig
from stylebox.core.errors import ModelError
from stylebox.core.training import checkpoint
from stylebox.core.training.accelerator import any_process, device_name, reproducible
from stylebox.core.training.best_weights import BestWeights
from stylebox.core.training.log import TrainingLog
from stylebox.core.training.signals import StopSignals
from stylebox.core.training.stages.base import Batch, Stage
from stylebox.core.training.trainer import Trainer

LOG_EVERY = 10
"""Steps per line of the log."""
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


@dataclass(frozen=True)
class FitResult:
    """How training ended.

    Attributes:
        steps: Steps done in all, earlier runs included.
        best_loss: Least validation loss; infinite if there was no validation.
        stopped_by: "steps" (all of them done), "max_steps", "minutes" or "interrupted" (by a signal).
        model: The folder with its weights.
    """

    steps: int
    best_loss: float
    stopped_by: str
    model: Path


def fit(
    stage: Stage,
    config: TrainConfig,
    directory: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    max_steps: int | None = None,
    max_minutes: float | None = None,
    progress: TrainingCallback | None = None,
) -> FitResult:
    """Train a stage and keep its best weights.

    Writes ``<stage>.safetensors`` and ``<stage>.json`` (averaged weights of the best validation) to `directory`. The
    folder ``training/<stage>/`` in it holds the state, ``best.safetensors`` (best of the validations every
    ``config.validate_every`` steps), ``last.safetensors``, ``metrics.jsonl`` and ``loss.png``.

    On one device a run that is stopped and resumed equals an uninterrupted one bit for bit. The learning rate follows
    its curve over ``config.steps``, whatever ends a run earlier.

    Args:
        stage: What to train.
        config: How.
        directory: The model's folder.
        device: "auto", "cuda", "mps" or "cpu".
        resume: Continue from the state in `directory`; without one, start.
        force: Discard a state in `directory` instead of refusing to start again.
        max_steps: Stop once this many steps are done in all (at most ``config.steps``).
        max_minutes: Stop after this time; counts this call alone.
        progress: Called after every step, in the main process.

    Raises:
        ModelError: The saved state does not fit, or exists and neither `resume` nor `force` is given.
        StyleboxError: The loss is not finite, or the device is not available.
    """
    state_dir = directory / "training" / stage.name
    if not resume and not force and (state_dir / checkpoint.STATE_FILE).exists():
        raise ModelError(
            f"{state_dir}: holds a run already; go on with --resume, start again with --force, or choose another --name"
        )
    trainer = Trainer(stage, config, state_dir, device)
    resumed = resume and trainer.restore()
    if trainer.is_main_process and not resumed:
        checkpoint.discard_state(state_dir)
    last_step = config.steps if max_steps is None else min(config.steps, max_steps)
    best = BestWeights(trainer, directory / f"{stage.name}.safetensors", resumed)
    log = TrainingLog(state_dir, stage.name, trainer.is_main_process)
    log.resume_at(trainer.step if resumed else -1)
    timer = Timer(trainer, last_step, max_minutes)
    with StopSignals() as signals, reproducible(trainer.device):
        reason = _train(trainer, best, log, timer, signals, progress if trainer.is_main_process else None)
        if trainer.step > timer.first_step:
            _finish(trainer, best, log, timer, interrupted=reason == "interrupted")
        best.publish()
    return FitResult(trainer.step, min(trainer.best_loss, best.published_loss), reason, directory)


def _train(
    trainer: Trainer,
    best: BestWeights,
    log: TrainingLog,
    timer: "Timer",
    signals: StopSignals,
    progress: TrainingCallback | None,
) -> str:
    """Train until the last step, a limit or a signal; returns why it stopped."""
    reason = timer.reason_to_stop()
    with closing(prefetched(trainer.batch, range(trainer.step, timer.last_step))) as batches:
        for batch in batches:
            losses, scores = trainer.train_step(batch), None
            timer.tick()
            log.add(losses)
            if trainer.validation_due:
                scores = trainer.validate()
                best.keep(scores)
            if scores or trainer.step % LOG_EVERY == 0:
                log.write(timer.facts(), scores)
            if progress:
                progress(timer.report(losses))
            if reason := timer.reason_to_stop(signals.requested):
                break
            if timer.checkpoint_due():
                trainer.save()
                log.draw(trainer.step)
    return reason


def _finish(trainer: Trainer, best: BestWeights, log: TrainingLog, timer: "Timer", *, interrupted: bool) -> None:
    """Save the state; validate once more if the last step had no validation, unless the user is waiting."""
    log.write(timer.facts())
    trainer.save()
    if not interrupted and trainer.validated_step != trainer.step:
        # neither the learning rate nor the state see this validation: an uninterrupted run would not have it
        scores = trainer.validate()
        log.write(timer.facts(), scores)
        best.offer(scores)
    log.draw(trainer.step)


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
            "max_steps": trainer.step >= self.last_step,
            "interrupted": signalled,
            "minutes": late,
        }
        return next((name for name, holds in reasons.items() if holds), "")

    def facts(self) -> dict[str, float]:
        """What a line of the log has beside the losses."""
        return {
            "step": self.trainer.step,
            "learning_rate": self.trainer.rate.at(self.trainer.step - 1),
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
        samples = (len(self._times) - 1) * self.trainer.config.batch_size * self.trainer.accelerator.num_processes
        return samples / elapsed if elapsed > 0 else 0.0

    def _eta_seconds(self) -> float:
        elapsed = self._times[-1] - self._started
        by_steps = (self.last_step - self.trainer.step) * elapsed / (self.trainer.step - self.first_step)
        by_time = math.inf if self.max_minutes is None else 60 * self.max_minutes - elapsed
        return max(0.0, min(by_steps, by_time))


def prefetched(make: Callable[[int], Batch], steps: range, depth: int = 2) -> Generator[Batch]:
    """Batches of `steps` in order, made in a background thread.

    Args:
        make: Gives the batch of a step.
        steps: Which ones.
        depth: How many batches are made ahead.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
    pending = deque(pool.submit(make, step) for step in steps[:depth])
    try:
        for step in range(steps.start + depth, steps.stop + depth):
            batch = pending.popleft().result()
            if step < steps.stop:
                pending.append(pool.submit(make, step))
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
