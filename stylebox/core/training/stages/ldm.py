"""The ldm stage: trains style encoder, draft network and denoiser together.

The draft minimises the L1 distance to the target and, optionally, an adversary's loss. The denoiser is conditioned on
the draft and works in the latent of the frozen VAE. The draft gets no gradient from the denoiser.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.mel import db_per_unit
from stylebox.core.config import (
    DenoiserConfig,
    DiffusionConfig,
    DraftConfig,
    MelConfig,
    Preset,
    Section,
    StyleEncoderConfig,
    TrainConfig,
    VAEConfig,
)
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import ExampleSampler
from stylebox.core.diffusion.schedule import FlowSchedule, add_noise, velocity_target
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.discriminator import Discriminator
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import CLIP_SECONDS, StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.store.weights import fingerprint
from stylebox.core.training.examples import ExampleReader
from stylebox.core.training.losses import (
    audible_loss,
    contrastive_loss,
    diffusion_loss,
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
)
from stylebox.core.training.material import Material
from stylebox.core.training.stages.base import MaterialStage
from stylebox.core.training.style_library import reference_timbres, style_library

_VALIDATION_EXAMPLES = 32
_WEIGHTS = {"draft": 1.0, "contrastive": 0.05, "diffusion": 1.0, "adversarial": 0.0, "matching": 2.0}


@dataclass(frozen=True)
class LDMSections:
    """The sections of a preset that this stage needs."""

    style: StyleEncoderConfig
    draft: DraftConfig
    vae: VAEConfig
    denoiser: DenoiserConfig
    diffusion: DiffusionConfig

    @classmethod
    def of(cls, preset: Preset) -> "LDMSections":
        """The sections of a preset."""
        return cls(preset.style, preset.draft, preset.vae, preset.denoiser, preset.diffusion)

    def settings(self, mel: MelConfig) -> dict[str, Any]:
        """Everything the weights depend on, as JSON values."""
        sections: dict[str, Section] = {
            "mel": mel,
            "style": self.style,
            "draft": self.draft,
            "vae": self.vae,
            "denoiser": self.denoiser,
            "diffusion": self.diffusion,
        }
        return {name: section.model_dump() for name, section in sections.items()}


class LDMStage(MaterialStage):
    """Trains the draft network, the style encoder and the denoiser."""

    name = "ldm"

    def __init__(
        self, dataset: Dataset, content: ContentCache, vae: VAE, config: TrainConfig, sections: LDMSections
    ) -> None:
        """Make the networks and the samplers of examples.

        Args:
            dataset: Recordings in both splits.
            content: Posteriors of every recording, already computed.
            vae: Trained; it stays unchanged.
            config: Of this stage's training.
            sections: Sizes of the networks, and the diffusion.

        Raises:
            ConfigError: The configuration weighs a loss term that does not exist.
            DatasetError: A split is empty, or `config.reference_timbres` names a timbre that does not exist.
        """
        self.dataset, self.content, self.vae = dataset, content, vae
        self.config, self.diffusion, self.mel = config, sections.diffusion, dataset.mel_config
        self.weights = config.weights_over(_WEIGHTS)
        self.style_frames = round(CLIP_SECONDS * self.mel.frames_per_second)
        self.held_out = ExampleSampler(dataset.split("valid"), config.crop_frames, self.style_frames)
        self.material = Material(dataset, config, self._reader)
        self.held_out_reader = ExampleReader(content, self.held_out)
        self.reference_timbres = reference_timbres(dataset.references, config.reference_timbres)
        self.schedule = FlowSchedule()
        self.style_encoder = StyleEncoder(sections.style)
        self.draft = DraftNetwork(sections.draft, sections.style, self.mel)
        self.denoiser = Denoiser(sections.denoiser, sections.vae, sections.style, self.mel)
        super().__init__({"style_encoder": self.style_encoder, "draft": self.draft, "denoiser": self.denoiser})
        if self.weights["adversarial"] > 0:
            self.discriminator = Discriminator(sections.style)
            self.parts = {**self.parts, "discriminator": self.discriminator}
            self.groups = {**self.groups, "discriminator": ["discriminator"]}
        self.frozen = {"vae": vae}
        self.settings = sections.settings(self.mel)
        self.provenance = {
            "instruments": list(dataset.instruments),
            "content": content.folder.name,
            "vae": fingerprint(vae),
        }

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Draft, contrastive, adversarial and diffusion losses; see `Stage.losses`.

        Args:
            batch: What `expand` returned.
            generator: The only source of randomness.
            group: "model" or "discriminator".

        Shape:
            Every loss is a scalar.
        """
        if group == "discriminator":
            return self._discriminator_losses(batch, generator)
        mel, content, curve = batch["mel"], batch["content"], batch["dynamics"]
        tokens, vector = self.style_encoder(batch["style"])
        alike = contrastive_loss(F.normalize(vector, dim=1), batch["label"])
        tokens, vector = self._drop_style(tokens, vector, generator)
        draft = self.draft(content, curve, tokens, vector)
        draft_loss = audible_loss(draft, mel)
        loss = self.weights["draft"] * draft_loss + self.weights["contrastive"] * alike
        shown = {"draft_db": draft_loss.detach() * db_per_unit(self.mel), "contrastive": alike.detach()}
        if self.weights["adversarial"] > 0 and draft.requires_grad:
            scores, maps = self.discriminator(draft, vector.detach())
            with torch.no_grad():
                _, true_maps = self.discriminator(mel, vector)
            fooled, matched = generator_loss([scores]), feature_matching_loss([true_maps], [maps])
            adversary = fooled + self.weights["matching"] * matched
            share = self.weights["adversarial"] * _gradient_ratio(draft_loss, adversary, draft)
            loss = loss + share * adversary
            shown |= {"fooled": fooled.detach(), "matching": matched.detach()}
        if self.weights["diffusion"] > 0:
            t = torch.rand(len(mel), generator=generator, device=mel.device)
            noise_loss = self._diffusion(mel, draft.detach().clamp(-1, 1), t, content, curve, tokens, vector, generator)
            loss = loss + self.weights["diffusion"] * noise_loss
            shown["diffusion"] = noise_loss.detach()
        return {"loss": loss, **shown}

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """See `Stage.validate`."""
        rng = np.random.default_rng(1)
        examples = self.held_out.draw(rng, _VALIDATION_EXAMPLES)
        batch = self.held_out_reader.read(examples, np.ones(len(examples), bool))
        batch = {key: value.to(generator.device) for key, value in batch.items()}
        tokens, vector = self.style_encoder(batch["style"])
        draft = self.draft(batch["content"], batch["dynamics"], tokens, vector).clamp(-1, 1)
        per_unit = db_per_unit(self.mel)
        draft_loss = float(audible_loss(draft, batch["mel"]))
        scores = {
            "loss": draft_loss,
            "draft_db": draft_loss * per_unit,
            "copy_db": float(audible_loss(batch["content_mel"], batch["mel"])) * per_unit,
        }
        if self.weights["diffusion"] > 0:
            t = torch.linspace(0.05, 1.0, len(draft), device=draft.device)
            noise_loss = self._diffusion(
                batch["mel"], draft, t, batch["content"], batch["dynamics"], tokens, vector, generator
            )
            scores["diffusion"] = float(noise_loss)
            scores["loss"] += self.weights["diffusion"] * float(noise_loss)
        return scores

    def export(self) -> dict[str, Tensor]:
        """The style library: tokens, vector and playing range of each instrument.

        Shape:
            See `style_library`.
        """
        return style_library(self.style_encoder, self.dataset, self.content, self.reference_timbres, self.style_frames)

    def _reader(self, recordings: list[Recording]) -> ExampleReader:
        """Reads examples of some recordings."""
        self.content.fill(recordings, next(self.content.encoder.parameters()).device)
        return ExampleReader(self.content, ExampleSampler(recordings, self.config.crop_frames, self.style_frames))

    def _discriminator_losses(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        with torch.no_grad():
            tokens, vector = self.style_encoder(batch["style"])
            tokens, vector = self._drop_style(tokens, vector, generator)
            draft = self.draft(batch["content"], batch["dynamics"], tokens, vector)
        true, made = self.discriminator(torch.cat([batch["mel"], draft]), torch.cat([vector, vector]))[0].chunk(2)
        return {"loss": discriminator_loss([true], [made])}

    def _diffusion(
        self,
        mel: Tensor,
        draft: Tensor,
        t: Tensor,
        content: Tensor,
        curve: Tensor,
        tokens: Tensor,
        vector: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Velocity loss at times t, ``(B,)``."""
        with torch.no_grad():
            x_0, z_draft = self.vae.encode(mel), self.vae.encode(draft)
        eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
        x_t = add_noise(x_0, eps, t, self.schedule)
        predicted = self.denoiser(x_t, t, z_draft, self.denoiser.draw(content, curve), tokens, vector)
        return diffusion_loss(predicted, velocity_target(x_0, eps, t, self.schedule))

    def _drop_style(self, tokens: Tensor, vector: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Replace a random share of the styles by the null style, which classifier-free guidance needs."""
        draw = torch.rand(len(tokens), generator=generator, device=tokens.device)
        dropped = (draw < self.diffusion.condition_dropout)[:, None]
        null_tokens, null_vector = self.style_encoder.null_tokens, self.style_encoder.null_vector
        return (
            torch.where(dropped[:, :, None], null_tokens.expand_as(tokens), tokens),
            torch.where(dropped, null_vector.expand_as(vector), vector),
        )


def _gradient_ratio(first: Tensor, second: Tensor, at: Tensor) -> Tensor:
    """Ratio of the norms of two losses' gradients at `at`: keeps an adversary in proportion to the draft loss.

    Reference:
        Esser et al. (2021), eq. 7. arXiv:2012.09841.
    """
    one, other = (torch.autograd.grad(loss, at, retain_graph=True)[0].float().norm() for loss in (first, second))
    ratio: torch.Tensor = one / (other + 1e-8)
    return ratio.clamp(0.0, 1e3).detach()
