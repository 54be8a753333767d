"""Loads the model of a command while a bar pulses: importing torch and reading the weights take seconds."""

from typing import TYPE_CHECKING

from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.device import compute_device
from stylebox.core.progress import Progress

if TYPE_CHECKING:
    from stylebox.core.pipeline.protocol import Pipeline


def load_model(model: str, device: DeviceName) -> "Pipeline":
    """Load a model on a device.

    Raises:
        ModelError: The model, or a part of it, is missing or does not fit.
        StyleboxError: The device does not exist.
    """
    from stylebox.core.memory import kept_to_the_end

    with console.progress() as progress, kept_to_the_end():
        progress(Progress("loading", 0, 1))
        from stylebox.core.jobs.pipelines import load_pipeline

        return load_pipeline(model, compute_device(device))
