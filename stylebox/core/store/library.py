"""Installed models: where each part's weights are, and the parts themselves, ready to use.

A part is looked for under the user's models first, then among the weights that ship; a model that lacks a part of its
own borrows the shipped one's. A model may also be a folder anywhere. Knows nothing of training.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from stylebox.core import paths
from stylebox.core.audio.vibrato import SUSTAINED, Intonation, intonation
from stylebox.core.config import MelConfig, Preset, parse_preset
from stylebox.core.errors import ConfigError, ModelError
from stylebox.core.models.classifier import Classifier
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.register import Register
from stylebox.core.music.style_names import instrument_of, style_register
from stylebox.core.store.weights import load_into, load_metadata, load_weights

SHIPPED_MODEL = "base"
STAGES = ("content", "vae", "ldm", "vocoder")
CLASSIFIER = "judges/classifier.safetensors"  # of the weights that ship
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Style:
    """How something sounds, as a model sees it; the register it is heard in, if known; how it is played.

    Shape:
        tokens ``(K, D)``, vector ``(D',)``.
    """

    name: str
    tokens: Tensor
    vector: Tensor
    register: Register | None = None
    intonation: Intonation = SUSTAINED
    sustained: bool = True


@dataclass(frozen=True)
class ModelInfo:
    """A row of `stylebox models`."""

    name: str
    parts: str
    where: str


@dataclass(frozen=True)
class Part:
    """One part's file, opened."""

    path: Path
    tensors: dict[str, Tensor]
    card: dict[str, Any]

    @property
    def preset(self) -> Preset:
        """The sections this part was made with, defaults for the rest.

        Raises:
            ModelError: they are not what this version knows.
        """
        try:
            return parse_preset({"name": "kept", **self.card["config"]}, str(self.path))
        except ConfigError as error:
            raise ModelError(f"{error}; was it made by another version of stylebox?") from None


def shipped_models() -> Path:
    """The folder of the weights that come with the package."""
    return Path(str(resources.files("stylebox"))) / "weights"


def part_path(model: str, stage: str) -> Path:
    """The weights file of one part of a model.

    Raises:
        ModelError: neither the model nor what ships has it.
    """
    for folder in (*_folders(model), shipped_models() / SHIPPED_MODEL):
        path = folder / f"{stage}.safetensors"
        if path.is_file():
            return path
    raise ModelError(f"model {model!r} has no part {stage!r}; train it with `stylebox train {stage} --name {model}`")


def require_model(model: str) -> None:
    """Refuse a name that no model has: what is borrowed from the shipped one would hide the mistake.

    Raises:
        ModelError: there is no such model, of the user's or shipped.
    """
    if not any(
        any(folder.glob("*.safetensors")) and folder != shipped_models() / "judges" for folder in _folders(model)
    ):
        raise ModelError(f"no model {model!r}; `stylebox models` lists what there is")


def _folders(model: str) -> list[Path]:
    """Where a model's own parts can be: in a folder named by a path, or under its name."""
    if Path(model).name != model:
        return [Path(model).expanduser()]
    return [paths.models_dir() / model, shipped_models() / model]


def has_part(model: str, stage: str, mel: MelConfig) -> bool:
    """Whether the model, or what ships, has that part for these mel settings."""
    try:
        path = part_path(model, stage)
    except ModelError:
        return False
    return bool(load_metadata(path).get("config", {}).get("mel") == mel.model_dump())


def load_part(model: str, stage: str, mel: MelConfig | None = None) -> Part:
    """One part's tensors and card; its mel settings checked against `mel`, if given.

    Raises:
        ModelError: missing, damaged, or made with other mel settings.
    """
    return open_part(part_path(model, stage), mel)


def open_part(path: Path, mel: MelConfig | None = None) -> Part:
    """One file of weights as a part: see `load_part`."""
    tensors, card = load_weights(path)
    if "config" not in card:
        raise ModelError(f"{path}: does not say what it was made with; it is not a part of a stylebox model")
    made_with = card["config"].get("mel", {})
    for key, value in (mel.model_dump() if mel else {}).items():
        if made_with.get(key) != value:
            raise ModelError(f"{path}: made with mel.{key} = {made_with.get(key)}, not {value}; train it anew")
    return Part(path, tensors, card)


def load_content_encoder(model: str) -> ContentEncoder:
    """The transcriber of a model, in evaluation mode; it hears at its own rates, whatever the model's mel."""
    part = load_part(model, "content")
    return load_module(ContentEncoder(part.preset.content), part, "content_encoder")


def load_vae(model: str, mel: MelConfig) -> VAE:
    """The autoencoder of a model, in evaluation mode."""
    part = load_part(model, "vae", mel)
    return load_module(VAE(part.preset.vae), part, "vae")


def load_vocoder(model: str, mel: MelConfig) -> Vocoder:
    """The vocoder of a model, in evaluation mode."""
    part = load_part(model, "vocoder", mel)
    return load_module(Vocoder(part.preset.vocoder, mel), part, "vocoder")


def shipped_classifier() -> Classifier:
    """The classifier that comes with the package, in evaluation mode. No model has one of its own: it is their judge.

    Raises:
        ModelError: missing or damaged.
    """
    part = open_part(shipped_models() / CLASSIFIER)
    return load_module(Classifier(part.preset.mel), part, "classifier")


def load_style_encoder(part: Part) -> StyleEncoder:
    """The style encoder of an opened ldm part, in evaluation mode."""
    return load_module(StyleEncoder(part.preset.style), part, "style_encoder")


def load_draft(part: Part) -> DraftNetwork:
    """The draft network of an opened ldm part, in evaluation mode."""
    return load_module(DraftNetwork(part.preset.draft, part.preset.style, part.preset.mel), part, "draft")


def load_denoiser(part: Part) -> Denoiser:
    """The denoiser of an opened ldm part, in evaluation mode."""
    preset = part.preset
    return load_module(Denoiser(preset.denoiser, preset.vae, preset.style, preset.mel), part, "denoiser")


def load_module(module: Module, part: Part, name: str) -> Module:
    """`module` with the weights a part keeps under `name`, in evaluation mode, without gradients, channels last.

    Raises:
        ModelError: they do not fit.
    """
    load_into(module, part.tensors, f"{name}.", part.path)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module.eval().requires_grad_(False)


def named_styles(part: Part) -> dict[str, Style]:
    """The style library of an ldm part, by name."""
    styles = {}
    for name in style_names(part.tensors):
        tokens, vector = (part.tensors[f"styles.{name}.{kind}"].float() for kind in ("tokens", "vector"))
        player = INSTRUMENTS.get(instrument_of(name))
        sustained = player is None or player.sustained
        playing = intonation(instrument_of(name), sustained)
        styles[name] = Style(name, tokens, vector, part_register(part, name), playing, sustained)
    return styles


def part_register(part: Part, name: str) -> Register | None:
    """The register of a style of an ldm part: of its instrument, or about the keys it was learnt on."""
    keys = part.tensors.get(f"styles.{name}.keys")
    return style_register(name, None if keys is None else keys.tolist())


def list_models() -> list[ModelInfo]:
    """The user's models and the shipped ones."""
    found = []
    for folder, where in ((paths.models_dir(), None), (shipped_models(), "shipped")):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            parts = [stage for stage in STAGES if (path / f"{stage}.safetensors").is_file()]
            if parts:
                found.append(ModelInfo(path.name, ", ".join(parts), where or str(path)))
    return found


def style_names(tensors: dict[str, torch.Tensor]) -> list[str]:
    """The styles that an ldm part's tensors are of; a name may hold dots."""
    return sorted({name.removeprefix("styles.").rpartition(".")[0] for name in tensors if name.startswith("styles.")})


def model_family(model: str) -> str:
    """ "base" or "paper": which networks a model's ldm part holds.

    Raises:
        ModelError: there is no such part.
    """
    require_model(model)
    return str(load_metadata(part_path(model, "ldm")).get("config", {}).get("family", "base"))
