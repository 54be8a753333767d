"""`stylebox train`: a preset, a dataset and a stage's name become a trained part of a model.

It looks up what the stage builds on and hands both to the one training loop.
"""

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
from stylebox.core.training.stages.base import Stage, exported_parts
from stylebox.core.training.stages.content import ContentStage
from stylebox.core.training.stages.ldm import LDMStage
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
        preset: Sizes and defaults; `config_file` is laid over it.
        dataset: A built dataset's folder; the one of `stylebox build` unless given.
        name: Of the model; the preset's unless given.
        progress: Called after every step.
        prepare: Told of the work before the first step.

    Raises:
        ConfigError: The preset has no such stage, the configuration is wrong, or the name can be no folder's.
        DatasetError: The dataset is missing, unfit, or made with other mel settings.
        ModelError: A part the stage builds on, or begins with, is missing or of another size.
    """
    settings = load_preset(preset, config_file)
    material = Dataset.open(dataset or paths.dataset_dir())
    material.require_mel(settings.mel)
    model = name or settings.name
    if safe_name(model) != model:
        raise ConfigError(f"--name {model}: cannot be the name of a folder; {safe_name(model)} can")
    with torch.random.fork_rng(devices=[]):  # the weights a run begins with follow from its seed, too
        torch.manual_seed(settings.stage(stage_name).seed)
        stage = make_stage(stage_name, settings, material, model, device, prepare)
    if begin_with := settings.stage(stage_name).begin_with:
        _fill(stage, begin_with)
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

    Raises:
        ConfigError: The preset has no such stage.
    """
    if preset.family == "base":
        if stage_name == "content":
            return ContentStage(preset, dataset)
        if stage_name == "vae":
            wanted = preset.stage("vae").weights.get("perceptual", 0.0) > 0
            return VAEStage(preset, dataset, _features(preset, prepare) if wanted else None)
        if stage_name == "vocoder":
            return VocoderStage(preset, dataset, _heard(dataset, model, device, prepare))
        if stage_name == "ldm":
            vae = _vae(preset, model)
            return LDMStage(preset, dataset, _heard(dataset, model, device, prepare), vae)
    if preset.family == "paper":
        if stage_name == "vae":
            return PaperVAEStage(preset, dataset, _features(preset, prepare))
        if stage_name == "ldm":
            autoencoder = load_paper_autoencoder(model, preset.mel)
            return PaperLDMStage(preset, dataset, autoencoder, _features(preset, prepare))
    raise ConfigError(f"preset {preset.name} has no stage {stage_name!r}")


def _fill(stage: Stage, model: str) -> None:
    """Begin with a trained model's weights.

    Raises:
        ModelError: The model has no such part, or its networks are of another size.
    """
    require_model(model)
    path = part_path(model, stage.name)
    tensors, _ = load_weights(path)
    for name, part in exported_parts(stage).items():
        load_into(part, tensors, f"{name}.", path)


def _vae(preset: Preset, model: str) -> VAE:
    """The model's autoencoder, or the shipped one.

    Raises:
        ModelError: it is of another size than the preset's.
    """
    part = load_part(model, "vae", preset.mel)
    if part.preset.vae != preset.vae:
        raise ModelError(
            f"{part.path}: is of another size than preset {preset.name} wants; "
            f"train its own first, with `stylebox train vae --preset {preset.name} --name {model}`"
        )
    return load_vae(model, preset.mel)


def _heard(dataset: Dataset, model: str, device: str, prepare: ProgressCallback) -> ContentCache:
    """What the model's content encoder hears in a dataset."""
    where = torch.device(resolve_device(device)[0])
    store = ContentCache(dataset, load_content_encoder(model))
    store.fill([*dataset.split("train"), *dataset.split("valid")], where, prepare)
    return store


def _features(preset: Preset, prepare: ProgressCallback) -> Features | None:
    """VGGish; None where its weights can't be had, which `prepare` is told in a line."""
    try:
        return load_features(preset.mel, prepare)
    except ModelError as error:
        prepare(Progress("features", 0, None, f"training without perceptual terms: {error}"))
        return None
