"""An installed model of the paper's networks: its parts, read and checked."""

from dataclasses import dataclass

import torch
from torch import Tensor

from stylebox.core.audio.mel import uint8_to_mel
from stylebox.core.config import MelConfig, PaperConfig
from stylebox.core.errors import ModelError
from stylebox.core.paper.networks import (
    PaperAutoencoder,
    PaperUNet,
    StyleEncoder,
)
from stylebox.core.store.library import Part, load_module, load_part, part_path
from stylebox.core.store.weights import load_metadata


def load_paper_part(model: str, stage: str, mel: MelConfig | None = None) -> Part:
    """One part of a model of the paper's networks; a shipped model of another kind is no substitute.

    Args:
        model: Its name, or a folder.
        stage: "vae" or "ldm".
        mel: Settings that the part must have been made with, if given.

    Raises:
        ModelError: missing, damaged, of other networks, or made with other mel settings.
    """
    missing = f"model {model!r} has no part {stage!r} of the paper's networks"
    fix = f"train it with `stylebox train {stage} --preset paper --name {model}`"
    try:
        path = part_path(model, stage)
    except ModelError:
        raise ModelError(f"{missing}; {fix}") from None
    if load_metadata(path).get("config", {}).get("family") != "paper":
        raise ModelError(f"{missing}; {fix}")
    return load_part(model, stage, mel)


def load_paper_autoencoder(model: str, mel: MelConfig) -> PaperAutoencoder:
    """The paper's autoencoder as stage 1 left it, in evaluation mode.

    Raises:
        ModelError: it is missing, damaged, or made with other mel settings.
    """
    part = load_paper_part(model, "vae", mel)
    autoencoder = PaperAutoencoder()
    for name in ("encoder", "decoder"):
        load_module(getattr(autoencoder, name), part, name)
    return autoencoder.eval()


@dataclass(frozen=True)
class PaperModel:
    """A trained model of the paper's networks, ready to use.

    Attributes:
        autoencoder: Between mel and latent.
        style_encoder: From a clip's mel to style maps.
        unet: The denoiser.
        config: Schedule, and defaults of sampling.
        mel: Settings of the mel.
        styles: A clip of each instrument it was trained on, by name: mels ``(M, T)`` in [-1, 1].
    """

    autoencoder: PaperAutoencoder
    style_encoder: StyleEncoder
    unet: PaperUNet
    config: PaperConfig
    mel: MelConfig
    styles: dict[str, Tensor]

    @property
    def device(self) -> torch.device:
        """Where the networks compute."""
        return next(self.unet.parameters()).device


def load_paper_model(model: str, mel: MelConfig | None = None, device: torch.device | str = "cpu") -> PaperModel:
    """An installed model, in evaluation mode. Its ldm part holds all that a transfer needs.

    Args:
        model: Its name, or a folder.
        mel: Settings that it must have been made with, if given.
        device: Where the networks go.

    Raises:
        ModelError: there is none, or it is damaged, of other networks, or made with other mel settings.
    """
    part = load_paper_part(model, "ldm", mel)
    autoencoder = PaperAutoencoder()
    load_module(autoencoder.encoder, part, "encoder")
    load_module(autoencoder.decoder, part, "decoder")
    return PaperModel(
        autoencoder.eval().to(device),
        load_module(StyleEncoder(), part, "style_encoder").to(device),
        load_module(PaperUNet(), part, "unet").to(device),
        part.preset.paper,
        part.preset.mel,
        paper_styles(part),
    )


def paper_styles(part: Part) -> dict[str, Tensor]:
    """The style clips of an ldm part, by name, in [-1, 1].

    Shape:
        Each ``(M, T)``.
    """
    prefix, suffix = "styles.", ".mel"
    return {
        name.removeprefix(prefix).removesuffix(suffix): uint8_to_mel(clip.numpy())
        for name, clip in sorted(part.tensors.items())
        if name.startswith(prefix) and name.endswith(suffix)
    }
