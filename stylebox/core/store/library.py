"""Installed models: finds the weights of each part of a model and loads them into the networks.

A part is searched first among the user's models, then among the shipped ones; a model without that part uses the part
of the shipped model. A model can also be a folder anywhere. Knows nothing of training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from stylebox.core import paths
from stylebox.core.config import MelConfig, Preset, parse_preset
from stylebox.core.errors import ConfigError, ModelError
from stylebox.core.models.classifier import Classifier
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.store.names import shipped_models as shipped_models
from stylebox.core.store.names import style_names as style_names
from stylebox.core.store.weights import check_fit, group_of, load_into, load_metadata, load_weights

SHIPPED_MODEL = "base"
STAGES = ("content", "vae", "ldm", "vocoder")
CLASSIFIER = "judges/classifier.safetensors"  # below `shipped_models()`
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class ModelInfo:
    """A model, as `stylebox models` lists it.

    Attributes:
        name: Name of the model.
        parts: Names of the parts that it has itself, separated by commas.
        where: Its folder, or ``shipped``.
    """

    name: str
    parts: str
    where: str


@dataclass(frozen=True)
class Part:
    """The weights file of one part of a model, loaded.

    Attributes:
        path: The file.
        tensors: By name.
        card: Metadata of the file: settings, training, provenance.
    """

    path: Path
    tensors: dict[str, Tensor]
    card: dict[str, Any]

    @property
    def preset(self) -> Preset:
        """The settings that this part was made with, defaults for the others.

        Raises:
            ModelError: This version does not know one of the settings.
        """
        try:
            return parse_preset({"name": "kept", **group_of(self.card, "config")}, str(self.path))
        except ConfigError as error:
            raise ModelError(f"{error} (this model needs another version of stylebox)") from None


def part_path(model: str, stage: str) -> Path:
    """Find the weights file of one part of a model.

    Args:
        model: Name of the model, or path of its folder.
        stage: One of `STAGES`.

    Raises:
        ModelError: Neither the model nor the shipped model has that part.
    """
    for folder in (*_folders(model), shipped_models() / SHIPPED_MODEL):
        path = folder / f"{stage}.safetensors"
        if path.is_file():
            return path
    raise ModelError(f"model {model!r} has no part {stage!r}; train it with `stylebox train {stage} --name {model}`")


def require_model(model: str) -> None:
    """Check that a model exists; otherwise the parts of the shipped model would hide a mistake in its name.

    Raises:
        ModelError: There is no such model.
        StyleboxError: Its folder may not be read.
    """
    folders = [folder for folder in _folders(model) if folder != shipped_models() / "judges"]
    if not any(paths.entries(folder, "*.safetensors") for folder in folders):
        raise ModelError(f"no model {model!r}; `stylebox models` lists all models")


def _folders(model: str) -> list[Path]:
    """Folders that can hold the parts of a model: the folder that a path names, or those of that name."""
    if Path(model).name != model:
        return [paths.expanded(model)]
    return [paths.models_dir() / model, shipped_models() / model]


def has_part(model: str, stage: str, mel: MelConfig) -> bool:
    """Tell whether the model, or the shipped model, has a part for these mel settings.

    Args:
        model: Name of the model, or path of its folder.
        stage: One of `STAGES`.
        mel: Settings that the part has to have.
    """
    try:
        path = part_path(model, stage)
    except ModelError:
        return False
    return group_of(load_metadata(path), "config", "mel") == mel.model_dump()


def load_part(model: str, stage: str, mel: MelConfig | None = None) -> Part:
    """Load one part of a model.

    Args:
        model: Name of the model, or path of its folder.
        stage: One of `STAGES`.
        mel: Settings that the part has to have; None accepts any.

    Raises:
        ModelError: The part is missing or damaged, or was made with other mel settings.
    """
    return open_part(part_path(model, stage), mel)


def open_part(path: Path, mel: MelConfig | None = None) -> Part:
    """Load one weights file as a part.

    Args:
        path: The file.
        mel: Settings that the part has to have; None accepts any.

    Raises:
        ModelError: The file is missing or damaged, is not a part, or was made with other mel settings.
    """
    tensors, card = load_weights(path)
    if not group_of(card, "config"):
        raise ModelError(f"{path}: has no settings in it, so it is not a part of a stylebox model; name another file")
    made_with = group_of(card, "config", "mel")
    for key, value in (mel.model_dump() if mel else {}).items():
        if made_with.get(key) != value:
            raise ModelError(f"{path}: made with mel.{key} = {made_with.get(key)}, not {value}; train it again")
    return Part(path, tensors, card)


def load_content_encoder(model: str) -> ContentEncoder:
    """Load the transcriber of a model, in evaluation mode. It has its own sample rate and frame rate."""
    part = load_part(model, "content")
    return _build(lambda: ContentEncoder(part.preset.content), part, "content_encoder")


def load_vae(model: str, mel: MelConfig) -> VAE:
    """Load the autoencoder of a model, in evaluation mode."""
    part = load_part(model, "vae", mel)
    return _build(lambda: VAE(part.preset.vae), part, "vae")


def load_vocoder(model: str, mel: MelConfig) -> Vocoder:
    """Load the vocoder of a model, in evaluation mode."""
    part = load_part(model, "vocoder", mel)
    return _build(lambda: Vocoder(part.preset.vocoder, mel), part, "vocoder")


def shipped_classifier() -> Classifier:
    """Load the classifier of this package, in evaluation mode. It judges all models and belongs to none.

    Raises:
        ModelError: The file is missing or damaged.
    """
    part = open_part(shipped_models() / CLASSIFIER)
    return load_module(Classifier(part.preset.mel), part, "classifier")


def load_style_encoder(part: Part) -> StyleEncoder:
    """Load the style encoder of an ldm part, in evaluation mode."""
    return _build(lambda: StyleEncoder(part.preset.style), part, "style_encoder")


def load_draft(part: Part) -> DraftNetwork:
    """Load the draft network of an ldm part, in evaluation mode."""
    preset = part.preset
    return _build(lambda: DraftNetwork(preset.draft, preset.style, preset.mel), part, "draft")


def load_denoiser(part: Part) -> Denoiser:
    """Load the denoiser of an ldm part, in evaluation mode."""
    preset = part.preset
    return _build(lambda: Denoiser(preset.denoiser, preset.vae, preset.style, preset.mel), part, "denoiser")


def _build(build: Callable[[], Module], part: Part, name: str) -> Module:
    """Make a module of the sizes that a part names, and load its weights.

    The module of a file that does not ship is made without memory first: such a file may name any sizes, and only those
    of its tensors are allocated.

    Args:
        build: Makes the module.
        part: Holds the weights.
        name: Name of the module in the part.

    Raises:
        ModelError: The weights do not fit.
    """
    if not part.path.is_relative_to(shipped_models()):
        with torch.device("meta"), _WithoutRandomNumbers():  # which would import PyTorch's compiler: a second
            sketch = build()
        check_fit(sketch, part.tensors, f"{name}.", part.path)
    with _WithoutRandomNumbers():
        module = build()
    return load_module(module, part, name)


class _WithoutRandomNumbers(TorchFunctionMode):
    """Leaves out the random numbers that new networks begin with, where weights will replace them: 0.1 s.

    On the device `meta` it leaves out other values, too: PyTorch imports its compiler for them, which takes a second.
    """

    _DRAWING = frozenset((nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_))
    _SIZED: ClassVar = {torch.hann_window: 0, torch.linspace: 2}  # the argument that says how many values there are

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 (whatever the function gives)
        if func in self._DRAWING:
            return None
        if func in self._SIZED and torch.get_default_device().type == "meta":
            return torch.empty(args[self._SIZED[func]])
        return func(*args, **(kwargs or {}))


def load_module(module: Module, part: Part, name: str) -> Module:
    """Load the weights of a part into a module, in evaluation mode, without gradients, channels last.

    Args:
        module: Is changed.
        part: Holds the weights.
        name: Name of the module in the part.

    Returns:
        The module.

    Raises:
        ModelError: The weights do not fit.
    """
    load_into(module, part.tensors, f"{name}.", part.path)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module.eval().requires_grad_(False)


def list_models() -> list[ModelInfo]:
    """List the models of the user and the shipped ones.

    Raises:
        StyleboxError: A folder of models may not be read.
    """
    found = []
    for folder, where in ((paths.models_dir(), None), (shipped_models(), "shipped")):
        for path in filter(Path.is_dir, paths.entries(folder)):
            names = {part.name for part in paths.entries(path, "*.safetensors")}
            parts = [stage for stage in STAGES if f"{stage}.safetensors" in names]
            if parts:
                found.append(ModelInfo(path.name, ", ".join(parts), where or str(path)))
    return found


def model_family(model: str) -> str:
    """Tell which networks the ldm part of a model holds: "base" or "paper".

    Raises:
        ModelError: There is no such model, or it has no ldm part.
    """
    require_model(model)
    return str(group_of(load_metadata(part_path(model, "ldm")), "config").get("family", "base"))
