"""What training minimises: reconstruction, KL, diffusion, style, contrast, waveform, adversaries.

Functions of tensors; each gives a scalar and passes gradient to its prediction. They know nothing of
networks, data or steps. "Report eq. N" is the number in Prioteasa & Stempel-Hauburger (2025).
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Callable[[Tensor], Sequence[Tensor]]  # mel -> maps (B, C, H, W) of several layers

# (n_fft, hop_length, window length) in samples: Yamamoto et al. (2020), table 1. arXiv:1910.11480.
STFT_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))

EPSILON = 1e-8


def reconstruction_loss(prediction: Tensor, target: Tensor, kind: Literal["l1", "mse"] = "l1") -> Tensor:
    """Mean distance of two tensors of one shape; the "mse" is the first term of report eq. 10."""
    return F.l1_loss(prediction, target) if kind == "l1" else F.mse_loss(prediction, target)


def audible_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """L1 distance of two mels that counts what is heard: eight times as much at the top of the range as at the floor.

    Nine tenths of a mel's cells are quiet; unweighted they decide everything. The weight follows the louder of the two,
    so that a sound too many costs as much as one that is missing.

    Args:
        prediction: Mel, nominally in [-1, 1].
        target: Mel in [-1, 1].
    """
    louder = torch.maximum(prediction.detach(), target)
    weight = 0.25 + 1.75 * ((louder + 1.0) / 1.5).clamp(0.0, 1.0)
    return (weight * (prediction - target).abs()).sum() / weight.sum()


def kl_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of a diagonal Gaussian from the unit one, averaged over all its elements, in nats.

    Reference:
        Kingma & Welling (2014), appendix B. arXiv:1312.6114.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def feature_loss(features: Features, prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of two mels' features, layer by layer, each map at unit spread.

    The gradient runs through `features` into the prediction (the report's own code cut it there).

    Args:
        features: Its weights should be frozen; it runs on both mels.
        prediction: Mel in [-1, 1].
        target: The mel to be like, place by place, in [-1, 1].

    Shape:
        ``(B, M, T)`` or ``(B, 1, M, T)``, whatever `features` takes.

    Reference:
        Report eq. 10, second term, and eq. 12.
    """
    with torch.no_grad():
        wanted = [unit_spread(found) for found in features(target)]
    found = [unit_spread(found) for found in features(prediction)]
    return mean_loss([F.mse_loss(mine, theirs) for mine, theirs in zip(found, wanted, strict=True)])


def diffusion_loss(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared error of what the denoiser predicts (the report's predicts the noise).

    Args:
        weight: Of each sample.

    Shape:
        ``prediction`` and ``target`` are ``(B, ...)``, ``weight`` is ``(B,)``.

    Reference:
        Report eq. 11.
    """
    each = (prediction - target).square().flatten(1).mean(1)
    return (each if weight is None else weight * each).mean()


def contrastive_loss(vectors: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Draws clips of one instrument together and apart from the others'.

    Args:
        vectors: Unit vectors.
        labels: Instrument numbers. A vector whose label no other has takes part as a negative only.

    Shape:
        ``vectors`` ``(B, D)``, ``labels`` ``(B,)``.

    Reference:
        Khosla et al. (2020), eq. 2. arXiv:2004.11362.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    similarity = (vectors @ vectors.mT / temperature).masked_fill(itself, -torch.inf)
    log_probability = (similarity - similarity.logsumexp(1, keepdim=True)).masked_fill(itself, 0.0)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    count = positive.sum(1)
    anchors = count > 0
    each = -(log_probability * positive).sum(1) / count.clamp(min=1)
    return (each * anchors).sum() / anchors.sum().clamp(min=1)


def multi_resolution_stft_loss(
    prediction: Tensor,
    target: Tensor,
    resolutions: Sequence[tuple[int, int, int]] = STFT_RESOLUTIONS,
) -> Tensor:
    """Spectral convergence plus the L1 distance of log magnitudes, averaged over resolutions.

    Args:
        prediction: Audio of at least half the largest n_fft.
        resolutions: (n_fft, hop_length, window length) each, in samples.

    Shape:
        ``(B, S)`` both.

    Reference:
        Yamamoto et al. (2020), eq. 4-6. arXiv:1910.11480.
    """
    losses = []
    for n_fft, hop_length, window_samples in resolutions:
        mine = _magnitude(prediction, n_fft, hop_length, window_samples)
        theirs = _magnitude(target, n_fft, hop_length, window_samples)
        difference = torch.linalg.vector_norm(theirs - mine, dim=(1, 2))
        convergence = difference / torch.linalg.vector_norm(theirs, dim=(1, 2)).clamp(min=EPSILON)
        losses.append(convergence.mean() + F.l1_loss(mine.log(), theirs.log()))
    return mean_loss(losses)


def mel_loss(mel_transform: Callable[[Tensor], Tensor], prediction: Tensor, target: Tensor) -> Tensor:
    """L1 distance of two recordings' mels (decibels in [-1, 1]).

    Args:
        mel_transform: Audio ``(B, S)`` -> mel ``(B, M, T)``, differentiable.
    """
    with torch.no_grad():
        wanted = mel_transform(target)
    return F.l1_loss(mel_transform(prediction), wanted)


def discriminator_loss(
    real: Sequence[Tensor], fake: Sequence[Tensor], kind: Literal["hinge", "least_squares"] = "hinge"
) -> Tensor:
    """What the discriminators minimise; averaged over them.

    Args:
        real: Each discriminator's scores of recordings, any shape.
        fake: Each discriminator's scores of generated audio, which must be detached.

    Reference:
        Lim & Ye (2017), eq. 12, arXiv:1705.02894; Mao et al. (2017), eq. 9, arXiv:1611.04076.
    """
    if kind == "hinge":
        return mean_loss([F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)])
    return mean_loss([(1 - r).square().mean() + f.square().mean() for r, f in zip(real, fake, strict=True)])


def generator_loss(fake: Sequence[Tensor], kind: Literal["hinge", "least_squares"] = "hinge") -> Tensor:
    """What the generator minimises against them: see `discriminator_loss`."""
    if kind == "hinge":
        return mean_loss([-f.mean() for f in fake])
    return mean_loss([(1 - f).square().mean() for f in fake])


def feature_matching_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """L1 distance of the discriminators' inner maps, averaged over discriminators and layers.

    Reference:
        Kumar et al. (2019), eq. 3. arXiv:1910.06711.
    """
    return mean_loss(
        [
            F.l1_loss(mine, theirs.detach())
            for real_maps, fake_maps in zip(real, fake, strict=True)
            for theirs, mine in zip(real_maps, fake_maps, strict=True)
        ]
    )


def unit_spread(maps: Tensor) -> Tensor:
    """Maps scaled per sample to a standard deviation of one, so that no layer outweighs the others."""
    return maps / (maps.std(tuple(range(1, maps.dim())), keepdim=True) + 1e-5)


def _magnitude(audio: Tensor, n_fft: int, hop_length: int, window_samples: int) -> Tensor:
    """STFT magnitude with a floor under it, for the logarithm and for the root's gradient."""
    window = torch.hann_window(window_samples, device=audio.device)
    spectrum = torch.stft(audio.float(), n_fft, hop_length, window_samples, window, center=True, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=1e-7).sqrt()


def mean_loss(losses: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()
