"""Train variants of a model for the same minutes each, and measure them on held-out pairs.

    python -m bench.ablations DATASET configs/ablations/draft.toml configs/ablations/diffusion.toml [--minutes 3]
    python -m bench.ablations DATASET --sampling

DATASET is a folder of `stylebox build` over rendered scores: the same notes by several instruments. Each configuration
is laid over preset `base`, and its ldm stage is trained from scratch beside the content encoder and the autoencoder of
--model. --sampling measures the denoiser of --model at several strengths, steps and guidance scales.
"""

import argparse
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from bench.data_home import home_at
from bench.held_out import MEASURES, HeldOutPairs
from stylebox.core import paths
from stylebox.core.config import load_preset
from stylebox.core.diffusion.sampling import denoiser, dpm_solver_2m, guided, timesteps
from stylebox.core.diffusion.schedule import FlowSchedule, add_noise
from stylebox.core.jobs.train import train
from stylebox.core.store import library
from stylebox.core.training.loop import FitResult

STRENGTH, STEPS = 0.5, 6


class LatentDiffusion:
    """The ldm part of a model, applied to the held-out pairs."""

    def __init__(self, model: str, pairs: HeldOutPairs) -> None:
        """Load the networks.

        Args:
            model: Name or folder.
            pairs: What they are applied to.
        """
        part = library.load_part(model, "ldm", pairs.mel)
        self.pairs, self.vae = pairs, library.load_vae(model, pairs.mel)
        self.style_encoder, self.draft_network = library.load_style_encoder(part), library.load_draft(part)
        self.denoiser = library.load_denoiser(part)

    def draft(self, style: Tensor) -> Tensor:
        """Draft mels ``(B, M, T)`` in the sound of style clips ``(B, M, T')``."""
        tokens, vector = self.style_encoder(style)
        batch = self.pairs.batch
        drafts: Tensor = self.draft_network(batch["content"], batch["dynamics"], tokens, vector)
        return drafts.clamp(-1, 1)

    def refine(self, style: Tensor, strength: float = STRENGTH, steps: int = STEPS, guidance: float = 1.0) -> Tensor:
        """The drafts with noise added, then denoised.

        Args:
            style: Style clips.
            strength: How much noise, in (0, 1]; 1 starts from pure noise.
            steps: Network calls.
            guidance: Classifier-free guidance scale; 1 disables guidance.

        Shape:
            ``(B, M, T')`` -> ``(B, M, T)``.
        """
        draft, (tokens, vector), schedule = self.draft(style), self.style_encoder(style), FlowSchedule()
        z = self.vae.encode(draft)
        eps = torch.randn(z.shape, generator=torch.Generator().manual_seed(5))
        x_t = add_noise(z, eps, torch.full((len(z),), strength), schedule)
        null = self.style_encoder.null_tokens.expand_as(tokens), self.style_encoder.null_vector.expand_as(vector)
        music = self.denoiser.draw(self.pairs.batch["content"], self.pairs.batch["dynamics"])

        def network(x: Tensor, t: Tensor) -> Tensor:
            conditional: Tensor = self.denoiser(x, t, z, music, tokens, vector)
            if guidance == 1:
                return conditional
            unconditional = self.denoiser(x, t, z, music, *null)
            both = zip(conditional, unconditional, strict=True)
            return torch.cat([guided(a[None], b[None], guidance) for a, b in both])

        x_0 = dpm_solver_2m(denoiser(network, schedule), x_t, schedule, timesteps(steps, strength))
        return self.vae.decode(x_0, draft.shape[-1]).clamp(-1, 1)


def train_ablation(config: Path, dataset: Path, minutes: float, parts: Iterable[Path]) -> FitResult:
    """Train the ldm stage of one configuration as a model of the configuration's name.

    Args:
        config: Laid over preset `base`.
        dataset: A built dataset.
        minutes: Of training.
        parts: Files of the content encoder and the autoencoder to use.
    """
    folder = paths.models_dir() / config.stem
    folder.mkdir(parents=True, exist_ok=True)
    for path in parts:
        shutil.copyfile(path, folder / path.name)
    return train(
        "ldm",
        preset="base",
        config_file=config,
        dataset=dataset,
        name=config.stem,
        from_scratch=True,
        max_minutes=minutes,
        device="cpu",
    )


def show(cells: Iterable[object]) -> None:
    """Print a row of a markdown table."""
    print("|", " | ".join(str(cell) for cell in cells), "|", flush=True)


def header(*names: str) -> None:
    """Print the head of a markdown table."""
    print(flush=True)
    show(names)
    show("---" for _ in names)


def compare_training(dataset: Path, configs: list[Path], model: str, minutes: float) -> None:
    """Print a row per configuration: its draft, and its diffusion from the draft at `STRENGTH` in `STEPS` steps.

    Args:
        dataset: A built dataset.
        configs: TOML files.
        model: Gives content encoder and autoencoder.
        minutes: Of training, each.
    """
    parts = [library.part_path(model, stage) for stage in ("content", "vae")]
    pairs = HeldOutPairs(dataset, model)
    refined = [f"{STRENGTH}, {STEPS} steps: {m}" for m in MEASURES]
    header("trained", "steps", *(f"draft: {m}" for m in MEASURES), *refined)
    for title, key in (("the content itself", "content_mel"), ("the true target", "mel")):
        show([title, "", pairs.distance(pairs.batch[key]), pairs.notes(pairs.batch[key]), "", "", "", ""])
    with TemporaryDirectory() as folder, home_at(Path(folder)):
        for config in configs:
            result = train_ablation(config, dataset, minutes, parts)
            trained = LatentDiffusion(config.stem, pairs)
            diffuses = load_preset("base", config).stage("ldm").weights.get("diffusion", 1.0) > 0
            draft, diffusion = pairs.row(trained.draft), pairs.row(trained.refine) if diffuses else ["", "", ""]
            show([config.stem, result.steps, *draft, *diffusion])


def compare_sampling(dataset: Path, model: str) -> None:
    """Print a row per setting of the sampler: strength, steps and guidance."""
    pairs = HeldOutPairs(dataset, model)
    trained = LatentDiffusion(model, pairs)
    header("strength", "steps", "guidance", *MEASURES)
    show(["the draft, no diffusion", 0, "", *pairs.row(trained.draft)])
    settings = [(strength, STEPS, 1.0) for strength in (0.25, 0.5, 0.75, 1.0)]
    settings += [(STRENGTH, steps, 1.0) for steps in (2, 12, 20)]
    settings += [(STRENGTH, STEPS, guidance) for guidance in (1.5, 2.0, 3.0)]
    for strength, steps, guidance in settings:
        refine = partial(trained.refine, strength=strength, steps=steps, guidance=guidance)
        show([strength, steps, guidance, *pairs.row(refine)])


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("configs", type=Path, nargs="*", help="TOML files laid over preset base")
    parser.add_argument("--minutes", type=float, default=3.0, help="training time of each")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default=library.SHIPPED_MODEL, help="gives content encoder, autoencoder, denoiser")
    parser.add_argument("--sampling", action="store_true", help="measure the sampler's settings with --model")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.configs:
        compare_training(arguments.dataset, arguments.configs, arguments.model, arguments.minutes)
    if arguments.sampling:
        compare_sampling(arguments.dataset, arguments.model)


if __name__ == "__main__":
    main()
