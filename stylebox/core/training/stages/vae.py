"""The VAE stage: mel -> latent -> mel."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.audio.mel import db_per_unit
from stylebox.core.config import TrainConfig, VAEConfig
from stylebox.core.data.dataset import Dataset
from stylebox.core.models.vae import VAE
from stylebox.core.training.crops import MelCrops
from stylebox.core.training.losses import Features, feature_loss, kl_loss, reconstruction_loss
from stylebox.core.training.material import Material
from stylebox.core.training.stages.base import MaterialStage

_VALIDATION_CROPS = 32


class VAEStage(MaterialStage):
    """Trains a `VAE` on crops of every recording."""

    name = "vae"

    def __init__(self, dataset: Dataset, config: TrainConfig, vae: VAEConfig, features: Features | None = None) -> None:
        """Make the network and the samplers of crops.

        Args:
            dataset: Recordings in both splits.
            config: Of this stage's training.
            vae: Sizes of the autoencoder.
            features: Perceptual features for the loss; None leaves that term out.

        Raises:
            ConfigError: The configuration weighs a loss term that does not exist.
            DatasetError: A split is empty.
        """
        self.config, self.features, self.mel = config, features, dataset.mel_config
        self.weights = config.weights_over({"kl": 1e-4, "gradient": 0.5, "perceptual": 0.0})
        self.material = Material(dataset, config, lambda train: MelCrops(dataset, train, config.crop_frames))
        self.held_out = MelCrops(dataset, dataset.split("valid"), config.crop_frames)
        self.scale_crops = MelCrops(dataset, dataset.references, config.crop_frames)
        self.vae = VAE(vae)
        super().__init__({"vae": self.vae})
        self.frozen = {"features": features} if isinstance(features, nn.Module) else {}
        self.settings = {"mel": self.mel.model_dump(), "vae": vae.model_dump()}
        self.provenance = {"recordings": len(dataset.split("train")), "instruments": list(dataset.instruments)}

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Reconstruction, KL, edges and perceptual features; see `Stage.losses`.

        Args:
            batch: What `expand` returned.
            generator: The only source of randomness.
            group: "model", the only one.

        Shape:
            Every loss is a scalar.
        """
        mel = batch["mel"]
        mean, log_variance = self.vae.posterior(mel)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        back = self.vae.reconstruct(mean + noise * (0.5 * log_variance).exp())[..., : mel.shape[-1]]
        l1, kl = reconstruction_loss(back, mel), kl_loss(mean, log_variance)
        edges = _gradient_loss(back, mel)
        loss = l1 + self.weights["kl"] * kl + self.weights["gradient"] * edges
        shown = {"l1_db": l1.detach() * db_per_unit(self.mel), "kl": kl.detach()}
        if self.features is not None and self.weights["perceptual"] > 0:
            perceptual = feature_loss(self.features, back, mel)
            loss = loss + self.weights["perceptual"] * perceptual
            shown["perceptual"] = perceptual.detach()
        return {"loss": loss, **shown}

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """See `Stage.validate`."""
        rng = np.random.default_rng(1)
        mel = self.held_out.draw(rng, _VALIDATION_CROPS).to(generator.device)
        mean, log_variance = self.vae.posterior(mel)
        l1 = reconstruction_loss(self.vae.reconstruct(mean)[..., : mel.shape[-1]], mel)
        return {
            "loss": float(l1),
            "l1_db": float(l1) * db_per_unit(self.mel),
            "kl": float(kl_loss(mean, log_variance)),
        }

    def export(self) -> dict[str, Tensor]:
        """The scale that gives latents unit variance, measured on training crops.

        Shape:
            ``vae.scale`` is a scalar.
        """
        rng = np.random.default_rng(2)
        device = self.vae.scale.device
        mean, _ = self.vae.posterior(self.scale_crops.draw(rng, _VALIDATION_CROPS).to(device))
        return {"vae.scale": 1.0 / mean.std().clamp_min(1e-6)}


def _gradient_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """L1 distance of the differences between neighbouring cells in time and in frequency: penalises blurred edges."""
    in_time = F.l1_loss(prediction.diff(dim=-1), target.diff(dim=-1))
    return in_time + F.l1_loss(prediction.diff(dim=-2), target.diff(dim=-2))
