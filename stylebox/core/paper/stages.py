"""The report's two stages: its autoencoder, then its denoiser with the encoder frozen (`docs/paper.md`).

Networks, loss terms and their order are the report's; what was a fault in it is mended. Eq. N is the number in
Prioteasa & Stempel-Hauburger (2025).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.audio.mel import db_per_unit, mel_to_uint8
from stylebox.core.config import Preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import Example, ExampleSampler
from stylebox.core.diffusion.schedule import add_noise, to_x0_eps, velocity_target
from stylebox.core.models.frozen import freeze
from stylebox.core.paper.losses import paper_loss, paper_reconstruction_loss, style_loss
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, SpectrogramDecoder, StyleEncoder
from stylebox.core.paper.schedule import paper_schedule
from stylebox.core.training.crops import MelCrops, read_mel
from stylebox.core.training.losses import Features, diffusion_loss, reconstruction_loss
from stylebox.core.training.style_library import reference_clips, reference_timbres

_VALIDATION_CROPS = 32
_CANDIDATES_PER_STYLE = 24


class PaperVAEStage:
    """Stage 1: trains the autoencoder on crops of every recording, by eq. 10.

    Args:
        features: Perceptual features; None leaves their term out.
    """

    name = "vae"

    def __init__(self, preset: Preset, dataset: Dataset, features: Features | None = None) -> None:
        self.preset, self.features = preset, features
        self.config = preset.stage("vae")
        self.weights = self.config.weights_over({"perceptual": 0.1, "kl": 0.01})
        self.crops = MelCrops(dataset, "train", self.config.crop_frames)
        self.held_out = MelCrops(dataset, "valid", self.config.crop_frames)
        self.autoencoder = PaperAutoencoder()
        self.parts: Mapping[str, nn.Module] = {
            "encoder": self.autoencoder.encoder,
            "decoder": self.autoencoder.decoder,
        }
        self.groups: Mapping[str, Sequence[str]] = {"model": list(self.parts)}
        self.frozen = _networks(features)
        self.settings = _settings(preset)
        self.provenance = _provenance(dataset, features)

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.config.seed, step))
        return {"mel": self.crops.draw(rng, self.config.batch_size)[:, None]}

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        mel = batch["mel"]
        z = self.autoencoder.encode(mel).float()  # a network may answer in half precision
        back = _decode(self.autoencoder.decoder, z, mel)
        loss = paper_reconstruction_loss(back, mel, z, self.features, self.weights["perceptual"], self.weights["kl"])
        return {"loss": loss, "l1_db": _distance_db(back, mel, self.preset)}

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        mel = self.held_out.draw(np.random.default_rng(1), _VALIDATION_CROPS)[:, None].to(generator.device)
        losses = self.losses({"mel": mel}, generator, "model")
        return {key: float(value) for key, value in losses.items()}


class PaperLDMStage:
    """Stage 2: trains denoiser, style encoder and decoder by eq. 9; the encoder is a constant.

    The target is its own content (the report has no other path for it than what the noise leaves), and the style
    clip is another recording in the target's sound.

    Args:
        autoencoder: Trained; its encoder stays as it is, buffers included, and is saved with the rest.
        features: Perceptual features; None leaves their terms out.
    """

    name = "ldm"

    def __init__(
        self,
        preset: Preset,
        dataset: Dataset,
        autoencoder: PaperAutoencoder,
        features: Features | None = None,
    ) -> None:
        self.preset, self.dataset, self.features = preset, dataset, features
        self.config = preset.stage("ldm")
        # eq. 10's prior would move the encoder's latent, which no longer moves: its weight is 0 here
        terms = {"reconstruction": 1.0, "style": 0.1, "diffusion": 1.0, "perceptual": 0.1, "kl": 0.0}
        self.weights = self.config.weights_over(terms)
        frames = self.config.crop_frames
        self.speakers = reference_timbres(dataset.split("train"), self.config.speakers)
        self.train = ExampleSampler(dataset.split("train"), frames, frames, pair_share=0.0)
        self.held_out = ExampleSampler(dataset.split("valid"), frames, frames, pair_share=0.0)
        self.schedule = paper_schedule(preset.paper)
        self.encoder = freeze(autoencoder.encoder)
        self.decoder: SpectrogramDecoder = autoencoder.decoder.requires_grad_(True)
        self.style_encoder = StyleEncoder()
        self.unet = PaperUNet()
        self.parts: Mapping[str, nn.Module] = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "style_encoder": self.style_encoder,
            "unet": self.unet,
        }
        self.groups: Mapping[str, Sequence[str]] = {"model": ["decoder", "style_encoder", "unet"]}
        self.frozen = _networks(features)
        self.settings = _settings(preset)
        self.provenance = _provenance(dataset, features)

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.config.seed, step))
        return self._read(self.train.draw(rng, self.config.batch_size))

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        t = 1 - torch.rand(len(batch["mel"]), generator=generator, device=generator.device)  # in (0, 1]
        return self._losses_at(t, batch["mel"], batch["style"], generator)

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        batch = self._read(self.held_out.draw(np.random.default_rng(1), _VALIDATION_CROPS))
        mel, style = (batch[key].to(generator.device) for key in ("mel", "style"))
        t = torch.linspace(0.05, 1.0, len(mel), device=generator.device)
        return {key: float(value) for key, value in self._losses_at(t, mel, style, generator).items()}

    def export(self) -> dict[str, Tensor]:
        """One clip of each instrument, ``styles.<name>.mel``: uint8 ``(M, T)``, T of one crop."""
        return style_clips(self.dataset, self.speakers, self.config.crop_frames)

    def _losses_at(self, t: Tensor, mel: Tensor, style: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Eq. 9 and its terms at times t, ``(B,)``; mels ``(B, 1, M, T)``."""
        with torch.no_grad():
            x_0 = self.encoder(mel).float()
        eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
        x_t = add_noise(x_0, eps, t, self.schedule)
        velocity = self.unet(x_t, t, self.style_encoder(style)).float()
        z, _ = to_x0_eps(velocity, x_t, t, self.schedule)
        back = _decode(self.decoder, z, mel)
        weights, features = self.weights, self.features
        reconstruction = paper_reconstruction_loss(back, mel, x_0, features, weights["perceptual"], weights["kl"])
        likeness = None if features is None else style_loss(features, back, style, "maps")
        noise_loss = diffusion_loss(velocity, velocity_target(x_0, eps, t, self.schedule))
        loss = paper_loss(
            reconstruction,
            likeness,
            noise_loss,
            weights["reconstruction"],
            weights["style"],
            weights["diffusion"],
        )
        shown = {"diffusion": noise_loss.detach(), "l1_db": _distance_db(back, mel, self.preset)}
        return {"loss": loss, **shown} | ({} if likeness is None else {"style": likeness.detach()})

    def _read(self, examples: list[Example]) -> dict[str, Tensor]:
        frames = self.config.crop_frames
        mels = [read_mel(self.dataset, x.target, x.start_frame, frames) for x in examples]
        styles = [read_mel(self.dataset, x.style, x.style_frame, frames) for x in examples]
        return {"mel": torch.stack(mels)[:, None], "style": torch.stack(styles)[:, None]}


def style_clips(dataset: Dataset, speaking: Mapping[str, list[Recording]], num_frames: int) -> dict[str, Tensor]:
    """The clip of each instrument whose mean spectrum is most like that of many, as ``styles.<name>.mel``.

    Depends on the dataset alone: a silent bar or an odd one speaks for nobody.

    Shape:
        Each uint8 ``(M, num_frames)``; see `uint8_to_mel`.
    """
    clips: dict[str, Tensor] = {}
    for name, recordings in speaking.items():
        candidates = reference_clips(dataset, recordings, _CANDIDATES_PER_STYLE, num_frames)
        spectra = candidates.mean(-1)
        nearest = int((spectra - spectra.mean(0)).square().sum(1).argmin())
        clips[f"styles.{name}.mel"] = torch.from_numpy(mel_to_uint8(candidates[nearest]))
    return clips


def _decode(decoder: nn.Module, z: Tensor, mel: Tensor) -> Tensor:
    """z as a mel of `mel`'s size: the decoder's comes in multiples of 8."""
    back: Tensor = decoder(z)[..., : mel.shape[-2], : mel.shape[-1]]
    return back.float()


def _distance_db(prediction: Tensor, mel: Tensor, preset: Preset) -> Tensor:
    return reconstruction_loss(prediction.detach(), mel) * db_per_unit(preset.mel)


def _networks(features: Features | None) -> dict[str, nn.Module]:
    """What the loop must move to the device along with the stage."""
    return {"features": features} if isinstance(features, nn.Module) else {}


def _settings(preset: Preset) -> dict[str, Any]:
    return {"family": "paper", "mel": preset.mel.model_dump(), "paper": preset.paper.model_dump()}


def _provenance(dataset: Dataset, features: Features | None) -> dict[str, Any]:
    return {
        "recordings": len(dataset.split("train")),
        "instruments": list(dataset.instruments),
        "features": type(features).__name__ if features is not None else "none",
    }
