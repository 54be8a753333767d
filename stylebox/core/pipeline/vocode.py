"""The one place where a mel becomes sound: vocoder, pitch bends, phases, attacks."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.attacks import sharpen_attacks
from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.harmonic_vocoder import harmonic_spectrum
from stylebox.core.audio.overlap_add import hann
from stylebox.core.audio.phase import magnitude_to_audio
from stylebox.core.audio.pitch_bend import apply_bends
from stylebox.core.audio.windows import in_mel_windows
from stylebox.core.config import MelConfig
from stylebox.core.device import half_precision
from stylebox.core.models.vocoder import FLOOR, Vocoder
from stylebox.core.pipeline.content import Content

_WINDOW_FRAMES = 1024  # of the mel: the maps of the vocoder are large, and a processor is slower with longer ones


@dataclass(frozen=True)
class Before:
    """What a part of a longer sound goes on from.

    Attributes:
        frames: Frames at the beginning of the mel that are only seen; the sound begins after them.
        audio: The sound before, which ends `ahead` samples after the beginning of the new one.
        ahead: How much both have in common.
        position: Of the beginning of the new sound in the whole, in samples.

    Shape:
        audio ``(S,)``; empty where nothing comes before.
    """

    frames: int
    audio: np.ndarray
    ahead: int
    position: int

    def phase(self, n_fft: int, hop_length: int) -> np.ndarray | None:
        """The phases of the frame before the first new one; None where nothing comes before.

        Args:
            n_fft: Window length in samples.
            hop_length: Samples between frames.

        Shape:
            ``(n_fft // 2 + 1,)``.
        """
        start = len(self.audio) - self.ahead - hop_length - n_fft // 2
        if start < 0:
            return None
        return np.angle(np.fft.rfft(self.audio[start : start + n_fft] * hann(n_fft))).astype(np.float32)


NOTHING_BEFORE = Before(0, np.zeros(0, np.float32), 0, 0)


@torch.no_grad()
def mel_to_audio(
    mel: Tensor,
    content: Content,
    config: MelConfig,
    num_samples: int,
    *,
    method: str,
    vocoder: Vocoder | None = None,
    sharpen: bool = False,
    phase_steps: int = 1,
    before: Before = NOTHING_BEFORE,
) -> np.ndarray:
    """The sound of a mel by one of three methods.

    Args:
        mel: In [-1, 1].
        content: What the mel plays; its notes bend by its cents.
        config: Of the mel.
        num_samples: Length of the result.
        method: "neural" draws a spectrum with the vocoder, "harmonic" computes one from the notes, "griffin-lim"
            iterates phases and uses no notes.
        vocoder: The neural vocoder, where the method is "neural".
        sharpen: Whether to make the attacks steep that the vocoder's windows smeared.
        phase_steps: See `magnitude_to_audio`: four for the mel of a recording, one for a mel that a network drew.
        before: What the sound goes on from.

    Shape:
        mel ``(M, T)`` -> ``(num_samples,)``, float32.
    """
    skip, frame, cents = before.frames, content.frame, content.cents
    if method == "neural" and vocoder is not None:
        n_fft, hop = vocoder.n_fft, vocoder.hop_length
        magnitude = mel_to_spectrum(vocoder, mel, frame, cents)[:, skip * vocoder.times :]
    elif method == "harmonic":
        n_fft, hop = config.n_fft, config.hop_length
        magnitude = harmonic_spectrum(mel[:, skip:], frame[:, skip:], config, cents[:, skip:])
    else:
        return iterate_phases(mel[:, skip:], config, num_samples)
    magnitude, phase = magnitude[:, : 1 + num_samples // hop], before.phase(n_fft, hop)
    sound = magnitude_to_audio(magnitude, n_fft, hop, num_samples, phase_steps, phase=phase, position=before.position)
    audio = _of_length(sound, num_samples)
    if sharpen and method == "neural":
        start_seconds = skip / config.frames_per_second
        onsets = [note.start_seconds - start_seconds for note in content.notes]
        audio = sharpen_attacks(audio, onsets, config.sample_rate)
    return audio


def iterate_phases(mel: Tensor, config: MelConfig, num_samples: int) -> np.ndarray:
    """The sound of a mel by Griffin-Lim, which needs no notes.

    Args:
        mel: In [-1, 1].
        config: Of the mel.
        num_samples: Length of the result.

    Shape:
        mel ``(M, T)`` -> ``(num_samples,)``, float32.
    """
    return _of_length(griffin_lim(mel, config, num_samples), num_samples)


def _of_length(sound: Tensor, num_samples: int) -> np.ndarray:
    """Audio as float32, cut or padded with silence."""
    audio = sound.cpu().numpy().astype(np.float32)[:num_samples]
    return np.pad(audio, (0, num_samples - len(audio)))


@torch.no_grad()
def mel_to_spectrum(vocoder: Vocoder, mel: Tensor, frame: Tensor, cents: Tensor | None = None) -> Tensor:
    """The magnitudes that a neural vocoder draws, in windows; bins at its floor are silent.

    Computes in bfloat16 where the hardware does: faster, and as true to the notes (docs/log.md).

    Args:
        vocoder: Draws magnitudes.
        mel: In [-1, 1].
        frame: Probability that each key sounds, in [0, 1].
        cents: Distance of each key's note from the key; applied to the result.

    Shape:
        mel ``(M, T)``, frame and cents ``(N, T)`` -> ``(n_fft // 2 + 1, T * times)``.
    """

    def look(first: int, last: int) -> Tensor:
        with half_precision(mel.device.type):
            level = vocoder(mel[None, :, first:last], frame[None, :, first:last])[0]
        magnitude = torch.where(level <= FLOOR, 0.0, 10.0**level)
        return torch.unflatten(magnitude, 1, (-1, vocoder.times)).transpose(1, 2)  # frames of the mel last

    windows = in_mel_windows(look, mel.shape[-1], vocoder.reach, frames=_WINDOW_FRAMES, device=mel.device.type)
    magnitude = windows.transpose(1, 2).flatten(1)
    return magnitude if cents is None else apply_bends(magnitude, frame, cents, vocoder.sample_rate)
