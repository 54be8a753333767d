"""The work of `stylebox train`: loads what a stage builds on, makes the stage and runs the training loop."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Unpack

import torch

from stylebox.core import paths
from stylebox.core.config import Preset, load_preset
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import MANIFEST_NAME
from stylebox.core.data.shards import is_sharded
from stylebox.core.data.streamed import StreamedDataset
from stylebox.core.errors import ConfigError, DatasetError, ModelError
from stylebox.core.file_names import safe_name
from stylebox.core.lock import sole_writer
from stylebox.core.models.vae import VAE
from stylebox.core.paper.model import load_paper_autoencoder
from stylebox.core.paper.perceptual import load_features
from stylebox.core.paper.stages import PaperLDMStage, PaperVAEStage
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store.library import (
    SHIPPED_MODEL,
    load_content_encoder,
    load_part,
    load_vae,
    part_path,
    require_model,
    shipped_models,
)
from stylebox.core.store.weights import load_into, load_weights
from stylebox.core.training import checkpoint
from stylebox.core.training.accelerator import make_accelerator
from stylebox.core.training.loop import FitResult, RunOptions, fit
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
    dataset: Path | str | None = None,
    name: str | None = None,
    from_scratch: bool = False,
    batch_size: int | None = None,
    prepare: ProgressCallback = silent,
    **run: Unpack[RunOptions],
) -> FitResult:
    """Train one stage of a model and keep it under ``models/<name>/``.

    A stage of preset `base` starts from the shipped model and adapts it to the dataset; see `training_settings`.

    Args:
        stage_name: "vae", "ldm", "content" or "vocoder".
        preset: Name of a preset: sizes and defaults.
        config_file: TOML whose keys replace the preset's.
        dataset: Folder of a built dataset, or folder or address of its shards; default: that of the run to be resumed,
            or the one of `stylebox build`.
        name: Of the model; default: the preset's.
        from_scratch: Start from random weights.
        batch_size: Replaces the one of the preset; over all processes.
        prepare: Receives the progress of the work before the first step.
        run: How to run, see `fit`.

    Raises:
        ConfigError: The preset has no such stage, the configuration is wrong, or the name cannot be a folder's.
        DatasetError: The dataset is missing, unfit, or made with other mel settings.
        ModelError: A part the stage builds on, or begins with, is missing or of another size.
    """
    settings = training_settings(preset, config_file, stage_name, from_scratch)
    config = settings.stage(stage_name)
    if batch_size is not None:
        config = config.model_copy(update={"batch_size": batch_size})
        settings = settings.model_copy(update={"train": {**settings.train, stage_name: config}})
    model, device = name or settings.name, run.get("device", "auto")
    if safe_name(model) != model:
        raise ConfigError(f"--name {model}: cannot be the name of a folder; {safe_name(model)} can")

    def remark(line: str) -> None:
        prepare(Progress(stage_name, 0, None, line))

    directory = paths.models_dir() / model
    began = checkpoint.read_origin(directory / "training" / stage_name) if run.get("resume") else {}
    opened = _open_dataset(dataset, began, device, remark)
    opened.require_mel(settings.mel)
    with torch.random.fork_rng(devices=[]):  # the first weights follow from the seed, too
        torch.manual_seed(config.seed)
        stage = make_stage(stage_name, settings, opened, model, device, prepare)
    stage.provenance = {**stage.provenance, "dataset": opened.fingerprint}
    if config.begin_with:
        _start_from(stage, config.begin_with)
    origin = {"dataset": opened.place, "fingerprint": opened.fingerprint}
    with _sole_trainer(directory / "training" / stage_name, stage_name):
        return fit(stage, config, directory, origin=origin, remark=remark, **run)


def _sole_trainer(folder: Path, stage_name: str) -> AbstractContextManager[None]:
    """The lock of a stage's folder; of several processes of one training the first takes it."""
    first = os.environ.get("RANK", "0") == "0"
    return sole_writer(folder, f"stylebox train {stage_name}") if first else nullcontext()


def training_settings(preset: str, config_file: Path | None, stage_name: str, from_scratch: bool = False) -> Preset:
    """The settings of a run, and with them the weights that it starts from (`begin_with` of the stage).

    A configuration that sets `begin_with` decides itself. Otherwise a preset with a section ``adapt`` for the stage
    starts from the shipped model, with the settings of that section.

    Args:
        preset: Name of a preset.
        config_file: TOML whose keys replace the preset's.
        stage_name: "vae", "ldm", "content" or "vocoder".
        from_scratch: Start from random weights, with the settings of the preset's section ``train``.

    Raises:
        ConfigError: The configuration is wrong, or sets `begin_with` although `from_scratch` is given.
    """
    settings = load_preset(preset, config_file)
    begin_with = settings.stage(stage_name).begin_with
    if from_scratch and begin_with:
        raise ConfigError(f"{config_file}: begins with {begin_with}; remove begin_with or --from-scratch")
    return settings if from_scratch or begin_with else load_preset(preset, config_file, adapting=True)


def _open_dataset(
    given: Path | str | None, origin: Mapping[str, str], device: str, remark: Callable[[str], None]
) -> Dataset:
    """The dataset of a run: the one that is given, or the one that a resumed run began with, or the default.

    Args:
        given: By the user.
        origin: Place and fingerprint of the dataset of a resumed run; otherwise empty.
        device: Of the training.
        remark: Called with a line if the dataset has changed.

    Raises:
        DatasetError: There is no dataset, or that of the run is gone.
    """

    def opened(place: str) -> Dataset:
        if not is_sharded(place):
            return Dataset.open(Path(place))
        where = make_accelerator(device)
        return StreamedDataset(place, paths.home() / "shards", where.process_index, where.num_processes)

    if not {"dataset", "fingerprint"} <= origin.keys():  # a new run, or a damaged state
        return opened(str(given or paths.dataset_dir()))
    before = origin["dataset"]
    tried = [str(given)] if given else [before, str(paths.dataset_dir())]
    there = [opened(place) for place in tried if given or is_sharded(place) or (Path(place) / MANIFEST_NAME).exists()]
    for dataset in there:
        if dataset.fingerprint == origin["fingerprint"]:
            return dataset
    if there and there[0].place in (str(given), before):
        remark(f"{there[0].place}: has changed since this run began; it goes on with the dataset as it is now")
        return there[0]
    raise DatasetError(f"{before}: the dataset of this run is no longer there; name its new folder with --dataset")


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
    """Load the weights of a trained model as the start; the name of the shipped model always means the shipped one.

    Raises:
        ModelError: The model has no such part, or its networks are of another size.
    """
    require_model(model)
    path = part_path(str(shipped_models() / model) if model == SHIPPED_MODEL else model, stage.name)
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
    """The posteriors that the model's content encoder gives for a dataset; each process computes a share of them."""
    accelerator = make_accelerator(device)
    content = ContentCache(dataset, load_content_encoder(model))
    recordings = [*dataset.references, *dataset.split("valid")]
    share = recordings[accelerator.process_index :: accelerator.num_processes]
    content.fill(share, accelerator.device, prepare if accelerator.is_main_process else silent)
    accelerator.wait_for_everyone()
    return content


def _features(preset: Preset, prepare: ProgressCallback) -> Features | None:
    """VGGish; None where its weights are not available, which `prepare` receives as a note."""
    try:
        return load_features(preset.mel, prepare)
    except ModelError as error:
        prepare(Progress("features", 0, None, f"training without perceptual terms: {error}"))
        return None
