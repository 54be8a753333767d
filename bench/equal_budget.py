"""Presets `base` and `paper`, each wholly from scratch on the same dataset for the same minutes.

`base` is content encoder and draft; its autoencoder and denoiser take no part, and it sounds by `--vocoder harmonic`,
which nothing was trained for. `paper` is the report's autoencoder, then its denoiser; it sounds by Griffin-Lim.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from bench.experiments import VARIANTS, Material, Trial, paper_pairs, paper_runs, trained
from bench.page import Section, Table
from stylebox.core import paths
from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.training.stages.base import eval_mode
from stylebox.core.training.stages.content import ContentStage

BASE, PAPER = "bench-base", "bench-paper"
LISTENING_SHARE = 0.4  # of base's minutes: the content encoder's; the rest is the draft's
TRAINING = {"batch_size": 8, "learning_rate": 1e-3, "warmup_steps": 10}


@dataclass(frozen=True)
class EqualBudget:
    """Both models, ready to use, and what is told of them."""

    base: BasePipeline
    paper: PaperPipeline
    section: Section


def train_both(dataset: Path, minutes: float) -> EqualBudget:
    """Train, measure on held-out pairs, load; nothing is left on disk."""
    opened = Dataset.open(dataset)
    with _home():
        models = paths.models_dir()
        preset = load_preset("base")
        torch.manual_seed(0)
        listener = ContentStage(opened, preset.stage("content"), preset.content)
        listening = trained(listener, listener.config, LISTENING_SHARE * minutes)
        listening.export(models / BASE / "content.safetensors", {})
        begun = time.monotonic()
        material = Material(dataset, BASE, TRAINING)
        heard_seconds = time.monotonic() - begun
        try:
            trial = Trial(material, VARIANTS["draft"])
            drafting = trained(trial, trial.config, (1 - LISTENING_SHARE) * minutes)
            drafting.export(models / BASE / "ldm.safetensors", {})
            with torch.no_grad(), drafting.ema.applied(), eval_mode(*trial.parts.values()):
                ours = trial.row(trial.drawn)
            report = paper_runs(opened, minutes, TRAINING)
            theirs = paper_pairs(trial, report)
            report.denoising.export(models / PAPER / "ldm.safetensors", {})
            copy = [trial.distance(trial.pairs["content_mel"]), trial.notes(trial.pairs["content_mel"]), None]
        finally:
            shutil.rmtree(material.store.folder)
        section = _section(
            minutes,
            heard_seconds,
            [
                ["`base`", f"{listening.step} + {drafting.step}", *ours],
                ["`paper`", report.steps, *theirs],
                ["the content itself", None, *copy],
            ],
        )
        return EqualBudget(BasePipeline(BASE), PaperPipeline(PAPER), section)


@contextmanager
def _home() -> Iterator[None]:
    """A data directory that is thrown away."""
    before = os.environ.get("STYLEBOX_HOME")
    with TemporaryDirectory() as folder:
        os.environ["STYLEBOX_HOME"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["STYLEBOX_HOME"]
            else:
                os.environ["STYLEBOX_HOME"] = before


def _section(minutes: float, heard_seconds: float, rows: list[list[str | None]]) -> Section:
    told = (
        f"Each from scratch for {minutes:g} minutes of one thread's processor time, on the same dataset, batches "
        f"of {TRAINING['batch_size']} and a learning rate of {TRAINING['learning_rate']:g} (the report's own 5e-5 "
        "hardly moves in so short a time). `base`: content encoder, then draft; hearing the dataset with the new "
        f"encoder took {heard_seconds:.0f} s more, which do not count. `paper`: autoencoder, then denoiser, without "
        "the perceptual terms, whose features would have to be downloaded. Steps are of the one and the other."
    )
    measured = (
        "On held-out pairs (the same notes by another instrument): distance of the mel to the true target's, weighted "
        "as it is heard (less is better); F1 of the notes that base's new content encoder hears in the mel made "
        "audible; how far the mel moves when the style is another instrument's (0 is a style that is ignored). On real "
        "recordings: the last two rows of the first table."
    )
    return Section(
        "The same minutes: `base` and `paper`", [told, measured, Table(["", "steps", "dB", "F1", "swap dB"], rows)]
    )
