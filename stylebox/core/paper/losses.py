"""The paper's loss terms: style, latent, and the weighted sums of both stages."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from stylebox.core.training.losses import EPSILON, Features, feature_loss, mean_loss, reconstruction_loss, unit_spread


def latent_loss(z: Tensor) -> Tensor:
    """The report's stand-in for a KL divergence where the latent has no variance of its own.

    Reference:
        Report eq. 10, third term.
    """
    power = z.square()
    return 0.5 * (power - 1 - torch.log(power + EPSILON)).mean()


def style_loss(
    features: Features,
    prediction: Tensor,
    style: Tensor,
    statistics: Literal["gram", "mean", "maps"] = "gram",
) -> Tensor:
    """How far the prediction's features are from a style clip's.

    Args:
        features: As in `feature_loss`.
        prediction: Mel in [-1, 1].
        style: Mel of a clip in the style wanted; it plays other notes, so statistics are compared, not
            places.
        statistics: "gram" compares which channels sound together, "mean" how much of each there is, and
            "maps" is the report's comparison place by place, which also asks for the style clip's notes.

    Shape:
        ``(B, M, T)`` or ``(B, 1, M, T)``; but for "maps", T may differ.

    Reference:
        Report eq. 12; Gatys et al. (2016), eq. 3-5, for the Gram matrix. Huang & Belongie (2017), eq. 13, for
        the means and spreads. arXiv:1703.06868.
    """
    if statistics == "maps":
        return feature_loss(features, prediction, style)
    summary = gram_matrix if statistics == "gram" else _mean_and_spread
    with torch.no_grad():
        wanted = [summary(unit_spread(found)) for found in features(style)]
    found = [summary(unit_spread(found)) for found in features(prediction)]
    return mean_loss([F.mse_loss(mine, theirs) for mine, theirs in zip(found, wanted, strict=True)])


def gram_matrix(maps: Tensor) -> Tensor:
    """Products of channels averaged over places.

    Shape:
        ``(B, C, H, W)`` -> ``(B, C, C)``.
    """
    flat = maps.flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def paper_reconstruction_loss(
    prediction: Tensor,
    target: Tensor,
    z: Tensor,
    features: Features | None = None,
    perceptual_weight: float = 0.1,
    kl_weight: float = 0.01,
) -> Tensor:
    """The report's stage 1: squared error, features, and the latent's prior.

    Args:
        features: None leaves its term out.

    Reference:
        Report eq. 10; the weights are its code's.
    """
    loss = reconstruction_loss(prediction, target, "mse") + kl_weight * latent_loss(z)
    return loss if features is None else loss + perceptual_weight * feature_loss(features, prediction, target)


def paper_loss(
    reconstruction: Tensor,
    style: Tensor | None,
    diffusion: Tensor,
    reconstruction_weight: float = 1.0,
    style_weight: float = 0.1,
    diffusion_weight: float = 1.0,
) -> Tensor:
    """L = lambda_r L_rec + lambda_s L_style + lambda_d L_diff, without the style term where there is none.

    Reference:
        Report eq. 9.
    """
    loss = reconstruction_weight * reconstruction + diffusion_weight * diffusion
    return loss if style is None else loss + style_weight * style


def _mean_and_spread(maps: Tensor) -> Tensor:
    """Mean and standard deviation of each channel, ``(B, C, H, W)`` -> ``(B, C, 2)``."""
    flat = maps.flatten(2)
    return torch.stack([flat.mean(-1), (flat.var(-1) + EPSILON).sqrt()], dim=-1)
