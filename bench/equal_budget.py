"""Presets `base` and `paper`, each trained from scratch on the same dataset for the same minutes.

`base` is content encoder and draft; its autoencoder and denoiser take no part, and its mels become sound by `--vocoder
harmonic`, which needs no training. `paper` is the paper's autoencoder, then its denoiser, with Griffin-Lim.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.ablations import LatentDiffusion, home_at, train_ablation
from bench.held_out import MEASURES, HeldOutPairs
from bench.page import Section, Table
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.jobs.train import train
from stylebox.core.paper.model import load_paper_model
from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.store.library import load_content_encoder

CONFIGS = Path(__file__).parents[1] / "configs" / "ablations"
CONTENT_SHARE = 0.4  # of base's minutes, for the content encoder; the rest is for the draft
PAPER_STEPS = 10  # of the paper's 50: on a CPU they would take longer than the training


@dataclass(frozen=True)
class EqualBudget:
    """Both models, ready to use, and the section of the page about them."""

    base: BasePipeline
    paper: PaperPipeline
    section: Section


def train_both(dataset: Path, minutes: float, folder: Path) -> EqualBudget:
    """Train both, measure them on held-out pairs, load them.

    Args:
        dataset: A built dataset of rendered scores.
        minutes: Of training, for each preset.
        folder: Data directory for the two models; it must last as long as they are used.
    """
    with home_at(folder):
        rows, content_seconds = _trained_rows(dataset, minutes)
    pipelines = BasePipeline(str(folder / "models" / "draft")), PaperPipeline(str(folder / "models" / "paper"))
    return EqualBudget(*pipelines, _section(minutes, content_seconds, rows))


def _trained_rows(dataset: Path, minutes: float) -> tuple[list[list[str | None]], float]:
    """Train both under the data directory: the rows of the table, and the seconds that the content took."""
    config = CONFIGS / "content.toml"
    share = CONTENT_SHARE * minutes
    content = train("content", config_file=config, dataset=dataset, name="draft", max_minutes=share, device="cpu")
    begun = time.monotonic()
    opened = Dataset.open(dataset)
    cache = ContentCache(opened, load_content_encoder("draft"))
    cache.fill([*opened.split("train"), *opened.split("valid")], torch.device("cpu"))
    seconds = time.monotonic() - begun
    try:
        draft = train_ablation(CONFIGS / "draft.toml", dataset, (1 - CONTENT_SHARE) * minutes, [])
        pairs = HeldOutPairs(dataset, "draft")
        ours = pairs.row(LatentDiffusion("draft", pairs).draft)
        steps = []
        for stage in ("vae", "ldm"):
            config = CONFIGS / "paper.toml"
            half = minutes / 2
            trained = train(stage, preset="paper", config_file=config, dataset=dataset, max_minutes=half, device="cpu")
            steps.append(str(trained.steps))
        copy: list[str | None] = [
            pairs.distance(pairs.batch["content_mel"]),
            pairs.notes(pairs.batch["content_mel"]),
            None,
        ]
        rows: list[list[str | None]] = [
            ["`base`", f"{content.steps} + {draft.steps}", *ours],
            ["`paper`", " + ".join(steps), *pairs.row(lambda styles: _paper_mels(pairs, styles))],
            ["the content itself", None, *copy],
        ]
    finally:
        shutil.rmtree(cache.folder)
    return rows, seconds


def _paper_mels(pairs: HeldOutPairs, styles: Tensor) -> Tensor:
    """The contents of the pairs in the sound of style clips, by the paper's networks."""
    model = load_paper_model("paper")
    both = zip(pairs.batch["content_mel"], styles, strict=True)
    return torch.stack([transfer_mel(model, mel, clip, steps=PAPER_STEPS, seed=5) for mel, clip in both]).clamp(-1, 1)


def _section(minutes: float, content_seconds: float, rows: list[list[str | None]]) -> Section:
    how = (
        f"Each from scratch for {minutes:g} minutes, on the same dataset, with the settings of configs/ablations (the "
        "paper's own learning rate hardly moves the weights in so short a time). `base`: content encoder, then draft; "
        f"transcribing the dataset with the new encoder took {content_seconds:.0f} s more, not counted. `paper`: "
        "autoencoder, then denoiser, with the perceptual terms only where VGGish's weights are available. Steps are "
        "those of the first and the second stage."
    )
    measured = (
        "On held-out pairs (the same notes by another instrument): weighted distance of the mel to the true target's "
        "(less is better); F1 of the notes that base's new content encoder finds in the mel made audible; how far the "
        "mel moves when the style is another instrument's (0: the style has no effect). On real recordings: the last "
        "two rows of the first table."
    )
    return Section("The same minutes: `base` and `paper`", [how, measured, Table(["", "steps", *MEASURES], rows)])
