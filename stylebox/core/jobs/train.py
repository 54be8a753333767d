"""The work of `stylebox train`: loads what a stage builds on, makes the stage and runs the training loop."""

from pathlib import Path

import torch

from stylebox.core import paths
from stylebox.core.config import Preset, load_preset
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.device import resolve_device
from stylebox.core.errors import ConfigError, ModelError
from stylebox.core.file_names import safe_name
from stylebox.core.models.vae import VAE
from stylebox.core.paper.model import load_paper_autoencoder
from stylebox.core.paper.perceptual import load_features
from stylebox.core.paper.stages import PaperLDMStage, PaperVAEStage
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store.library import load_content_encoder, load_part, load_vae, part_path, require_model
from stylebox.core.store.weights import load_into, load_weights
from stylebox.core.training.loop import FitResult, TrainingCallback, fit
from stylebox.core.training.losses import Features
from stylebox.core.training.stages.base import Stage
from stylebox.core.training.stages.content import ContentStage
from stylebox.core.training.stages.ldm import LDMSections, LDMStage
from stylebox.core.training.stages.vae import VAEStage
from stylebox.core.training.stages.vocoder import VocoderStage


def train(
    stage_name: str,
    *,
    preset: str = "base",
    config_file: Path | None = None,
    dataset: Path | None = None,
    name: str | None = None,
    resume: bool = False,
    force: bool = False,
    max_steps: int | None = None,
    max_minutes: float | None = None,
    device: str = "auto",
    progress: TrainingCallback | None = None,
    prepare: ProgressCallback = silent,
) -> FitResult:
    """Train one stage of a model and keep it under ``models/<name>/``.

    Args:
        stage_name: "vae", "ldm", "content" or "vocoder".
        preset: Name of a preset: sizes and defaults.
        config_file: TOML whose keys replace the preset's.
        dataset: Folder of a built dataset; default: the one of `stylebox build`.
        name: Of the model; default: the preset's.
        resume: Continue an earlier run of this stage.
        force: Discard an earlier run of this stage.
        max_steps: Stop once this many steps are done in all.
        max_minutes: Stop after this time.
        device: "auto", "cuda", "mps" or "cpu".
        progress: Called after every step.
        prepare: Receives the progress of the work before the first step.

    Raises:
        ConfigError: The preset has no such stage, the configuration is wrong, or the name cannot be a folder's.
        DatasetError: The dataset is missing, unfit, or made with other mel settings.
        ModelError: A part the stage builds on, or begins with, is missing or of another size.
    """
    settings = load_preset(preset, config_file)
    opened = Dataset.open(dataset or paths.dataset_dir())
    opened.require_mel(settings.mel)
    model = name or settings.name
    if safe_name(model) != model:
        raise ConfigError(f"--name {model}: cannot be the name of a folder; {safe_name(model)} can")
    with torch.random.fork_rng(devices=[]):  # the first weights follow from the seed, too
        torch.manual_seed(settings.stage(stage_name).seed)
        stage = make_stage(stage_name, settings, opened, model, device, prepare)
    if begin_with := settings.stage(stage_name).begin_with:
        _start_from(stage, begin_with)
    return fit(
        stage,
        settings.stage(stage_name),
        paths.models_dir() / model,
        device=device,
        resume=resume,
        force=force,
        max_steps=max_steps,
        max_minutes=max_minutes,
        progress=progress,
    )


def make_stage(
    stage_name: str, preset: Preset, dataset: Dataset, model: str, device: str, prepare: ProgressCallback
) -> Stage:
    """The stage of that name for the preset's family, with the trained parts it builds on.

    Args:
        stage_name: "vae", "ldm", "content" or "vocoder".
        preset: Sizes and training settings.
        dataset: A built dataset.
        model: Name of the model whose parts the stage builds on.
        device: Where the content encoder computes.
        prepare: Receives the progress of what is computed or downloaded first.

    Raises:
        ConfigError: The preset has no such stage.
        DatasetError: The dataset lacks what the stage needs.
        ModelError: A part that the stage builds on is missing or of another size.
    """
    config = preset.stage(stage_name)
    if preset.family == "base":
        if stage_name == "content":
            return ContentStage(dataset, config, preset.content)
        if stage_name == "vae":
            weighted = config.weights.get("perceptual", 0.0) > 0
            return VAEStage(dataset, config, preset.vae, _features(preset, prepare) if weighted else None)
        if stage_name == "vocoder":
            return VocoderStage(dataset, _content(dataset, model, device, prepare), config, preset.vocoder)
        if stage_name == "ldm":
            vae, content = _vae(preset, model), _content(dataset, model, device, prepare)
            return LDMStage(dataset, content, vae, config, LDMSections.of(preset))
    if preset.family == "paper":
        if stage_name == "vae":
            return PaperVAEStage(dataset, config, preset.paper, _features(preset, prepare))
        if stage_name == "ldm":
            autoencoder = load_paper_autoencoder(model, preset.mel)
            return PaperLDMStage(dataset, autoencoder, config, preset.paper, _features(preset, prepare))
    raise ConfigError(f"preset {preset.name} has no stage {stage_name!r}")


def _start_from(stage: Stage, model: str) -> None:
    """Load the weights of a trained model as the start.

    Raises:
        ModelError: The model has no such part, or its networks are of another size.
    """
    require_model(model)
    path = part_path(model, stage.name)
    tensors, _ = load_weights(path)
    for name, part in stage.exported_parts().items():
        load_into(part, tensors, f"{name}.", path)


def _vae(preset: Preset, model: str) -> VAE:
    """The model's autoencoder, or the shipped one.

    Raises:
        ModelError: It has another size than the preset's.
    """
    part = load_part(model, "vae", preset.mel)
    if part.preset.vae != preset.vae:
        raise ModelError(
            f"{part.path}: is of another size than preset {preset.name} wants; "
            f"train its own first, with `stylebox train vae --preset {preset.name} --name {model}`"
        )
    return load_vae(model, preset.mel)


def _content(dataset: Dataset, model: str, device: str, prepare: ProgressCallback) -> ContentCache:
    """The posteriors that the model's content encoder gives for a dataset."""
    where = torch.device(resolve_device(device)[0])
    content = ContentCache(dataset, load_content_encoder(model))
    content.fill([*dataset.split("train"), *dataset.split("valid")], where, prepare)
    return content


def _features(preset: Preset, prepare: ProgressCallback) -> Features | None:
    """VGGish; None where its weights are not available, which `prepare` receives as a note."""
    try:
        return load_features(preset.mel, prepare)
    except ModelError as error:
        prepare(Progress("features", 0, None, f"training without perceptual terms: {error}"))
        return None
