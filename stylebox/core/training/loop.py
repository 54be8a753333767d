"""The training loop: train a step; validate, log and save when due; stop at a limit or on a signal.

A run writes ``<stage>.safetensors`` and ``<stage>.json``, averaged weights of the best validation, to the model folder.
The folder ``training/<stage>/`` in it holds the state, ``best.safetensors`` (best of the validations every
``config.validate_every`` steps), ``last.safetensors``, ``metrics.jsonl`` and ``loss.png``.

On one device a run that is stopped and resumed equals an uninterrupted one bit for bit. The learning rate follows its
curve over ``config.steps``, whatever ends a run earlier.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from stylebox.core.config import TrainConfig
from stylebox.core.errors import ModelError
from stylebox.core.training import checkpoint
from stylebox.core.training.accelerator import batch_workers, reproducible
from stylebox.core.training.best_weights import BestWeights
from stylebox.core.training.log import TrainingLog
from stylebox.core.training.prefetch import prefetched
from stylebox.core.training.signals import StopSignals
from stylebox.core.training.stages.base import Stage
from stylebox.core.training.timer import Timer, TrainingCallback
from stylebox.core.training.trainer import Trainer

LOG_EVERY = 10
"""Steps per line of the log."""


@dataclass(frozen=True)
class FitResult:
    """How training ended.

    Attributes:
        steps: Steps done in all, earlier runs included.
        best_loss: Least validation loss; infinite if there was no validation.
        stopped_by: "steps" (all of them done), "patience" (the validation loss no longer fell), "max_steps", "minutes"
            or "interrupted" (by a signal).
        model: The folder with its weights.
        begun_with: Name of the model that the run started from, if any.
        first_loss: Validation loss of that model; infinite if this call did not measure it.
        profile: Seconds of this call by phase, the longest first; empty if they were not asked for.
    """

    steps: int
    best_loss: float
    stopped_by: str
    model: Path
    begun_with: str | None = None
    first_loss: float = math.inf
    profile: Mapping[str, float] = field(default_factory=dict)


class RunOptions(TypedDict, total=False):
    """Options of `fit` that a caller may pass on; `fit` describes them."""

    device: str
    resume: bool
    force: bool
    max_steps: int | None
    max_minutes: float | None
    profiled: bool
    progress: TrainingCallback | None


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
    profiled: bool = False,
    origin: Mapping[str, Any] | None = None,
    progress: TrainingCallback | None = None,
    remark: Callable[[str], None] = lambda line: None,
) -> FitResult:
    """Train a stage and keep its best weights.

    Args:
        stage: What to train.
        config: How.
        directory: The model's folder.
        device: "auto", "cuda", "mps" or "cpu".
        resume: Continue from the state in `directory`; without one, start.
        force: Discard a state in `directory` instead of refusing to start again.
        max_steps: Stop once this many steps are done in all (at most ``config.steps``).
        max_minutes: Stop after this time; counts this call alone.
        profiled: Measure where the time goes.
        origin: JSON values to save with the state, for who resumes it.
        progress: Called after every step (on a GPU after every few), in the main process.
        remark: Called with a line that the user should read.

    Raises:
        ModelError: The saved state does not fit, or exists and neither `resume` nor `force` is given.
        StyleboxError: The loss is not finite, memory ran out, or the device is not available.
    """
    state_dir = directory / "training" / stage.name
    if not resume and not force and checkpoint.has_state(state_dir):
        raise ModelError(
            f"{state_dir}: holds a run already; go on with --resume, start again with --force, or choose another --name"
        )
    trainer = Trainer(stage, config, state_dir, device, profiled)
    trainer.origin = dict(origin or {})
    resumed = _restored(trainer, resume, remark)
    last_step = config.steps if max_steps is None else min(config.steps, max_steps)
    if max_steps is not None and max_steps > config.steps:
        remark(f"--max-steps {max_steps}: the settings end after {config.steps} steps; a --config may set more")
    best = BestWeights(trainer, directory / f"{stage.name}.safetensors", resumed)
    log = TrainingLog(state_dir, stage.name, trainer.is_main_process)
    log.resume_at(trainer.step if resumed else -1)
    timer = Timer(trainer, last_step, max_minutes)
    first_loss = math.inf
    with StopSignals() as signals, reproducible(trainer.device):
        if config.begin_with and not resumed:
            first_loss = _keep_start(trainer, best, log, timer)
        reason = _train(trainer, best, log, timer, signals, progress if trainer.is_main_process else None)
        if trainer.step > timer.first_step:
            _finish(trainer, best, log, timer, interrupted=reason == "interrupted")
        best.publish()
    loss = min(trainer.best_loss, best.published_loss)
    return FitResult(trainer.step, loss, reason, directory, config.begin_with, first_loss, trainer.profile.table())


def _restored(trainer: Trainer, resume: bool, remark: Callable[[str], None]) -> bool:
    """Continue from the saved state, if asked to and there is one; otherwise discard it. Returns which of the two."""
    found = trainer.restore() if resume else None
    if found is not None and found.remark:
        remark(found.remark)
    if trainer.is_main_process and found is None:
        checkpoint.discard_state(trainer.state_dir)
    return found is not None


def _keep_start(trainer: Trainer, best: BestWeights, log: TrainingLog, timer: Timer) -> float:
    """Validate the weights that the run starts from; the result is never worse than they are. Returns their loss."""
    scores = trainer.validate()
    best.keep(scores)
    log.write(timer.facts(), scores)
    return scores["loss"]


def _train(
    trainer: Trainer,
    best: BestWeights,
    log: TrainingLog,
    timer: Timer,
    signals: StopSignals,
    progress: TrainingCallback | None,
) -> str:
    """Train until the last step, a limit or a signal; returns why it stopped."""
    if reason := timer.reason_to_stop():
        return reason
    steps = range(trainer.step, timer.last_step)
    with closing(prefetched(trainer.batch, steps, batch_workers(trainer.accelerator))) as batches:
        for batch in timer.timed(batches):
            trainer.train_step(batch)
            timer.tick()
            if not trainer.losses_due and trainer.step < timer.last_step:
                continue
            log.add(losses := trainer.read_losses())
            scores = None
            if trainer.validation_due:
                scores = trainer.validate()
                best.keep(scores)
            if scores or trainer.step % LOG_EVERY == 0:
                log.write(timer.facts(), scores)
            if progress:
                progress(timer.report(losses[-1]))
            if reason := timer.reason_to_stop(signals.requested):
                break
            if timer.checkpoint_due():
                trainer.save()
                log.draw(trainer.step)
    return reason


def _finish(trainer: Trainer, best: BestWeights, log: TrainingLog, timer: Timer, *, interrupted: bool) -> None:
    """Save the state; validate once more if the last step had no validation, unless the user is waiting."""
    log.write(timer.facts())
    trainer.save()
    if not interrupted and trainer.validated_step != trainer.step:
        # neither the learning rate nor the state see this validation: an uninterrupted run would not have it
        scores = trainer.validate()
        log.write(timer.facts(), scores)
        best.offer(scores)
    log.draw(trainer.step)
