"""`stylebox train`: train one part of a model."""

from dataclasses import asdict

import typer

from stylebox.console import options as opt
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.device import compute_device
from stylebox.console.exit import INTERRUPTED
from stylebox.console.training_view import TrainingView
from stylebox.console.views import show_training


def train(
    stage: opt.Stage,
    preset: opt.Preset = "base",
    config: opt.Config = None,
    dataset: opt.TrainingDataset = None,
    name: opt.Name = None,
    from_scratch: opt.FromScratch = False,
    resume: opt.Resume = False,
    max_steps: opt.MaxSteps = None,
    max_minutes: opt.StopMinutes = None,
    batch_size: opt.BatchSize = None,
    device: opt.Device = DeviceName.auto,
    profile: opt.Profile = False,
    force: opt.Restart = False,
    as_json: opt.AsJson = False,
) -> None:
    """Train one part of a model on your recordings.

    Starts from the shipped model and ends when recordings that it does not learn from no longer gain. Ctrl-C saves and
    stops; --resume continues.
    """
    from stylebox.core.jobs.train import train as train_stage

    where = compute_device(device)
    with console.progress() as progress:
        result = train_stage(
            stage.value,
            preset=preset,
            config_file=config,
            dataset=dataset,
            name=name,
            from_scratch=from_scratch,
            resume=resume,
            force=force,
            max_steps=max_steps,
            max_minutes=max_minutes,
            batch_size=batch_size,
            profiled=profile,
            device=where,
            progress=TrainingView(progress),
            prepare=progress,
        )
    show_training(stage.value, result)
    if as_json:
        console.document(asdict(result))
    else:
        console.result(result.model)
    if result.stopped_by == "interrupted":
        raise typer.Exit(INTERRUPTED)
