"""Failures of a run: a loss that is not a number, or memory that ran out. One line each, with the fix."""

import math
from pathlib import Path

import torch

from stylebox.core.config import TrainConfig
from stylebox.core.errors import StyleboxError
from stylebox.core.training import checkpoint

NORM = "norm"  # the figure of a step that holds the norm of the gradient


def diverged(stage: str, what: str, step: int, config: TrainConfig, state_dir: Path) -> StyleboxError:
    """The error of a run with a loss that is not finite.

    Args:
        stage: Name of what is trained.
        what: The loss.
        step: At which it happened, from 1.
        config: Of the run.
        state_dir: Where its state is.
    """
    kept = _what_is_kept(
        state_dir, "lower learning_rate and go on with --resume", "start again with a lower learning_rate"
    )
    return StyleboxError(
        f"{stage}: {what} is not a finite number at step {step} (learning_rate {config.learning_rate:g}); {kept}"
    )


def out_of_memory(stage: str, step: int, config: TrainConfig, state_dir: Path) -> StyleboxError:
    """The error of a run for which the memory did not suffice.

    Args:
        stage: Name of what is trained.
        step: At which it happened, from 1.
        config: Of the run.
        state_dir: Where its state is.
    """
    size = config.batch_size
    smaller = f"--batch-size {size // 2}" if size > 1 else "--device cpu"
    kept = _what_is_kept(state_dir, f"go on with --resume {smaller}", f"start again with {smaller}")
    return StyleboxError(f"{stage}: memory ran out at step {step} with batches of {size}; {kept}")


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether a GPU or the machine had no memory left."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def is_bad(name: str, value: float) -> bool:
    """Tell whether a figure of a step ends the run: a group's loss, or the norm of its gradient, that is not finite."""
    return name.rpartition("/")[2] in ("loss", NORM) and not math.isfinite(value)


def _what_is_kept(state_dir: Path, go_on: str, again: str) -> str:
    """Name the saved state and what to do with it; `again` if there is none."""
    step = checkpoint.saved_step(state_dir)
    return again if step is None else f"the state of step {step} is kept: {go_on}"
