"""Variants of a model, each trained from scratch for the same minutes, as markdown tables for docs/log.md.

    python -m bench.experiments DATASET [--minutes 3] [--threads 1] [--only draft,flow,...]

DATASET is a folder of `stylebox build` over rendered scores: the same notes by several instruments. Content encoder and
autoencoder are an installed model's (--model); the report's networks (`paper`) train both of their stages, half of
the time each. The sampling table is of that model's own denoiser, which has trained for longer.

Measures, over held-out pairs (content by one instrument, target by another): distance of the mel to the true target's,
weighted as it is heard (dB, less is better); F1 of the notes that the content encoder hears in the mel made audible
without any help from the notes, against the score; and how far the mel moves when the style clip is another
instrument's (dB; 0 is a style that is ignored).
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.mel import db_per_unit
from stylebox.core.config import Preset, load_preset
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.sampler import ExampleSampler
from stylebox.core.diffusion.sampling import denoiser, dpm_solver_2m, guided, timesteps
from stylebox.core.diffusion.schedule import add_noise
from stylebox.core.evaluation.metrics.content import transcribe
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.models.style_encoder import CLIP_SECONDS
from stylebox.core.music.note_matching import note_f1
from stylebox.core.music.notes import NUM_KEYS, Note
from stylebox.core.paper.model import PaperModel
from stylebox.core.paper.networks import PaperAutoencoder
from stylebox.core.paper.stages import PaperLDMStage, PaperVAEStage
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.store import library
from stylebox.core.training.losses import audible_loss
from stylebox.core.training.stages.base import Stage, eval_mode
from stylebox.core.training.stages.ldm import LDMSections, LDMStage
from stylebox.core.training.trainer import Trainer

PAIRS, FRAMES = 16, 256  # held out: 16 times 6 s
STRENGTH, STEPS = 0.5, 6
PAPER_STEPS = 10  # of the 50 of the report: on a CPU they would take longer than the training

Batch = dict[str, Tensor]


def others(labels: Tensor) -> list[int]:
    """For each of a batch the next one of another instrument."""
    known = labels.tolist()
    count = len(known)
    return [next((j % count for j in range(i + 1, i + count) if known[j % count] != known[i]), i) for i in range(count)]


def unchanged(batch: Batch) -> Batch:
    return batch


def without_map(batch: Batch) -> Batch:
    """No note reaches the networks; the dynamics stay."""
    return batch | {"content": torch.zeros_like(batch["content"])}


def foreign_style(batch: Batch) -> Batch:
    """The report's way: the style clip is of another instrument than the target."""
    order = others(batch["label"])
    return batch | {"style": batch["style"][order], "label": batch["label"][order]}


@dataclass(frozen=True)
class Variant:
    """One way of training: what differs from the preset, and what is done to each batch."""

    title: str
    diffusion: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    change: Callable[[Batch], Batch] = unchanged


VARIANTS = {
    "draft": Variant("draft alone", weights={"diffusion": 0.0}),
    "adversary": Variant("draft alone, with an adversary", weights={"diffusion": 0.0, "adversarial": 0.2}),
    "flow": Variant("draft + diffusion, flow"),
    "no-dropout": Variant("flow, no style dropout", diffusion={"condition_dropout": 0.0}),
    "no-map": Variant("flow, no content map", change=without_map),
    "foreign": Variant("flow, style clip of another instrument", change=foreign_style),
}


class Material:
    """The dataset, what its recordings play, and the parts of a model that every variant shares."""

    def __init__(self, dataset: Path, model: str, training: dict[str, Any]) -> None:
        self.dataset = Dataset.open(dataset)
        self.training = training
        self.preset = load_preset("base")
        mel = self.preset.mel
        self.vae = library.load_vae(model, mel)
        self.encoder: ContentEncoder = library.load_content_encoder(model)
        self.store = ContentCache(self.dataset, self.encoder)
        splits = [*self.dataset.split("train"), *self.dataset.split("valid")]
        self.store.fill(splits, torch.device("cpu"))

    def preset_of(self, variant: Variant) -> Preset:
        """The preset with a variant's differences, and a learning rate that suits a short run."""
        ldm = self.preset.stage("ldm")
        ldm = ldm.model_copy(update={**self.training, "weights": ldm.weights | variant.weights})
        diffusion = self.preset.diffusion.model_copy(update=variant.diffusion)
        return self.preset.model_copy(update={"diffusion": diffusion, "train": self.preset.train | {"ldm": ldm}})


class Trial(LDMStage):
    """The ldm stage with changed batches, and what it makes of the held-out pairs."""

    def __init__(self, material: Material, variant: Variant) -> None:
        preset = material.preset_of(variant)
        super().__init__(material.dataset, material.store, material.vae, preset.stage("ldm"), LDMSections.of(preset))
        self.encoder, self.change = material.encoder, variant.change
        pairs = ExampleSampler(
            self.dataset.split("valid"), FRAMES, round(CLIP_SECONDS * preset.mel.frames_per_second), pair_share=1.0
        )
        self.examples = pairs.draw(np.random.default_rng(7), PAIRS)
        short, self.config = self.config, self.config.model_copy(update={"crop_frames": FRAMES})
        self.pairs = self.read(self.examples, np.zeros(PAIRS, bool))  # as heard: the score tells nothing
        self.config = short
        self.seen = variant.change(self.pairs) if variant.change is without_map else self.pairs

    def batch(self, step: int) -> Batch:
        return self.change(super().batch(step))

    def drafted(self, style: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draft mels ``(B, M, T)``, style tokens and vector."""
        tokens, vector = self.style_encoder(style)
        return self.draft(self.seen["content"], self.seen["dynamics"], tokens, vector).clamp(-1, 1), tokens, vector

    def drawn(self, style: Tensor) -> Tensor:
        """The drafts alone."""
        return self.drafted(style)[0]

    def diffused(self, style: Tensor, strength: float = STRENGTH, steps: int = STEPS, guidance: float = 1.0) -> Tensor:
        """The drafts, noised and denoised; 1 starts from pure noise, though the draft is still told."""
        draft, tokens, vector = self.drafted(style)
        z = self.vae.encode(draft)
        eps = torch.randn(z.shape, generator=torch.Generator().manual_seed(5))
        x_t = add_noise(z, eps, torch.full((len(z),), strength), self.schedule)
        null = self.style_encoder.null_tokens.expand_as(tokens), self.style_encoder.null_vector.expand_as(vector)

        def network(x: Tensor, t: Tensor) -> Tensor:
            told = self.denoiser(x, t, z, self.seen["content"], self.seen["dynamics"], tokens, vector)
            if guidance == 1:
                return told
            untold = self.denoiser(x, t, z, self.seen["content"], self.seen["dynamics"], *null)
            return torch.cat([guided(a[None], b[None], guidance) for a, b in zip(told, untold, strict=True)])

        made = dpm_solver_2m(denoiser(network, self.schedule), x_t, self.schedule, timesteps(steps, strength))
        return self.vae.decode(made, draft.shape[-1]).clamp(-1, 1)

    def distance(self, mel: Tensor, reference: Tensor | None = None) -> str:
        """To the true targets, or to `reference`, in dB."""
        reference = self.pairs["mel"] if reference is None else reference
        return f"{float(audible_loss(mel, reference)) * db_per_unit(self.mel):.2f}"

    def notes(self, mels: Tensor) -> str:
        """Mean F1 (onsets within 50 ms) of the notes in these mels against the score."""
        config, silent = self.mel, torch.zeros(NUM_KEYS, FRAMES)
        scores = []
        for mel, example in zip(mels, self.examples, strict=True):
            audio = harmonic_inversion(mel, silent, config, (FRAMES - 1) * config.hop_length)
            known = self.dataset.notes(example.target)
            assert known is not None
            start = example.start_frame / config.frames_per_second
            stop = start + FRAMES / config.frames_per_second
            inside = known[(known[:, 0] >= start) & (known[:, 0] < stop)]
            rows = [Note(float(a) - start, float(b) - start, int(key), float(v)) for a, b, key, v in inside]
            scores.append(note_f1(rows, transcribe(self.encoder, audio.numpy(), config.sample_rate)))
        return f"{np.mean(scores):.2f}"

    def swap(self, make: Callable[[Tensor], Tensor]) -> str:
        """How far what `make` draws from style clips moves when each is another instrument's, in dB."""
        own, foreign = self.pairs["style"], self.pairs["style"][others(self.pairs["label"])]
        return self.distance(make(foreign), make(own))

    def row(self, make: Callable[[Tensor], Tensor]) -> list[str]:
        """Distance, notes and response to the style."""
        mel = make(self.pairs["style"])
        return [self.distance(mel), self.notes(mel), self.swap(make)]


def trained(stage: Stage, config: Any, minutes: float) -> Trainer:
    """A run from scratch, of so many minutes of this thread's computing: what else the machine does does not count."""
    with tempfile.TemporaryDirectory() as folder:
        run = Trainer(stage, config, Path(folder), "cpu")
        stop = time.thread_time() + 60 * minutes
        while time.thread_time() < stop:
            run.train_step(run.batch(run.step))
    return run


def show(cells: Iterable[object]) -> None:
    print("|", " | ".join(str(cell) for cell in cells), "|", flush=True)


def header(*names: str) -> None:
    print(flush=True)
    show(names)
    show("---" for _ in names)


def compare_training(material: Material, names: list[str], minutes: float) -> None:
    """A row a variant: the draft, and the diffusion from the draft noised to `STRENGTH` in `STEPS` steps."""
    measures = ("dB", "F1", "swap dB")
    header(
        "trained", "steps", *(f"draft: {m}" for m in measures), *(f"{STRENGTH}, {STEPS} steps: {m}" for m in measures)
    )
    known = Trial(material, VARIANTS["draft"])
    for title, mel in (("the content itself", known.pairs["content_mel"]), ("the true target", known.pairs["mel"])):
        show([title, "", known.distance(mel), known.notes(mel), "", "", "", ""])
    for name in names:
        torch.manual_seed(0)
        trial = Trial(material, VARIANTS[name])
        run = trained(trial, trial.config, minutes)
        with torch.no_grad(), run.ema.applied(), eval_mode(*trial.parts.values()):
            draft = trial.row(trial.drawn)
            paints = trial.weights["diffusion"] > 0
            show([VARIANTS[name].title, run.step, *draft, *(trial.row(trial.diffused) if paints else ["", "", ""])])


@dataclass(frozen=True)
class PaperRuns:
    """Both stages of the report's networks, trained."""

    autoencoding: Trainer
    denoising: Trainer
    autoencoder: PaperAutoencoder
    stage: PaperLDMStage

    @property
    def steps(self) -> str:
        return f"{self.autoencoding.step} + {self.denoising.step}"


def paper_runs(dataset: Dataset, minutes: float, update: dict[str, Any]) -> PaperRuns:
    """The report's networks on a dataset: both stages, half the time each, without the perceptual terms.

    Args:
        update: What differs from the preset in both stages' training.
    """
    preset = load_preset("paper")
    stages = {name: preset.stage(name).model_copy(update=update) for name in ("vae", "ldm")}
    preset = preset.model_copy(update={"train": stages})
    torch.manual_seed(0)
    first = PaperVAEStage(dataset, preset.stage("vae"), preset.paper)
    autoencoding = trained(first, first.config, minutes / 2)
    second = PaperLDMStage(dataset, first.autoencoder, preset.stage("ldm"), preset.paper)
    return PaperRuns(autoencoding, trained(second, second.config, minutes / 2), first.autoencoder, second)


def paper_pairs(trial: Trial, runs: PaperRuns) -> list[str]:
    """What the report's networks make of the held-out pairs: a trial's row."""
    autoencoder, stage = runs.autoencoder, runs.stage
    preset = load_preset("paper")
    model = PaperModel(autoencoder, stage.style_encoder, stage.unet, preset.paper, preset.mel, {})

    def play(styles: Tensor) -> Tensor:
        pairs = zip(trial.pairs["content_mel"], styles, strict=True)
        played = [transfer_mel(model, mel, style, steps=PAPER_STEPS, seed=5) for mel, style in pairs]
        return torch.stack(played).clamp(-1, 1)

    with torch.no_grad(), eval_mode(autoencoder, stage.style_encoder, stage.unet):
        return trial.row(play)


def paper_row(material: Material, minutes: float) -> None:
    """The report's networks on the same data, then its way of transferring."""
    runs = paper_runs(material.dataset, minutes, {"batch_size": material.training["batch_size"]})
    row = paper_pairs(Trial(material, VARIANTS["draft"]), runs)
    show(["the report's networks (`paper`)", runs.steps, "", "", "", *row])


def compare_sampling(material: Material, model: str) -> None:
    """The installed model: where the diffusion starts, in how many steps, how strongly guided."""
    part = library.load_part(model, "ldm")
    trial = Trial(material, VARIANTS["flow"])
    loaded = (library.load_style_encoder(part), library.load_draft(part), library.load_denoiser(part))
    trial.style_encoder, trial.draft, trial.denoiser = loaded
    header("start", "steps", "guidance", "dB", "F1", "swap dB")
    with torch.no_grad():
        show(["the draft, no diffusion", 0, "", *trial.row(trial.drawn)])
        asked = [(strength, STEPS, 1.0) for strength in (0.25, 0.5, 0.75, 1.0)]
        asked += [(STRENGTH, steps, 1.0) for steps in (2, 12, 20)]
        asked += [(STRENGTH, STEPS, guidance) for guidance in (1.5, 2.0, 3.0)]
        for strength, steps, guidance in asked:
            row = trial.row(partial(trial.diffused, strength=strength, steps=steps, guidance=guidance))
            show(["pure noise" if strength == 1 else f"draft, noised to {strength}", steps, guidance, *row])


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0, help="training time of each variant")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default=library.SHIPPED_MODEL, help="gives content encoder, autoencoder, denoiser")
    parser.add_argument("--only", default=",".join([*VARIANTS, "paper", "sampling"]), help="which, separated by commas")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    training = {"batch_size": arguments.batch_size, "learning_rate": arguments.learning_rate, "warmup_steps": 10}
    material = Material(arguments.dataset, arguments.model, training)
    wanted = arguments.only.split(",")
    if set(wanted) - {"sampling"}:
        compare_training(material, [name for name in wanted if name in VARIANTS], arguments.minutes)
    if "paper" in wanted:
        paper_row(material, arguments.minutes)
    if "sampling" in wanted:
        compare_sampling(material, arguments.model)


if __name__ == "__main__":
    main()
