"""How long `runs/base.sh` takes on this processor: the computing time of true steps of each stretch, times its steps.

    python -m bench.recipe_times DATASET [--crops 8] [--steps 3]

Networks, crops and settings are those of configs/base. A batch is smaller than there, as its memory would not fit: the
time per crop is measured and multiplied. Computing time counts the seconds of both cores, so that other work on the
machine does not change it; two cores need half of it if nothing else runs. Validations and rendering are not included.
"""

import argparse
import re
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch

from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.jobs.train import make_stage
from stylebox.core.progress import silent
from stylebox.core.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
CONFIGS, SCRIPT = ROOT / "configs" / "base", ROOT / "runs" / "base.sh"


class Stretch(NamedTuple):
    """A stretch of the recipe: its steps, the crops in a batch of it, and the CPU seconds of one crop in one step."""

    name: str
    steps: int
    batch: int
    seconds: float


def stretches() -> list[tuple[str, str, int | None]]:
    """Stage, name of the configuration and `--max-steps`, if any, of each stretch of the script, in order."""
    lines = re.findall(r"^train (\w+) (\S+) \S+(.*)$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    return [
        (stage, name, int(m[1]) if (m := re.search(r"--max-steps (\d+)", rest)) else None)
        for stage, name, rest in lines
    ]


def timed(stage_name: str, name: str, max_steps: int | None, dataset: Dataset, crops: int, steps: int) -> Stretch:
    """Measure one stretch.

    Args:
        stage_name: What is trained.
        name: Of the configuration.
        max_steps: Of the script.
        dataset: Material.
        crops: In a measured batch.
        steps: Measured, after one that does not count.
    """
    preset = load_preset("base", CONFIGS / f"{name}.toml")
    config = preset.stage(stage_name)
    small = config.model_copy(update={"batch_size": crops})
    preset = preset.model_copy(update={"train": {**preset.train, stage_name: small}})
    stage = make_stage(stage_name, preset, dataset, "base", "cpu", silent)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(stage, small, Path(folder), "cpu")
    used = 0.0
    for step in range(steps + 1):
        begun = time.process_time()
        trainer.train_step(trainer.batch(step))
        trainer.read_losses()
        used += (time.process_time() - begun) * (step > 0)
    return Stretch(name, min(config.steps, max_steps or config.steps), config.batch_size, used / steps / crops)


def main() -> None:
    """Measure every stretch and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="with known notes")
    parser.add_argument("--crops", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(2)
    dataset = Dataset.open(given.dataset)
    print("| stretch | steps x batch | CPU seconds per crop | CPU seconds per step | hours on two cores |")
    print("|---|---:|---:|---:|---:|")
    total = 0.0
    for stage_name, name, max_steps in stretches():
        one = timed(stage_name, name, max_steps, dataset, given.crops, given.steps)
        hours = one.steps * one.batch * one.seconds / 2 / 3600
        total += hours
        step = f"{one.batch * one.seconds:.1f}"
        print(f"| {one.name} | {one.steps} x {one.batch} | {one.seconds:.3f} | {step} | {hours:.1f} |", flush=True)
    print(f"| all | | | | {total:.1f} |")


if __name__ == "__main__":
    main()
