"""The ldm stage: style encoder, draft network and denoiser, trained beside one another.

The draft learns the target's mean by L1 and, against an adversary, the texture that a mean lacks; the denoiser learns,
in the frozen VAE's latent, to go on from there. The draft gets no gradient from the denoiser.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.audio.mel import db_per_unit
from stylebox.core.config import Preset
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.sampler import Example, ExampleSampler
from stylebox.core.diffusion.schedule import FlowSchedule, add_noise, velocity_target
from stylebox.core.models.content_encoder import shift_keys
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.discriminator import Discriminator
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import CLIP_SECONDS, StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.store.weights import fingerprint
from stylebox.core.training.crops import onset_marks, read_mel
from stylebox.core.training.losses import (
    audible_loss,
    contrastive_loss,
    diffusion_loss,
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
)
from stylebox.core.training.style_library import reference_timbres, style_library

_VALIDATION_TRIPLES = 32
_MARKED_SHARE = 0.75  # of the examples; the others keep the posterior, so that a note without a mark sounds, too
_WEIGHTS = {"draft": 1.0, "contrastive": 0.05, "diffusion": 1.0, "adversarial": 0.0, "matching": 2.0}


class LDMStage:
    """Trains the draft network, the style encoder and the denoiser.

    Args:
        store: What every recording plays, already heard.
        vae: Trained; stays as it is.
    """

    name = "ldm"

    def __init__(self, preset: Preset, dataset: Dataset, store: ContentCache, vae: VAE) -> None:
        self.preset, self.dataset, self.store = preset, dataset, store
        self.config = preset.stage("ldm")
        self.weights = self.config.weights_over(_WEIGHTS)
        self.style_frames = round(CLIP_SECONDS * preset.mel.frames_per_second)
        self.train = ExampleSampler(dataset.split("train"), self.config.crop_frames, self.style_frames)
        self.held_out = ExampleSampler(dataset.split("valid"), self.config.crop_frames, self.style_frames)
        self.speakers = reference_timbres(dataset.split("train"), self.config.speakers)
        self.labels = {name: number for number, name in enumerate(dataset.instruments)}
        self.schedule = FlowSchedule()
        self.vae = vae
        self.style_encoder = StyleEncoder(preset.style)
        self.draft = DraftNetwork(preset.draft, preset.style, preset.mel)
        self.denoiser = Denoiser(preset.denoiser, preset.vae, preset.style, preset.mel)
        self.parts: Mapping[str, nn.Module] = {
            "style_encoder": self.style_encoder,
            "draft": self.draft,
            "denoiser": self.denoiser,
        }
        self.groups: Mapping[str, Sequence[str]] = {"model": list(self.parts)}
        if self.weights["adversarial"] > 0:
            self.discriminator = Discriminator(preset.style)
            self.parts = {**self.parts, "discriminator": self.discriminator}
            self.groups = {**self.groups, "discriminator": ["discriminator"]}
        self.frozen = {"vae": vae}
        sections = ("mel", "style", "draft", "vae", "denoiser", "diffusion")
        self.settings: dict[str, Any] = {name: getattr(preset, name).model_dump() for name in sections}
        self.provenance = {
            "instruments": list(dataset.instruments),
            "content": store.folder.name,
            "vae": fingerprint(vae),
        }

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.config.seed, step))
        examples = self.train.draw(rng, self.config.batch_size)
        return self._read(examples, rng.random(len(examples)) < _MARKED_SHARE)

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        if group == "discriminator":
            return self._discriminator_losses(batch, generator)
        mel, content, curve = batch["mel"], batch["content"], batch["dynamics"]
        tokens, vector = self.style_encoder(batch["style"])
        alike = contrastive_loss(F.normalize(vector, dim=1), batch["label"])
        tokens, vector = self._drop_style(tokens, vector, generator)
        draft = self.draft(content, curve, tokens, vector)
        draft_loss = audible_loss(draft, mel)
        loss = self.weights["draft"] * draft_loss + self.weights["contrastive"] * alike
        shown = {"draft_db": draft_loss.detach() * db_per_unit(self.preset.mel), "contrastive": alike.detach()}
        if self.weights["adversarial"] > 0 and draft.requires_grad:
            scores, maps = self.discriminator(draft, vector.detach())
            with torch.no_grad():
                _, true_maps = self.discriminator(mel, vector)
            fooled, matched = generator_loss([scores], "least_squares"), feature_matching_loss([true_maps], [maps])
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
        rng = np.random.default_rng(1)
        examples = self.held_out.draw(rng, _VALIDATION_TRIPLES)
        batch = self._read(examples, np.ones(len(examples), bool))
        batch = {key: value.to(generator.device) for key, value in batch.items()}
        tokens, vector = self.style_encoder(batch["style"])
        draft = self.draft(batch["content"], batch["dynamics"], tokens, vector).clamp(-1, 1)
        per_unit = db_per_unit(self.preset.mel)
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
        """The style library: each instrument's tokens and vector."""
        return style_library(self.style_encoder, self.dataset, self.store, self.speakers, self.style_frames)

    def _discriminator_losses(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        with torch.no_grad():
            tokens, vector = self.style_encoder(batch["style"])
            tokens, vector = self._drop_style(tokens, vector, generator)
            draft = self.draft(batch["content"], batch["dynamics"], tokens, vector)
        true, made = self.discriminator(torch.cat([batch["mel"], draft]), torch.cat([vector, vector]))[0].chunk(2)
        return {"loss": discriminator_loss([true], [made], "least_squares")}

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
        """Velocity loss at times t."""
        with torch.no_grad():
            x_0, z_draft = self.vae.encode(mel), self.vae.encode(draft)
        eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
        x_t = add_noise(x_0, eps, t, self.schedule)
        predicted = self.denoiser(x_t, t, z_draft, content, curve, tokens, vector)
        return diffusion_loss(predicted, velocity_target(x_0, eps, t, self.schedule))

    def _drop_style(self, tokens: Tensor, vector: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Now and then nothing is said of the style, so that guidance has something to move away from."""
        chance = torch.rand(len(tokens), generator=generator, device=tokens.device)
        dropped = (chance < self.preset.diffusion.condition_dropout)[:, None]
        null_tokens, null_vector = self.style_encoder.null_tokens, self.style_encoder.null_vector
        return (
            torch.where(dropped[:, :, None], null_tokens.expand_as(tokens), tokens),
            torch.where(dropped, null_vector.expand_as(vector), vector),
        )

    def _read(self, examples: list[Example], marked: np.ndarray) -> dict[str, Tensor]:
        """A batch; where `marked`, onsets are the score's own, to the frame, not the posterior of what was heard."""
        frames = self.config.crop_frames
        mel = torch.stack([read_mel(self.dataset, x.target, x.start_frame, frames) for x in examples])
        content_mel = torch.stack([read_mel(self.dataset, x.content, x.start_frame, frames) for x in examples])
        style = torch.stack([read_mel(self.dataset, x.style, x.style_frame, self.style_frames) for x in examples])
        heard = torch.stack(
            [shift_keys(self.store.read(x.content, x.start_frame, frames), x.transpose) for x in examples]
        )
        content = F.pad(heard, (0, frames - heard.shape[-1]))
        for number in np.flatnonzero(marked):
            example = examples[number]
            if example.target.has_notes:
                content[number, 1] = onset_marks(self.dataset, example.target, example.start_frame, frames)
        return {
            "mel": mel,
            "content_mel": content_mel,
            "style": style,
            "content": content,
            "dynamics": dynamics(content_mel, self.preset.mel),
            "label": torch.tensor([self.labels[x.target.instrument] for x in examples]),
        }


def _gradient_ratio(first: Tensor, second: Tensor, at: Tensor) -> Tensor:
    """By how much the gradient of `first` is longer than that of `second`: keeps an adversary's pull in proportion.

    Reference:
        Esser et al. (2021), eq. 7. arXiv:2012.09841.
    """
    one, other = (torch.autograd.grad(loss, at, retain_graph=True)[0].float().norm() for loss in (first, second))
    return (one / (other + 1e-8)).clamp(0.0, 1e3).detach()
