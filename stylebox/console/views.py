"""Reports of the core in the form that the screen shows."""

from typing import TYPE_CHECKING

from stylebox.core.progress import Progress

if TYPE_CHECKING:  # slow to import, and `--help` needs neither
    from stylebox.core.training.training_log import TrainingProgress


def training_progress(told: "TrainingProgress") -> Progress:
    """Training's report as a step of its bar: losses, the last validation, rate, time to go, device."""
    losses = " ".join(f"{name} {value:.4g}" for name, value in told.losses.items())
    valid = f" (valid {told.valid['loss']:.4g})" if told.valid else ""
    minutes, seconds = divmod(round(told.eta_seconds), 60)
    note = f"{losses}{valid}, {told.samples_per_second:.1f} samples/s, {minutes}:{seconds:02d} to go, {told.device}"
    return Progress(f"training {told.stage}", told.step, told.total, note)
