"""`train`: one stage of a model. What a stage is, and when it ends, the core knows."""

import math
from dataclasses import asdict

import typer

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.device import compute_device
from stylebox.console.exit import INTERRUPTED
from stylebox.console.views import training_progress

_ENDED = {
    "steps": "done",
    "max_steps": "as many as --max-steps allows",
    "minutes": "its time is up",
    "interrupted": "interrupted",
    "stopped": "stopped",
}


def train(
    stage: opt.Stage,
    preset: opt.Preset = "base",
    config: opt.Config = None,
    dataset: opt.Dataset = None,
    name: opt.Name = None,
    resume: opt.Resume = False,
    max_steps: opt.MaxSteps = None,
    max_minutes: opt.StopMinutes = None,
    device: opt.Device = opt.DeviceName.auto,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Train one part of a model. Ctrl-C stops cleanly, and --resume goes on from there."""
    from stylebox.core.jobs.train import train as fit
    from stylebox.core.store.library import shipped_models

    where = compute_device(device)
    with console.progress() as progress:
        result = fit(
            stage.value,
            preset=preset,
            config_file=config,
            dataset=dataset,
            name=name,
            resume=resume,
            force=force,
            max_steps=max_steps,
            max_minutes=max_minutes,
            device=where,
            progress=lambda told: progress(training_progress(told)),
            prepare=progress,
        )
    best = f", best loss {result.best_loss:.4g}" if math.isfinite(result.best_loss) else ""
    further = "" if result.stopped_by == "steps" else "; --resume goes on"
    console.note(f"{stage.value}: {result.steps} steps{best}; {_ENDED[result.stopped_by]}{further}")
    if (shipped_models() / result.model.name).is_dir():
        console.note(f"transfers by {result.model.name} use it from now on; remove {result.model} for what ships")
    if as_json:
        console.document(asdict(result))
    else:
        console.result(result.model)
    if result.stopped_by == "interrupted":
        raise typer.Exit(INTERRUPTED)
