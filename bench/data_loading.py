"""How fast training material is made: crops per second, and its share of a training step.

    python -m bench.data_loading DATASET [--model base] [--batch 10] [--device-ms 10] [--seconds 10]

A device that needs --device-ms per step is imitated by sleeping: what remains of the time is the loader's. The device's
own memory is imitated by the machine's, so that both ways of reading are measured: from disk, and gathered there.
"""

import argparse
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.sampler import ExampleSampler
from stylebox.core.models.style_encoder import CLIP_SECONDS
from stylebox.core.store.library import load_content_encoder
from stylebox.core.training.examples import ExampleReader
from stylebox.core.training.prefetch import prefetched
from stylebox.core.training.stages.base import Batch

CPU = torch.device("cpu")


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


def ldm_loader(content: ContentCache, batch_size: int, crop_frames: int, resident: bool) -> Callable[[int], Batch]:
    """The loader of the ldm stage.

    Args:
        content: Posteriors of a dataset's training recordings.
        batch_size: Crops per batch.
        crop_frames: Length of a crop.
        resident: Gather from memory instead of reading from disk.
    """
    dataset = content.dataset
    style_frames = round(CLIP_SECONDS * dataset.mel_config.frames_per_second)
    sampler = ExampleSampler(dataset.split("train"), crop_frames, style_frames)
    reader = ExampleReader(content, sampler)
    if resident:
        reader.place(CPU, limit=1 << 40)

    def fetch(step: int) -> Batch:
        rng = np.random.default_rng((0, step))
        return reader.fetch(sampler.draw(rng, batch_size), rng.random(batch_size) < 0.75)

    return fetch


def main() -> None:
    """Measure both ways of reading and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", default="base", help="its content encoder")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--crop-frames", type=int, default=192)
    parser.add_argument("--device-ms", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = Dataset.open(given.dataset)
    content = ContentCache(dataset, load_content_encoder(given.model))
    content.fill(dataset.split("train"), CPU)
    print(
        f"batches of {given.batch}, {given.crop_frames} frames, {given.device_ms:g} ms per step, {os.cpu_count()} cores"
    )
    print("| read from | crops/s | device waits | loader, ms per batch |\n|---|---|---|---|")
    for name, resident in (("disk", False), ("memory of the device", True)):
        fetch = ldm_loader(content, given.batch, given.crop_frames, resident)
        speed = measure(fetch, given.batch, given.device_ms / 1000, given.seconds)
        print(f"| {name} | {speed.crops_per_second:.0f} | {speed.waiting:.1%} | {speed.milliseconds:.2f} |")


if __name__ == "__main__":
    main()
