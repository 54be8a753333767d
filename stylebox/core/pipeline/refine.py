"""The diffusion: it gives a draft the detail that a mean cannot have."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.windows import in_mel_windows, stretch
from stylebox.core.device import half_precision
from stylebox.core.diffusion.sampling import Network, denoiser, dpm_solver_2m, guided, timesteps
from stylebox.core.diffusion.schedule import FlowSchedule, add_noise
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.options import Settings
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store.styles import Style

_SILENCE = -1.0
_NOISE_CELLS = 256  # drawn at once
_WINDOW_FRAMES = 3072  # of the mel, for the denoiser: its maps are small and its margins long


@dataclass(frozen=True)
class Refiner:
    """The networks of the diffusion; all are on one device.

    Attributes:
        vae: Between mel and latent.
        denoiser: Predicts velocity on the latent.
        style_encoder: Holds the null style for guidance.
    """

    vae: VAE
    denoiser: Denoiser
    style_encoder: StyleEncoder

    @torch.no_grad()
    def refine(
        self,
        draft: Tensor,
        content: Content,
        style: Style,
        settings: Settings,
        progress: ProgressCallback = silent,
        first_frame: int = 0,
    ) -> Tensor:
        """The draft, noised to the strength of the settings and denoised.

        The noise depends on the seed and the place in the recording, and the networks work in windows: parts of a
        recording agree, and memory is bounded.

        Args:
            draft: Mel in [-1, 1].
            content: Of the same frames.
            style: Sound to reach.
            settings: Steps above 0, strength in (0, 1], guidance scale, seed.
            progress: Called after every step.
            first_frame: Place of the draft in the recording; a multiple of the autoencoder's stride.

        Shape:
            draft and the result ``(M, T)``.

        Reference:
            Warm start: Meng et al. (2022), SDEdit. arXiv:2108.01073.
        """
        z_draft, schedule = self.encode(draft), FlowSchedule()
        first = first_frame // self.vae.stride
        eps = noise_at(settings.seed, first, first + z_draft.shape[-1], z_draft.shape[1:3]).to(draft.device)
        start = torch.full((1,), settings.strength, device=draft.device)
        z = dpm_solver_2m(
            denoiser(self._network(z_draft, content, style, settings.guidance), schedule),
            add_noise(z_draft, eps, start, schedule),
            schedule,
            timesteps(settings.steps, settings.strength),
            callback=lambda done, total: progress(Progress("denoising", done, total)),
        )
        return self.decode(z, draft.shape[-1])

    def encode(self, mel: Tensor) -> Tensor:
        """A mel as a latent, in bfloat16 where the hardware computes in it.

        Shape:
            ``(M, T)`` -> ``(1, C, H, W)`` with ``W = ceil(T / stride)``.
        """
        stride = self.vae.stride
        padded = F.pad(mel, (0, -mel.shape[-1] % stride), value=_SILENCE)

        def look(first: int, last: int) -> Tensor:
            with half_precision(mel.device.type):
                return self.vae.encode(padded[None, :, first * stride : last * stride])[0].float()

        length = padded.shape[-1] // stride
        return in_mel_windows(look, length, self.vae.reach, stride=stride, device=mel.device.type)[None]

    def decode(self, z: Tensor, num_frames: int) -> Tensor:
        """A latent as a mel, in bfloat16 where the hardware computes in it, but for the last layers.

        Args:
            z: As of `encode`.
            num_frames: Length of the mel.

        Shape:
            ``(1, C, H, W)`` -> ``(M, num_frames)``.
        """
        stride = self.vae.stride

        def look(first: int, last: int) -> Tensor:
            with half_precision(z.device.type):
                mel = self.vae.decode(z[..., first:last], (last - first) * stride)[0]
            return torch.unflatten(mel, 1, (-1, stride)).movedim(1, -1)  # cells of the latent last

        mel = in_mel_windows(look, z.shape[-1], self.vae.reach, stride=stride, device=z.device.type)
        return mel.movedim(-1, 1).flatten(1)[:, :num_frames]

    def _network(self, z_draft: Tensor, content: Content, style: Style, guidance: float) -> Network:
        """The denoiser over a whole recording, in windows, with guidance."""
        tokens = torch.stack([style.tokens.to(z_draft.device), self.style_encoder.null_tokens])
        vectors = torch.stack([style.vector.to(z_draft.device), self.style_encoder.null_vector])
        posteriors, stride, device = content.posteriors, self.vae.stride, z_draft.device.type
        count = 1 if guidance == 1 else 2

        @cache
        def music(first: int, last: int) -> Tensor:
            return self.denoiser.draw(
                stretch(posteriors, first * stride, last * stride)[None],
                stretch(content.dynamics, first * stride, last * stride, _SILENCE)[None],
            )

        def network(x_t: Tensor, t: Tensor) -> Tensor:
            def look(first: int, last: int) -> Tensor:
                with half_precision(device):
                    velocity = self.denoiser(
                        x_t[..., first:last].expand(count, -1, -1, -1),
                        t.expand(count),
                        z_draft[..., first:last].expand(count, -1, -1, -1),
                        music(first, last).expand(count, -1, -1, -1),
                        tokens[:count],
                        vectors[:count],
                    ).float()
                return velocity[0] if count == 1 else guided(velocity[:1], velocity[1:], guidance)[0]

            reach, align = self.denoiser.reach, self.denoiser.unet.stride
            return in_mel_windows(
                look, x_t.shape[-1], reach, align=align, stride=stride, frames=_WINDOW_FRAMES, device=device
            )[None]

        return network


def noise_at(seed: int, first: int, last: int, size: Sequence[int]) -> Tensor:
    """A stretch of the noise of a recording: each part of it is the same, whatever else is drawn.

    Args:
        seed: Of the noise.
        first: First cell of the latent.
        last: The one after the last cell.
        size: Channels and height of the latent.

    Shape:
        ``(1, C, H, last - first)``.
    """
    start, stop = first // _NOISE_CELLS, -(-last // _NOISE_CELLS)
    blocks = [
        np.random.default_rng([seed, number]).standard_normal((*size, _NOISE_CELLS), np.float32)
        for number in range(start, stop)
    ]
    noise = np.concatenate(blocks, -1)[..., first - start * _NOISE_CELLS : last - start * _NOISE_CELLS]
    return torch.from_numpy(noise.copy())[None]
