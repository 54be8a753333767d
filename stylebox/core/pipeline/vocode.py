"""From a mel and its notes to audio by a trained vocoder, a stretch at a time."""

import torch
from torch import Tensor

from stylebox.core.audio.phase import magnitude_to_audio
from stylebox.core.audio.pitch_bend import apply_bends
from stylebox.core.audio.windows import in_windows
from stylebox.core.device import half_precision
from stylebox.core.models.vocoder import FLOOR, Vocoder


@torch.no_grad()
def vocode(
    vocoder: Vocoder,
    mel: Tensor,
    frame: Tensor,
    num_samples: int,
    cents: Tensor | None = None,
    phase_steps: int = 4,
) -> Tensor:
    """A mel made audible by the spectrum a vocoder draws; what it draws at its floor is silent.

    Computes in bfloat16 where the hardware does: faster, and as true to the notes (docs/log.md).

    Args:
        mel: In [-1, 1].
        frame: How surely each key sounds, in [0, 1].
        cents: How far each key's note is to be from it.
        phase_steps: See `magnitude_to_audio`: four for the mel of a recording, one for a mel that is drawn.

    Shape:
        mel ``(M, T)``, frame and cents ``(N, T)`` -> ``(num_samples,)``.
    """

    def look(first: int, last: int) -> Tensor:
        with half_precision(mel.device.type):
            level = vocoder(mel[None, :, first:last], frame[None, :, first:last])[0]
        magnitude = torch.where(level <= FLOOR, 0.0, 10.0**level)
        return magnitude.unflatten(1, (-1, vocoder.times)).transpose(1, 2)  # frames of the mel last

    drawn = in_windows(look, mel.shape[-1], 1)
    magnitude = drawn.transpose(1, 2).flatten(1)[:, : 1 + num_samples // vocoder.hop_length]
    if cents is not None:
        magnitude = apply_bends(magnitude, frame, cents, vocoder.sample_rate)
    return magnitude_to_audio(magnitude, vocoder.n_fft, vocoder.hop_length, num_samples, phase_steps)
