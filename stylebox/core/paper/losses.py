"""The paper's loss terms: style, latent, and the weighted sums of both stages."""

import torch
from torch import Tensor

from stylebox.core.training.losses import EPSILON, Features, feature_loss, reconstruction_loss


def latent_loss(z: Tensor) -> Tensor:
    """The paper's replacement of the KL divergence for a latent without a variance of its own.

    Shape:
        ``z`` has any shape; the result is a scalar.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 10, third term.
    """
    power = z.square()
    return 0.5 * (power - 1 - torch.log(power + EPSILON)).mean()


def style_loss(features: Features, prediction: Tensor, style: Tensor) -> Tensor:
    """Mean squared distance between the features of a prediction and of a style clip, position by position.

    This comparison also asks for the notes of the style clip; the design of the paper is kept.

    Args:
        features: As in `feature_loss`.
        prediction: Mel in [-1, 1].
        style: Mel of a clip in the requested style, in [-1, 1].

    Shape:
        ``(B, M, T)`` or ``(B, 1, M, T)``; the result is a scalar.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 12.
    """
    return feature_loss(features, prediction, style)


def paper_reconstruction_loss(
    prediction: Tensor,
    target: Tensor,
    z: Tensor,
    features: Features | None = None,
    perceptual_weight: float = 0.1,
    kl_weight: float = 0.01,
) -> Tensor:
    """The paper's loss of stage 1: squared error, distance of features, and the prior of the latent.

    Args:
        prediction: Mel in [-1, 1].
        target: Mel in [-1, 1].
        z: Latent of the target.
        features: As in `feature_loss`; None leaves their term out.
        perceptual_weight: Of the distance of features.
        kl_weight: Of `latent_loss`.

    Shape:
        Both mels are ``(B, 1, M, T)``, ``z`` is ``(B, C, H, W)``; the result is a scalar.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 10; the default weights are those of its code.
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
    """Weighted sum of the terms of stage 2: L = lambda_r L_rec + lambda_s L_style + lambda_d L_diff.

    Args:
        reconstruction: L_rec, see `paper_reconstruction_loss`.
        style: L_style, see `style_loss`; None leaves it out.
        diffusion: L_diff, the error of the denoiser.
        reconstruction_weight: lambda_r.
        style_weight: lambda_s.
        diffusion_weight: lambda_d.

    Shape:
        All are scalars.

    Reference:
        Prioteasa & Stempel-Hauburger (2025), eq. 9.
    """
    loss = reconstruction_weight * reconstruction + diffusion_weight * diffusion
    return loss if style is None else loss + style_weight * style
