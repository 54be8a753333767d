"""The paper's networks (preset `paper`), trained for a few minutes on rendered scores with `stylebox` itself.

The model is kept, and trained again only if its recipe changes. Knows no judge.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.data_home import home_at
from bench.excerpts import RATE, TARGETS
from bench.store import digest, replace_text

CONFIG = Path(__file__).parents[1] / "configs" / "ablations" / "paper.toml"
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
MINUTES_PER_INSTRUMENT, SEED = 1.5, 5
STEPS = {"vae": 400, "ldm": 400}  # of training; about two minutes each on one core
SAMPLING_STEPS = 10  # of the paper's 50: on a CPU they would take longer than the training
_DONE = "trained.txt"


class PaperNetworks:
    """The trained networks, ready to transfer.

    Args:
        folder: For material, dataset and models.
    """

    def __init__(self, folder: Path) -> None:
        self.identity = digest(CONFIG, repr((MINUTES_PER_INSTRUMENT, SEED, STEPS, TARGETS, SAMPLING_STEPS)))
        self.folder = folder / self.identity
        self._pipeline: object = None

    def train(self) -> float:
        """Train unless that is done; the CPU seconds it took."""
        done = self.folder / _DONE
        if not done.is_file():
            begun = os.times()
            material, dataset = str(self.folder / "sources"), str(self.folder / "dataset")
            self._stylebox(
                "render", "--soundfont", str(SOUNDFONT), "--instruments", ",".join(TARGETS), "--minutes",
                str(MINUTES_PER_INSTRUMENT), "--seed", str(SEED), "--jobs", "1", "--to", material,
            )  # fmt: skip
            self._stylebox("build", material, "--dataset", dataset, "--jobs", "1")
            for stage, steps in STEPS.items():
                self._stylebox(
                    "train", stage, "--preset", "paper", "--config", str(CONFIG), "--dataset", dataset,
                    "--max-steps", str(steps), "--device", "cpu",
                )  # fmt: skip
            ended = os.times()
            used = ended.children_user - begun.children_user + ended.children_system - begun.children_system
            replace_text(done, f"{used:.1f} {time.strftime('%Y-%m-%d')}\n")
        return float(done.read_text().split()[0])

    def __call__(self, audio: np.ndarray, target: str) -> np.ndarray:
        """A transfer by the trained networks, at `RATE`.

        Shape:
            audio and the result are ``(S,)``.
        """
        from stylebox.core.paper.pipeline import PaperPipeline
        from stylebox.core.pipeline.options import TransferOptions

        if not isinstance(self._pipeline, PaperPipeline):
            with home_at(self.folder):
                self._pipeline = PaperPipeline("paper")
        assert self._pipeline.sample_rate == RATE
        return self._pipeline.transfer(audio, TransferOptions(target, seed=0, steps=SAMPLING_STEPS)).audio

    def _stylebox(self, *arguments: str) -> None:
        with home_at(self.folder):
            command = [sys.executable, "-m", "stylebox", "--quiet", *arguments]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"stylebox {arguments[0]} failed: {ended.stderr.strip()} {ended.stdout.strip()}")
