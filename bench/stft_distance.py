"""Multi-resolution STFT distance of two recordings."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

# (n_fft, hop_length, window length) in samples: Yamamoto et al. (2020), table 1. arXiv:1910.11480.
STFT_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
EPSILON = 1e-8


def multi_resolution_stft_distance(
    prediction: Tensor,
    target: Tensor,
    resolutions: Sequence[tuple[int, int, int]] = STFT_RESOLUTIONS,
) -> Tensor:
    """Spectral convergence plus the L1 distance of log magnitudes, averaged over resolutions.

    Args:
        prediction: Audio of at least half the largest n_fft.
        target: Audio to compare with.
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
    return torch.stack(losses).mean()


def _magnitude(audio: Tensor, n_fft: int, hop_length: int, window_samples: int) -> Tensor:
    """STFT magnitude with a floor under it, for the logarithm and for the root's gradient."""
    window = torch.hann_window(window_samples, device=audio.device)
    spectrum = torch.stft(audio.float(), n_fft, hop_length, window_samples, window, center=True, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=1e-7).sqrt()
