"""The paper's two training stages: the autoencoder, then the denoiser with the encoder frozen (`docs/paper.md`).

Networks, loss terms and their order are those of the paper; the faults of its code are fixed. "Eq. N" is the number in
Prioteasa & Stempel-Hauburger (2025).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.audio.mel import db_per_unit, mel_to_uint8
from stylebox.core.config import MelConfig, PaperConfig, TrainConfig
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import Examples, ExampleSampler
from stylebox.core.diffusion.schedule import add_noise, to_x0_eps, velocity_target
from stylebox.core.models.frozen import freeze
from stylebox.core.paper.losses import paper_loss, paper_reconstruction_loss, style_loss
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, SpectrogramDecoder, StyleEncoder
from stylebox.core.paper.schedule import paper_schedule
from stylebox.core.training.crops import MelCrops, read_mel
from stylebox.core.training.losses import Features, diffusion_loss, reconstruction_loss
from stylebox.core.training.material import Material
from stylebox.core.training.stages.base import MaterialStage, Stage
from stylebox.core.training.style_library import reference_clips, reference_timbres

_VALIDATION_CROPS = 32
_CANDIDATES_PER_STYLE = 24


class PaperVAEStage(MaterialStage):
    """Stage 1: trains the autoencoder on crops of every recording, by eq. 10."""

    name = "vae"

    def __init__(
        self, dataset: Dataset, config: TrainConfig, paper: PaperConfig, features: Features | None = None
    ) -> None:
        """Make the network and the samplers of crops.

        Args:
            dataset: Recordings in both splits.
            config: Of this stage's training.
            paper: The paper's numbers, saved with the weights.
            features: Perceptual features; None leaves their term out.

        Raises:
            ConfigError: The configuration weighs a loss term that does not exist.
            DatasetError: A split is empty.
        """
        self.config, self.features, self.mel = config, features, dataset.mel_config
        self.weights = config.weights_over({"perceptual": 0.1, "kl": 0.01})
        self.material = Material(dataset, config, lambda train: MelCrops(dataset, train, config.crop_frames))
        self.held_out = MelCrops(dataset, dataset.split("valid"), config.crop_frames)
        self.autoencoder = PaperAutoencoder()
        super().__init__({"encoder": self.autoencoder.encoder, "decoder": self.autoencoder.decoder})
        self.frozen = _networks(features)
        self.settings = _settings(self.mel, paper)
        self.provenance = _provenance(dataset, features)

    def expand(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mels in [-1, 1].

        Shape:
            "mel" is ``(B, 1, M, T)``.
        """
        return {"mel": super().expand(batch)["mel"][:, None]}

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Eq. 10 of one batch, and the distance of the mels in dB.

        Args:
            batch: Mels ``(B, 1, M, T)`` in [-1, 1].
            generator: Not used: this stage draws no noise.
            group: Not used: there is one optimiser.

        Shape:
            Every loss is a scalar.
        """
        mel = batch["mel"]
        z = self.autoencoder.encode(mel).float()  # a network may answer in half precision
        back = _decode(self.autoencoder.decoder, z, mel)
        loss = paper_reconstruction_loss(back, mel, z, self.features, self.weights["perceptual"], self.weights["kl"])
        return {"loss": loss, "l1_db": _distance_db(back, mel, self.mel)}

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """Losses of held-out crops, the same ones every time."""
        mel = self.held_out.draw(np.random.default_rng(1), _VALIDATION_CROPS)[:, None].to(generator.device)
        losses = self.losses({"mel": mel}, generator, "model")
        return {key: float(value) for key, value in losses.items()}


class PaperLDMStage(Stage):
    """Stage 2: trains denoiser, style encoder and decoder by eq. 9; the encoder stays unchanged.

    The target is its own content: the paper has no other path for the content than the signal that the noise leaves.
    The style clip is another recording of the target's timbre.
    """

    name = "ldm"

    def __init__(
        self,
        dataset: Dataset,
        autoencoder: PaperAutoencoder,
        config: TrainConfig,
        paper: PaperConfig,
        features: Features | None = None,
    ) -> None:
        """Make the networks and the samplers of examples.

        Args:
            dataset: Recordings in both splits.
            autoencoder: Trained; its encoder stays unchanged, buffers included, and is saved with the rest.
            config: Of this stage's training.
            paper: The paper's noise schedule.
            features: Perceptual features; None leaves their terms out.

        Raises:
            ConfigError: The configuration weighs a loss term that does not exist.
            DatasetError: A split is empty, or `config.reference_timbres` names a timbre that does not exist.
        """
        self.dataset, self.features, self.config, self.mel = dataset, features, config, dataset.mel_config
        # eq. 10's prior would move the encoder's latent, and the encoder is frozen: its weight is 0 here
        terms = {"reconstruction": 1.0, "style": 0.1, "diffusion": 1.0, "perceptual": 0.1, "kl": 0.0}
        self.weights = config.weights_over(terms)
        frames = config.crop_frames
        self.reference_timbres = reference_timbres(dataset.split("train"), config.reference_timbres)
        self.train = ExampleSampler(dataset.split("train"), frames, frames, pair_share=0.0)
        self.held_out = ExampleSampler(dataset.split("valid"), frames, frames, pair_share=0.0)
        self.schedule = paper_schedule(paper)
        self.encoder = freeze(autoencoder.encoder)
        self.decoder: SpectrogramDecoder = autoencoder.decoder.requires_grad_(True)
        self.style_encoder = StyleEncoder()
        self.unet = PaperUNet()
        parts = {"decoder": self.decoder, "style_encoder": self.style_encoder, "unet": self.unet}
        super().__init__({"encoder": self.encoder, **parts})
        self.groups = {"model": list(parts)}
        self.frozen = _networks(features)
        self.settings = _settings(self.mel, paper)
        self.provenance = _provenance(dataset, features)

    def batch(self, step: int) -> dict[str, Tensor]:
        """Draw random pairs of a target and a style clip, mels in [-1, 1].

        Shape:
            "mel" and "style" are ``(B, 1, M, T)``.
        """
        rng = np.random.default_rng((self.config.seed, step))
        return self._read(self.train.draw(rng, self.config.batch_size)[self.share])

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Eq. 9 of one batch at random times, and its terms.

        Args:
            batch: Mels and style clips, both ``(B, 1, M, T)`` in [-1, 1].
            generator: Source of the times and of the noise.
            group: Not used: there is one optimiser.

        Shape:
            Every loss is a scalar.
        """
        t = 1 - torch.rand(len(batch["mel"]), generator=generator, device=generator.device)  # in (0, 1]
        return self._losses_at(t, batch["mel"], batch["style"], generator)

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """Losses of held-out pairs, the same ones every time, at times spread evenly over [0.05, 1]."""
        batch = self._read(self.held_out.draw(np.random.default_rng(1), _VALIDATION_CROPS))
        mel, style = (batch[key].to(generator.device) for key in ("mel", "style"))
        t = torch.linspace(0.05, 1.0, len(mel), device=generator.device)
        return {key: float(value) for key, value in self._losses_at(t, mel, style, generator).items()}

    def export(self) -> dict[str, Tensor]:
        """One clip per instrument, as ``styles.<name>.mel``; see `style_clips`.

        Shape:
            Each ``(M, T)``, uint8; T is the length of a crop.
        """
        return style_clips(self.dataset, self.reference_timbres, self.config.crop_frames)

    def _losses_at(self, t: Tensor, mel: Tensor, style: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Eq. 9 and its terms at times t, ``(B,)``, for mels ``(B, 1, M, T)``."""
        with torch.no_grad():
            x_0 = self.encoder(mel).float()
        eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
        x_t = add_noise(x_0, eps, t, self.schedule)
        velocity = self.unet(x_t, t, self.style_encoder(style)).float()
        z, _ = to_x0_eps(velocity, x_t, t, self.schedule)
        back = _decode(self.decoder, z, mel)
        weights, features = self.weights, self.features
        reconstruction = paper_reconstruction_loss(back, mel, x_0, features, weights["perceptual"], weights["kl"])
        likeness = None if features is None else style_loss(features, back, style)
        noise_loss = diffusion_loss(velocity, velocity_target(x_0, eps, t, self.schedule))
        loss = paper_loss(
            reconstruction,
            likeness,
            noise_loss,
            weights["reconstruction"],
            weights["style"],
            weights["diffusion"],
        )
        shown = {"diffusion": noise_loss.detach(), "l1_db": _distance_db(back, mel, self.mel)}
        return {"loss": loss, **shown} | ({} if likeness is None else {"style": likeness.detach()})

    def _read(self, examples: Examples) -> dict[str, Tensor]:
        frames = self.config.crop_frames
        mels = [read_mel(self.dataset, x.target, x.start_frame, frames) for x in examples]
        styles = [read_mel(self.dataset, x.style, x.style_frame, frames) for x in examples]
        return {"mel": torch.stack(mels)[:, None], "style": torch.stack(styles)[:, None]}


def style_clips(dataset: Dataset, recordings: Mapping[str, list[Recording]], num_frames: int) -> dict[str, Tensor]:
    """The most typical clip of each instrument, as ``styles.<name>.mel``.

    It is the clip whose mean spectrum is nearest to the mean of many clips, so neither silence nor an unusual bar.

    Args:
        dataset: Holds the recordings.
        recordings: Of each instrument's reference timbre, by instrument.
        num_frames: Length of a clip.

    Shape:
        Each uint8 ``(M, num_frames)``; see `uint8_to_mel`.
    """
    clips: dict[str, Tensor] = {}
    for name, own in recordings.items():
        candidates = reference_clips(dataset, own, _CANDIDATES_PER_STYLE, num_frames)
        spectra = candidates.mean(-1)
        nearest = int((spectra - spectra.mean(0)).square().sum(1).argmin())
        clips[f"styles.{name}.mel"] = torch.from_numpy(mel_to_uint8(candidates[nearest]))
    return clips


def _decode(decoder: nn.Module, z: Tensor, mel: Tensor) -> Tensor:
    """Decode z and crop the result to the size of `mel`; the decoder gives multiples of 8."""
    back: Tensor = decoder(z)[..., : mel.shape[-2], : mel.shape[-1]]
    return back.float()


def _distance_db(prediction: Tensor, mel: Tensor, config: MelConfig) -> Tensor:
    return reconstruction_loss(prediction.detach(), mel) * db_per_unit(config)


def _networks(features: Features | None) -> dict[str, nn.Module]:
    """The features as a network for the trainer to move to the device, if they are one."""
    return {"features": features} if isinstance(features, nn.Module) else {}


def _settings(mel: MelConfig, paper: PaperConfig) -> dict[str, Any]:
    return {"family": "paper", "mel": mel.model_dump(), "paper": paper.model_dump()}


def _provenance(dataset: Dataset, features: Features | None) -> dict[str, Any]:
    return {
        "recordings": len(dataset.split("train")),
        "instruments": list(dataset.instruments),
        "features": type(features).__name__ if features is not None else "none",
    }
