"""An installed model of preset `paper`: reads its parts and checks them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from stylebox.core.audio.mel import uint8_to_mel
from stylebox.core.config import MelConfig, PaperConfig
from stylebox.core.errors import ModelError
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, StyleEncoder
from stylebox.core.store.library import Part, load_module, load_part, part_path
from stylebox.core.store.weights import group_of, load_metadata


def load_paper_part(model: str, stage: str, mel: MelConfig | None = None) -> Part:
    """Read one part of a model of the paper's networks. A missing part is not taken from the shipped model.

    Args:
        model: Its name, or a folder.
        stage: Training stage that wrote the part: "vae" or "ldm".
        mel: Mel settings that the part must have; default: any.

    Raises:
        ModelError: the part is missing, damaged, of other networks, or made with other mel settings.
    """
    missing = f"model {model!r} has no part {stage!r} of the paper's networks"
    fix = f"train it with `stylebox train {stage} --preset paper --name {model}`"
    try:
        path = part_path(model, stage)
    except ModelError:
        raise ModelError(f"{missing}; {fix}") from None
    if group_of(load_metadata(path), "config").get("family") != "paper":
        raise ModelError(f"{missing}; {fix}")
    return load_part(model, stage, mel)


def load_paper_autoencoder(model: str, mel: MelConfig) -> PaperAutoencoder:
    """Read the autoencoder that stage 1 trained, in evaluation mode.

    Raises:
        ModelError: the part is missing, damaged, of other networks, or made with other mel settings.
    """
    return _load_autoencoder(load_paper_part(model, "vae", mel))


@dataclass(frozen=True)
class PaperModel:
    """A trained model of the paper's networks, in evaluation mode.

    Attributes:
        autoencoder: From mel to latent and back.
        style_encoder: From the mel of a style clip to the maps that the denoiser attends to.
        unet: The denoiser.
        config: Its noise schedule and the default options of sampling.
        mel: Its mel settings.
        styles: One clip per instrument of the training set, by name: mels ``(M, T)`` in [-1, 1].
    """

    autoencoder: PaperAutoencoder
    style_encoder: StyleEncoder
    unet: PaperUNet
    config: PaperConfig
    mel: MelConfig
    styles: dict[str, Tensor]

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.unet.parameters()).device


def load_paper_model(model: str, mel: MelConfig | None = None, device: torch.device | str = "cpu") -> PaperModel:
    """Read an installed model. Its part "ldm" holds all networks that a transfer needs.

    Args:
        model: Its name, or a folder.
        mel: Mel settings that the model must have; default: any.
        device: Where the networks compute.

    Raises:
        ModelError: the model is missing, damaged, of other networks, or made with other mel settings.
    """
    part = load_paper_part(model, "ldm", mel)
    return PaperModel(
        _load_autoencoder(part).to(device),
        load_module(StyleEncoder(), part, "style_encoder").to(device),
        load_module(PaperUNet(), part, "unet").to(device),
        part.preset.paper,
        part.preset.mel,
        paper_styles(part),
    )


def paper_styles(part: Part) -> dict[str, Tensor]:
    """The style clips in a part "ldm", by name: mels in [-1, 1].

    Shape:
        Every mel is ``(M, T)``.
    """
    prefix, suffix = "styles.", ".mel"
    return {
        name.removeprefix(prefix).removesuffix(suffix): uint8_to_mel(clip.numpy())
        for name, clip in sorted(part.tensors.items())
        if name.startswith(prefix) and name.endswith(suffix)
    }


def _load_autoencoder(part: Part) -> PaperAutoencoder:
    """The autoencoder of a part, in evaluation mode."""
    autoencoder = PaperAutoencoder()
    load_module(autoencoder.encoder, part, "encoder")
    load_module(autoencoder.decoder, part, "decoder")
    return autoencoder.eval()
