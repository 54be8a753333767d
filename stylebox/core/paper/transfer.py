"""One mel transferred to the timbre of another by the paper's networks: encode, add noise, DDIM, decode.

Works on mels alone. Knows nothing of audio, notes or training.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from stylebox.core.diffusion.sampling import Network, StepCallback, denoiser, timesteps
from stylebox.core.diffusion.schedule import add_noise
from stylebox.core.paper.model import PaperModel
from stylebox.core.paper.networks import LATENT_CHANNELS, PaperUNet, StyleEncoder, StyleMaps
from stylebox.core.paper.sampling import ddim
from stylebox.core.paper.schedule import paper_schedule
from stylebox.core.progress import Progress, ProgressCallback, silent

WINDOW_FRAMES = 128
"""Input length of the networks, as in training: 3 s."""
OVERLAP_FRAMES = 16
"""Neighbouring windows share these frames and cross-fade over them."""
TASK = "transferring"

_LATENT_STRIDE = 8  # mel bands, and frames, per latent cell
_BATCH_WINDOWS = 16
_STYLE_WINDOWS = 8  # of a long style clip, evenly spread: about 24 s of it are used
_SILENCE = -1.0


@torch.no_grad()
def transfer_mel(
    model: PaperModel,
    mel: Tensor,
    style_mel: Tensor,
    *,
    steps: int | None = None,
    strength: float | None = None,
    eta: float | None = None,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Tensor:
    """Transfer `mel` to the timbre of `style_mel`.

    Works in overlapping windows of 128 frames, a few at a time: the networks' memory does not grow with the length.

    Args:
        model: A trained model.
        mel: In [-1, 1], at the loudness of training.
        style_mel: The same; any length. Of a long one, windows spread over all of it are used.
        steps: Network calls; 0 is the autoencoder alone. The model's own number unless given.
        strength: How much noise is added to the content, in [0, 1]: 1 leaves nothing of it, 0 is the autoencoder
            alone. The model's own unless given.
        eta: New noise per step, in [0, 1]; 0 adds none. The model's own unless given.
        seed: Of all noise. The same seed gives the same result; with eta 0 for any batch size, too.
        progress: Called after every step; counts the steps of all windows.

    Shape:
        mel ``(M, T)``, style_mel ``(M, T')`` -> ``(M, T)``.

    Raises:
        ValueError: steps or strength are out of range.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 3 for the start and eq. 5-6 for the steps; warm start as in
        Meng et al. (2022), SDEdit. arXiv:2108.01073.
    """
    steps = model.config.steps if steps is None else steps
    strength = model.config.strength if strength is None else strength
    eta = model.config.eta if eta is None else eta
    times = timesteps(steps, strength) if steps and strength else None
    schedule = paper_schedule(model.config)
    generator = torch.Generator().manual_seed(seed)
    windows = _windows(mel)
    noise = _noise(len(windows), mel.shape[0], generator)
    style = _style_maps(model.style_encoder, style_mel.to(model.device))
    batches = windows.split(_BATCH_WINDOWS)
    outputs = []
    for number, (batch, eps) in enumerate(zip(batches, noise.split(_BATCH_WINDOWS), strict=True)):
        z = model.autoencoder.encode(batch[:, None].to(model.device))
        if times is not None:
            x_t = add_noise(z, eps.to(z), times[:1].to(z), schedule)
            denoise = denoiser(_conditioned(model.unet, style), schedule)
            counted = _counted(progress, number * steps, len(batches) * steps)
            z = ddim(denoise, x_t, schedule, times, eta, generator, counted)
        outputs.append(model.autoencoder.decode(z)[:, 0, : mel.shape[0]].to(mel))
    return _cross_fade(torch.cat(outputs))[:, : mel.shape[1]]


def _windows(mel: Tensor) -> Tensor:
    """``(M, T)`` -> overlapping windows ``(N, M, 128)``; silence beyond the end."""
    hop = WINDOW_FRAMES - OVERLAP_FRAMES
    hops = max(0, math.ceil((mel.shape[1] - WINDOW_FRAMES) / hop))
    padded = F.pad(mel, (0, WINDOW_FRAMES + hops * hop - mel.shape[1]), value=_SILENCE)
    return padded.unfold(1, WINDOW_FRAMES, hop).transpose(0, 1)


def _noise(num_windows: int, n_mels: int, generator: torch.Generator) -> Tensor:
    """Unit noise ``(N, C, H, W)`` for the latents of windows; where two overlap, it is the same."""
    width, hop = WINDOW_FRAMES // _LATENT_STRIDE, (WINDOW_FRAMES - OVERLAP_FRAMES) // _LATENT_STRIDE
    height, length = math.ceil(n_mels / _LATENT_STRIDE), width + (num_windows - 1) * hop
    whole = torch.randn(LATENT_CHANNELS, height, length, generator=generator)
    return whole.unfold(2, width, hop).permute(2, 0, 1, 3)


def _cross_fade(windows: Tensor) -> Tensor:
    """Windows ``(N, M, 128)`` joined with cross-fades, ``(M, T)``."""
    hop = WINDOW_FRAMES - OVERLAP_FRAMES
    rise = ((torch.arange(WINDOW_FRAMES, device=windows.device) + 1) / (OVERLAP_FRAMES + 1)).clamp(max=1)
    weight = torch.minimum(rise, rise.flip(0))
    mel = windows.new_zeros(windows.shape[1], WINDOW_FRAMES + (len(windows) - 1) * hop)
    total = mel.new_zeros(mel.shape[1])
    for number, window in enumerate(windows):
        place = slice(number * hop, number * hop + WINDOW_FRAMES)
        mel[:, place] += weight * window
        total[place] += weight
    return mel / total


def _style_maps(encoder: StyleEncoder, mel: Tensor) -> StyleMaps:
    """The style maps of a clip ``(M, T)`` of any length: those of its windows, side by side."""
    padded = F.pad(mel, (0, max(0, WINDOW_FRAMES - mel.shape[1])), value=_SILENCE)
    last = padded.shape[1] - WINDOW_FRAMES
    count = min(_STYLE_WINDOWS, math.ceil(padded.shape[1] / WINDOW_FRAMES))
    starts = torch.linspace(0, last, count).long().tolist()
    maps = encoder(torch.stack([padded[None, :, start : start + WINDOW_FRAMES] for start in starts]))
    return StyleMaps(*(torch.cat(tuple(several), dim=-1)[None] for several in maps))


def _conditioned(unet: PaperUNet, style: StyleMaps) -> Network:
    """The denoiser with its style given."""

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        batch_style = StyleMaps(*(one.expand(len(x_t), -1, -1, -1) for one in style))
        velocity: Tensor = unet(x_t, t, batch_style)
        return velocity

    return network


def _counted(progress: ProgressCallback, before: int, total: int) -> StepCallback:
    """Report the steps of one batch as steps of all batches."""
    return lambda done, _: progress(Progress(TASK, before + done, total))
