"""The one training loop: a step, a look at the clock, a step.

What a step does is the run's affair; when to validate, log, save and stop is the watch's.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.config import TrainConfig
from stylebox.core.errors import ModelError
from stylebox.core.training import checkpoint
from stylebox.core.training.accelerator import reproducible
from stylebox.core.training.prefetch import prefetched
from stylebox.core.training.signals import StopSignals
from stylebox.core.training.stages.base import Stage
from stylebox.core.training.trainer import Trainer
from stylebox.core.training.training_log import TrainingCallback, TrainingLog, TrainingProgress

__all__ = ["FitResult", "TrainingCallback", "TrainingProgress", "fit"]


@dataclass(frozen=True)
class FitResult:
    """How training ended.

    Attributes:
        steps: Steps done in all, earlier runs included.
        best_loss: Least validation loss; infinite if there was no validation.
        stopped_by: "steps" (all of them done), "max_steps", "minutes", "interrupted" (by a signal) or
            "stopped" (by the callback).
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
    should_stop: Callable[[], bool] | None = None,
) -> FitResult:
    """Train a stage and keep its best weights.

    Writes ``<stage>.safetensors`` and ``<stage>.json`` (averaged weights of the best validation) to
    `directory`, and to ``training/<stage>/`` there the state, ``best.safetensors`` (of the validations every
    ``config.validate_every`` steps), ``last.safetensors``, ``metrics.jsonl`` and ``loss.png``. A run that
    stops between two validations validates once more; the better of that and the best so far becomes
    ``<stage>.safetensors``. Stopping here and there does not change what training ends with.

    On one device a run that is stopped and resumed equals an uninterrupted one bit for bit: data and noise
    depend on the step alone. The learning rate follows its curve over ``config.steps`` whatever ends a run
    earlier.

    Args:
        stage: What to train.
        config: How.
        directory: The model's folder.
        device: "auto", "cuda", "mps" or "cpu".
        resume: Go on from the state kept in `directory`; without one, start.
        force: Discard a state kept there instead of refusing to start anew.
        max_steps: Stop once this many steps are done in all (at most ``config.steps``).
        max_minutes: Stop after this time; counts this call alone.
        progress: Called after every step, in the main process.
        should_stop: Asked after every step.

    Raises:
        ModelError: The state kept does not fit, or is in the way.
        StyleboxError: The loss is not finite any more, or the device is not here.
    """
    state_dir = directory / "training" / stage.name
    if not resume and not force and (state_dir / checkpoint.STATE_FILE).exists():
        raise ModelError(
            f"{state_dir}: holds a run already; go on with --resume, start anew with --force, or choose another --name"
        )
    run = Trainer(stage, config, state_dir, device)
    watch = TrainingLog(run, directory, progress, max_steps, max_minutes, should_stop)
    watch.begin(resume)
    steps = range(run.step, watch.last_step)
    with (
        StopSignals() as signals,
        reproducible(run.device),
        closing(prefetched(run.batch, steps)) as batches,
    ):
        reason = watch.at_end()
        for batch in batches:
            watch.after_step(run.advance(batch))
            reason = watch.reason(signals.requested)
            if reason:
                break
            watch.checkpoint_if_due()
        best_loss = watch.end(reason)
    if finish := getattr(stage, "finish", None):
        finish()
    return FitResult(run.step, best_loss, reason, directory)
