"""Loss functions: reconstruction, KL, perceptual features, diffusion, contrast, adversaries.

Each maps tensors to a scalar and passes gradient to its prediction. They know nothing of networks, data or steps.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Callable[[Tensor], Sequence[Tensor]]  # mel -> maps (B, C, H, W) of several layers

EPSILON = 1e-8


def reconstruction_loss(prediction: Tensor, target: Tensor, kind: Literal["l1", "mse"] = "l1") -> Tensor:
    """Mean absolute or squared distance.

    Args:
        prediction: Any shape.
        target: The same shape.
        kind: "l1", or "mse", the first term of the paper's eq. 10.

    Shape:
        The result is a scalar.
    """
    return F.l1_loss(prediction, target) if kind == "l1" else F.mse_loss(prediction, target)


def audible_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """L1 distance of two mels, weighted by level: eight times as much at the top of the range as at the floor.

    Nine tenths of a mel's cells are quiet and would dominate an unweighted mean. The weight follows the louder of the
    two mels, so an added sound costs as much as a missing one.

    Args:
        prediction: Mel, nominally in [-1, 1].
        target: Mel in [-1, 1].

    Shape:
        Both have one shape; the result is a scalar.
    """
    louder = torch.maximum(prediction.detach(), target)
    weight = 0.25 + 1.75 * ((louder + 1.0) / 1.5).clamp(0.0, 1.0)
    return (weight * (prediction - target).abs()).sum() / weight.sum()


def kl_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of a diagonal Gaussian from the unit one, averaged over all its elements, in nats.

    Shape:
        Both have one shape; the result is a scalar.

    Reference:
        Kingma & Welling (2014), appendix B. arXiv:1312.6114.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def feature_loss(features: Features, prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of two mels' features, layer by layer, each map at unit spread.

    The gradient passes through `features` to the prediction.

    Args:
        features: Network with frozen weights; applied to both mels.
        prediction: Mel in [-1, 1].
        target: Mel in [-1, 1].

    Shape:
        ``(B, M, T)`` or ``(B, 1, M, T)``, as `features` takes them; the result is a scalar.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 10, second term, and eq. 12.
    """
    with torch.no_grad():
        wanted = [unit_spread(found) for found in features(target)]
    found = [unit_spread(found) for found in features(prediction)]
    return mean_loss([F.mse_loss(mine, theirs) for mine, theirs in zip(found, wanted, strict=True)])


def diffusion_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the denoiser's prediction.

    Shape:
        Both are ``(B, ...)``; the result is a scalar.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 11.
    """
    return (prediction - target).square().flatten(1).mean(1).mean()


def contrastive_loss(vectors: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Draws vectors of one instrument together and away from those of others.

    Args:
        vectors: Unit vectors.
        labels: Instrument numbers. A vector whose label is unique serves as a negative only.
        temperature: Divides the similarities; smaller separates more sharply.

    Shape:
        ``vectors`` is ``(B, D)``, ``labels`` ``(B,)``; the result is a scalar.

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


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """What the discriminators minimise, by least squares; averaged over them.

    Args:
        real: Each discriminator's scores of recordings.
        fake: Each discriminator's scores of generated mels, which must be detached.

    Shape:
        Scores have any shape; the result is a scalar.

    Reference:
        Mao et al. (2017), eq. 9. arXiv:1611.04076.
    """
    return mean_loss([(1 - r).square().mean() + f.square().mean() for r, f in zip(real, fake, strict=True)])


def generator_loss(fake: Sequence[Tensor]) -> Tensor:
    """What the generator minimises against the discriminators; see `discriminator_loss`.

    Shape:
        Scores have any shape; the result is a scalar.
    """
    return mean_loss([(1 - f).square().mean() for f in fake])


def feature_matching_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """L1 distance of the discriminators' inner maps, averaged over discriminators and layers.

    Shape:
        Maps of one layer have one shape; the result is a scalar.

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
    """Scale maps per sample to a standard deviation of one, so that no layer dominates.

    Shape:
        ``(B, ...)`` -> ``(B, ...)``.
    """
    return maps / (maps.std(tuple(range(1, maps.dim())), keepdim=True) + 1e-5)


def mean_loss(losses: Sequence[Tensor]) -> Tensor:
    """The mean of several scalar losses.

    Shape:
        Each is a scalar, and so is the result.
    """
    return torch.stack(list(losses)).mean()
