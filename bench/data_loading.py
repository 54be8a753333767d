"""How fast training material is made: crops per second, and its share of a training step, for every stage.

    python -m bench.data_loading DATASET [--model base] [--batch 10] [--device-ms 10] [--seconds 5]

A device that needs --device-ms per step is imitated by sleeping: what remains of the time is the loader's. The device's
own memory is imitated by the machine's, so that both ways of reading are measured: from disk, and gathered there. What
the device does to a batch before the step (`Stage.expand`) is timed beside a true step of training on this processor.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.jobs.train import make_stage
from stylebox.core.progress import silent
from stylebox.core.training.prefetch import prefetched
from stylebox.core.training.stages.base import Batch, Stage
from stylebox.core.training.trainer import Trainer

CPU = torch.device("cpu")
STAGES = ("content", "vae", "ldm", "vocoder")
STEPS = 3  # whose time is measured, after one that does not count


@dataclass(frozen=True)
class LoaderSpeed:
    """How a loader kept up with a device.

    Attributes:
        crops_per_second: Made and used.
        waiting: Share of the time in which the device had to wait for a batch.
        milliseconds: Computing time of the loader per batch, on one core.
    """

    crops_per_second: float
    waiting: float
    milliseconds: float


def measure(fetch: Callable[[int], Batch], batch_size: int, device_seconds: float, seconds: float) -> LoaderSpeed:
    """Let a device of a fixed time per step use the batches of a loader.

    Args:
        fetch: Makes the batch of a step.
        batch_size: Crops per batch.
        device_seconds: Of one step.
        seconds: How long to measure.
    """
    steps, waited = 0, 0.0
    with closing(prefetched(fetch, range(10**9))) as batches:
        next(batches)
        started, used = time.perf_counter(), time.process_time()
        while time.perf_counter() - started < seconds:
            asked = time.perf_counter()
            next(batches)
            waited += time.perf_counter() - asked
            steps += 1
            time.sleep(device_seconds)
        elapsed, used = time.perf_counter() - started, time.process_time() - used
    return LoaderSpeed(steps * batch_size / elapsed, waited / elapsed, 1000 * used / steps)


def stage_of(name: str, preset: str, dataset: Dataset, model: str, batch_size: int | None = None) -> Stage:
    """A stage that reads a dataset.

    Args:
        name: Of the stage.
        preset: Sizes, and the length of a crop.
        dataset: Has the material.
        model: Whose parts the stage builds on.
        batch_size: Crops per batch; None: that of the preset.
    """
    settings = load_preset(preset)
    if batch_size is not None:
        config = settings.stage(name).model_copy(update={"batch_size": batch_size})
        settings = settings.model_copy(update={"train": {**settings.train, name: config}})
    return make_stage(name, settings, dataset, model, "cpu", silent)


def step_times(stage: Stage, preset: str) -> tuple[float, float, float]:
    """Milliseconds of computing for a batch, for what the device makes of it, and for the whole step of training."""
    config = load_preset(preset).stage(stage.name)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(stage, config, Path(folder), "cpu")
    totals = [0.0, 0.0, 0.0]
    for step in range(STEPS + 1):
        marks = [time.process_time()]
        batch = trainer.batch(step)
        marks.append(time.process_time())
        stage.expand(batch)
        marks.append(time.process_time())
        trainer.train_step(batch)
        trainer.read_losses()
        marks.append(time.process_time())
        if step:
            for number in range(3):
                totals[number] += 1000 * (marks[number + 1] - marks[number]) / STEPS
    return totals[0], totals[1], totals[2]


def main() -> None:
    """Measure every stage and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", default="base", help="its parts are built on")
    parser.add_argument("--preset", default="base")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--device-ms", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = Dataset.open(given.dataset)
    print(f"batches of {given.batch}, {given.device_ms:g} ms per step, {os.cpu_count()} cores")
    print("| stage | read from | crops/s | device waits | loader, ms per batch |\n|---|---|---:|---:|---:|")
    for name in STAGES:
        for source, limit in (("disk", 0), ("memory of the device", 1 << 40)):
            stage = stage_of(name, given.preset, dataset, given.model, given.batch)
            stage.place_data(CPU, limit)
            speed = measure(stage.batch, given.batch, given.device_ms / 1000, given.seconds)
            shown = f"{speed.crops_per_second:.0f} | {speed.waiting:.1%} | {speed.milliseconds:.2f}"
            print(f"| {name} | {source} | {shown} |", flush=True)
    print("\nComputing time of one step with the preset's batch, one thread:\n")
    print("| stage | loader, ms | made of it on the device, ms | whole step, ms | loader's share |")
    print("|---|---:|---:|---:|---:|")
    for name in STAGES:
        loader, made, step = step_times(stage_of(name, given.preset, dataset, given.model), given.preset)
        print(f"| {name} | {loader:.1f} | {made:.0f} | {step:.0f} | {loader / (loader + step):.1%} |", flush=True)


if __name__ == "__main__":
    main()
