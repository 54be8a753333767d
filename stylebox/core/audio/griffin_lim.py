"""Griffin-Lim: mel to audio by phase iteration, without notes or networks."""

import torch
from torch import Tensor

from stylebox.core.audio.mel import mel_to_magnitude
from stylebox.core.config import MelConfig

ITERATIONS = 32
_MOMENTUM = 0.99  # accelerates the updates of the phases; 0 is the algorithm of 1984


def griffin_lim(mel: Tensor, config: MelConfig, num_samples: int) -> Tensor:
    """Mel to audio by phase iteration: the paper's vocoder, and the baseline of the others.

    Args:
        mel: In [-1, 1].
        config: The mel's settings.
        num_samples: Length of the result.

    Shape:
        ``(M, T)`` -> ``(num_samples,)``.

    Reference:
        Griffin & Lim (1984); the fast variant of Perraudin et al. (2013), eq. 8.
    """
    magnitude = mel_to_magnitude(mel, config)
    window = torch.hann_window(config.n_fft, device=mel.device)
    generator = torch.Generator().manual_seed(0)  # the same mel gives the same audio
    phase = torch.rand(magnitude.shape, generator=generator).to(mel) * 2 * torch.pi
    spectrum, before = torch.polar(magnitude, phase), torch.zeros((), dtype=torch.complex64, device=mel.device)

    def back(complex_spectrum: Tensor) -> Tensor:
        return torch.istft(complex_spectrum, config.n_fft, config.hop_length, window=window, length=num_samples)

    for _ in range(ITERATIONS):
        consistent = torch.stft(
            back(spectrum), config.n_fft, config.hop_length, window=window, pad_mode="constant", return_complex=True
        )[:, : magnitude.shape[1]]
        ahead = consistent + _MOMENTUM / (1 + _MOMENTUM) * (consistent - before)
        spectrum = magnitude * ahead / ahead.abs().clamp_min(1e-12)
        before = consistent
    return back(spectrum)
