"""`stylebox info` as a job: the details of a model, a preset or a file."""

from pathlib import Path
from typing import Any

from torch import nn

from stylebox.core.config import Preset, load_preset, preset_names
from stylebox.core.errors import ModelError
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.music.style_names import instrument_of
from stylebox.core.paper.networks import paper_components
from stylebox.core.store.library import SHIPPED_MODEL, STAGES, load_part, part_path, require_model, style_names
from stylebox.core.store.weights import load_metadata


def describe(model: str | None = None, preset: str | None = None, file: Path | None = None) -> dict[str, Any]:
    """Describe a file, a preset or a model; the first of them that is given.

    Args:
        model: Name of a model, or path of its folder. Default: the shipped model.
        preset: Name of a preset.
        file: A recording, or a weights file.

    Returns:
        Nested values by name.

    Raises:
        ModelError: There is no such model, or it has no trained part.
        StyleboxError: There is no such preset, or the file cannot be read.
    """
    if file is not None:
        return _describe_file(file)
    if preset is not None:
        return _describe_preset(load_preset(preset))
    name = model or SHIPPED_MODEL
    require_model(name)
    cards = {}
    for stage in STAGES:
        try:
            path = part_path(name, stage)
        except ModelError:
            continue
        card = load_metadata(path)
        kept = {key: card.get(key) for key in ("step", "metrics", "provenance", "trained") if card.get(key)}
        cards[stage] = {"path": str(path), "megabytes": round(path.stat().st_size / 1e6, 2), **kept}
    if not cards:
        raise ModelError(f"model {name!r} has no trained part; train one with `stylebox train ldm --name {name}`")
    styles = [instrument_of(style) for style in style_names(load_part(name, "ldm").tensors)] if "ldm" in cards else []
    return {"model": name, "styles": list(dict.fromkeys(styles)), "parts": cards}


def _describe_preset(preset: Preset) -> dict[str, Any]:
    if preset.family == "paper":
        components = {name: count_parameters(module) for name, module in paper_components().items()}
    else:
        components = {
            "content_encoder": count_parameters(ContentEncoder(preset.content)),
            "style_encoder": count_parameters(StyleEncoder(preset.style)),
            "draft": count_parameters(DraftNetwork(preset.draft, preset.style, preset.mel)),
            "vae": count_parameters(VAE(preset.vae)),
            "denoiser": count_parameters(Denoiser(preset.denoiser, preset.vae, preset.style, preset.mel)),
            "vocoder": count_parameters(Vocoder(preset.vocoder, preset.mel)),
        }
    return {
        "preset": preset.name,
        "family": preset.family,
        "components": {name: {"parameters": count} for name, count in components.items()},
        "mel": preset.mel.model_dump(),
        "presets": preset_names(),
    }


def _describe_file(file: Path) -> dict[str, Any]:
    if file.suffix == ".safetensors":
        return {"file": str(file), **load_metadata(file)}
    from stylebox.core.audio.io.read import probe

    info = probe(file)
    facts: dict[str, Any] = {"file": str(file), "seconds": round(info.seconds, 6), "samples": info.samples}
    facts |= {"sample_rate": info.sample_rate, "channels": info.channels, "codec": info.codec}
    tags = {name: text for name, text in vars(info.tags).items() if name != "cover" and text}
    more = {"bits": info.bits, "tags": tags, "cover": len(info.tags.cover), "remarks": list(info.remarks)}
    return facts | {name: value for name, value in more.items() if value}


def count_parameters(module: nn.Module) -> int:
    """Number of parameters of a module, including frozen ones."""
    return sum(parameter.numel() for parameter in module.parameters())
