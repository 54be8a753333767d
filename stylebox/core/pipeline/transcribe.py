"""The first step: from a recording to its content. The style plays no part in it."""

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.audio.frames import resample_frames
from stylebox.core.audio.io.read import resample
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.audio.pitch_bend import measure_keys
from stylebox.core.config import MelConfig
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.music.expression import GAIN_SHARE, with_expression
from stylebox.core.music.notes import Note, notes_from_posteriors, piano_roll
from stylebox.core.pipeline.content import Content


@torch.no_grad()
def transcribe(audio: np.ndarray, encoder: ContentEncoder, mel_transform: MelSpectrogram) -> Content:
    """The notes, dynamics and pitch bends of a recording, at the frame rate of the mel.

    Args:
        audio: Mono, at the rate of the mel.
        encoder: Works at its own rates; its result is resampled to the mel's frames.
        mel_transform: Gives the dynamics and the frame rate. Both networks are on one device.

    Shape:
        audio ``(S,)``.
    """
    config, device = mel_transform.config, mel_transform.window.device
    levelled, gain_db = normalise_loudness(audio, config.sample_rate)
    curve = dynamics(mel_transform(torch.from_numpy(levelled).to(device))[None], config)[0]
    resampled, frame, notes = _encode(levelled, config.sample_rate, encoder, device)
    measured = MelConfig(sample_rate=encoder.sample_rate, hop_length=encoder.hop_length)
    cents, levels = measure_keys(resampled, frame, measured)
    notes = with_expression(
        notes, cents.cpu().numpy(), levels.cpu().numpy(), encoder.frames_per_second, -GAIN_SHARE * gain_db
    )
    rate, num_frames = config.frames_per_second, len(curve)
    frame, cents = (resample_frames(x, encoder.frames_per_second, rate, num_frames) for x in (frame, cents))
    onsets = torch.from_numpy(piano_roll(notes, num_frames, rate)[1].T).to(frame)
    return Content(frame, onsets, curve, cents, notes)


@torch.no_grad()
def find_notes(levelled: np.ndarray, sample_rate: int, encoder: ContentEncoder, device: torch.device) -> list[Note]:
    """The notes of a recording alone: quicker than `transcribe`.

    Args:
        levelled: Mono, at the common loudness.
        sample_rate: Of it, in Hz.
        encoder: Works at its own rates.
        device: Where the encoder is.

    Shape:
        levelled ``(S,)``.
    """
    return _encode(levelled, sample_rate, encoder, device)[2]


def _encode(
    levelled: np.ndarray, sample_rate: int, encoder: ContentEncoder, device: torch.device
) -> tuple[Tensor, Tensor, list[Note]]:
    """A recording at the encoder's rate, the frame posteriors ``(N, T)`` at the encoder's frames, and the notes."""
    resampled = torch.from_numpy(resample(levelled, sample_rate, encoder.sample_rate)).to(device)
    frame, onset = posteriors(encoder, resampled)
    notes = notes_from_posteriors(frame.T.cpu().numpy(), onset.T.cpu().numpy(), encoder.frames_per_second)
    return resampled, frame, notes
