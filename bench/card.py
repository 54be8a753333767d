"""A transfer and training on a graphics card, in about two minutes; without a card, the operations that it would take.

    python -m bench.card [--model base] [--dataset DATASET] [--seconds 60]

Operations are those of convolutions and matrix products, a multiplication and an addition being two; Fourier transforms
are not counted. They are counted on the processor, and are the same on any machine. Times on a card are wall-clock
seconds after a first transfer that does not count, in the card's own half precision and in float32; then those of a
batch of files in stereo, as `stylebox transfer --jobs` makes it.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.data_loading import STAGES, stage_of
from bench.excerpts import RATE
from stylebox.core import device as devices
from stylebox.core.audio.io.write import write_audio
from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.errors import StyleboxError
from stylebox.core.jobs.transfer import transfer_files
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.training.trainer import Trainer

WANTED = 300  # times real time, on a current card
STYLE, STEPS = "violin", 40
JOBS, FILES_PER_JOB = (1, 4, 8), 6
NAMES = {
    "ContentEncoder": "content encoder",
    "DraftNetwork": "draft",
    "Sequential": "autoencoder",  # its two halves
    "Denoiser": "denoiser, all steps",
    "Vocoder": "vocoder",
}


def melody(seconds: float) -> np.ndarray:
    """Struck tones, four per second.

    Shape:
        ``(S,)``.
    """
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 220 * 2 ** (np.random.default_rng(0).integers(0, 24, round(4 * seconds) + 1)[(4 * t).astype(int)] / 12)
    audio: np.ndarray = 0.2 * np.sin(2 * np.pi * hz * t) * np.exp(-6 * (t % 0.25))
    return audio.astype(np.float32)


def operations(pipeline: BasePipeline, seconds: float, style: str = STYLE) -> dict[str, float]:
    """Operations per second of sound of each network, and of all together.

    Args:
        pipeline: On the processor.
        seconds: Length of the sound that is transferred.
        style: To transfer it to.
    """
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        pipeline.transfer(melody(seconds), TransferOptions(style, seed=0))
    counts = {name: sum(found.values()) / seconds for name, found in counter.get_flop_counts().items()}
    named = {NAMES[name]: count for name, count in counts.items() if name in NAMES}
    return dict(sorted(named.items(), key=lambda item: -item[1])) | {"all": counts["Global"]}


@contextmanager
def float32() -> Iterator[None]:
    """No half precision within the block."""
    with patch.object(devices, "computes_in_bfloat16", lambda device: False):
        yield


def transfer_seconds(pipeline: BasePipeline, seconds: float) -> float:
    """Wall-clock seconds of a transfer on a card, the least of three after one that does not count."""
    audio, taken = melody(seconds), []
    for _ in range(4):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        pipeline.transfer(audio, TransferOptions(STYLE, seed=0))
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - begun)
    return min(taken[1:])


def batch_rate(pipeline: Pipeline, jobs: int, seconds: float, style: str = STYLE) -> float:
    """Seconds of sound per second, of a batch of files by several processes; the first file of each does not count.

    Args:
        pipeline: On the device that is measured.
        jobs: Number of processes.
        seconds: Length of each file.
        style: To transfer them to.
    """
    ended: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        takes = Path(folder, "takes")
        takes.mkdir()
        for number in range(FILES_PER_JOB * jobs):
            write_audio(takes / f"{number}.flac", np.outer(melody(seconds), (1.0, 0.7)).astype(np.float32), RATE)
        options = TransferOptions(style, seed=0)
        batch = transfer_files(
            [takes], Path(folder, "out"), options, pipeline, jobs=jobs, made=lambda _: ended.append(time.perf_counter())
        )
    if batch.failed:
        raise StyleboxError(batch.failed[0].reason)
    return (len(ended) - jobs) * seconds / (ended[-1] - ended[jobs - 1])


def training_rates(dataset: Dataset, model: str) -> Iterator[tuple[str, float, dict[str, float]]]:
    """Crops per second of each stage on a card with a batch of 64, and the seconds of each phase of a profiled run."""
    for name in STAGES:
        stage = stage_of(name, "base", dataset, model, 64)
        config = load_preset("base").stage(name).model_copy(update={"batch_size": 64})
        for profiled in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                trainer = Trainer(stage, config, Path(folder), "cuda", profiled)
            for step in range(STEPS):
                if step == STEPS // 4:
                    torch.cuda.synchronize()
                    begun = time.perf_counter()
                trainer.train_step(trainer.batch(step))
            trainer.read_losses()
            if not profiled:
                rate = 64 * (STEPS - STEPS // 4) / (time.perf_counter() - begun)
        yield name, rate, trainer.profile.table()


def main() -> None:
    """Count, and measure where there is a card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="base")
    parser.add_argument("--dataset", type=Path, help="a built dataset with notes; trains every stage for some steps")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the sound that is transferred on a card")
    given = parser.parse_args()
    print("| network | GFLOP per second of sound |\n|---|---:|")
    counts = operations(BasePipeline(given.model), 10.0)
    for name, count in counts.items():
        print(f"| {name} | {count / 1e9:.1f} |")
    print(f"\n{WANTED} times real time takes {WANTED * counts['all'] / 1e12:.1f} TFLOP/s.")
    if not torch.cuda.is_available():
        print("No CUDA device here: nothing to measure.")
        return
    print(f"\n{torch.cuda.get_device_name()}\n\n| arithmetic | seconds for {given.seconds:g} s | times real time |")
    print("|---|---:|---:|")
    pipeline = BasePipeline(given.model, "cuda")
    half = transfer_seconds(pipeline, given.seconds)
    with float32():
        single = transfer_seconds(pipeline, given.seconds)
    for arithmetic, seconds in (("as shipped", half), ("float32", single)):
        print(f"| {arithmetic} | {seconds:.2f} | {given.seconds / seconds:.0f} |")
    print(f"\n| processes | times real time, files of {given.seconds:g} s |\n|---:|---:|")
    for jobs in JOBS:
        print(f"| {jobs} | {batch_rate(pipeline, jobs, given.seconds):.0f} |")
    if given.dataset:
        print("\n| stage | crops per second, batch of 64 | where a profiled run spends its time |\n|---|---:|---|")
        for name, rate, profile in training_rates(Dataset.open(given.dataset), given.model):
            total = sum(profile.values())
            print(f"| {name} | {rate:.0f} | {', '.join(f'{k} {v / total:.0%}' for k, v in profile.items())} |")


if __name__ == "__main__":
    main()
