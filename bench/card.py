"""A transfer and training on a graphics card, in about two minutes; without a card, the operations that it would take.

    python -m bench.card [--model base] [--dataset DATASET] [--seconds 60]

Operations are those of convolutions and matrix products, a multiplication and an addition being two; Fourier transforms
are not counted. They are counted on the processor, and are the same on any machine. Times on a card are wall-clock
seconds after a first transfer that does not count, in the card's own half precision and in float32.
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
from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.training.trainer import Trainer

WANTED = 300  # times real time, on a current card
STYLE, STEPS = "violin", 40
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
    if given.dataset:
        print("\n| stage | crops per second, batch of 64 | where a profiled run spends its time |\n|---|---:|---|")
        for name, rate, profile in training_rates(Dataset.open(given.dataset), given.model):
            total = sum(profile.values())
            print(f"| {name} | {rate:.0f} | {', '.join(f'{k} {v / total:.0%}' for k, v in profile.items())} |")


if __name__ == "__main__":
    main()
