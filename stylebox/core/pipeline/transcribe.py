"""The transcription: from a recording to its content, a minute at a time. Knows no style."""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.audio.io.read import resample
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.audio.pitch_bend import measure_keys
from stylebox.core.audio.windows import Window, windows
from stylebox.core.config import MelConfig
from stylebox.core.memory import trim_memory
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.music.notes import NUM_KEYS, Note, notes_from_posteriors
from stylebox.core.pipeline.recording import MonoSource, length_at, spans_of
from stylebox.core.pipeline.score import KeyTracks, Transcript, notes_of_tracks
from stylebox.core.pipeline.work import Work

PART_SECONDS, MARGIN_SECONDS = 60.0, 3.0  # kept of a part; seen on either side of it: no step looks further


class _Encoded(NamedTuple):
    """A part of a recording: frame, onset, cents and levels ``(N, T')`` at the encoder's rate, dynamics ``(T,)``."""

    frame: Tensor
    onset: Tensor
    cents: Tensor
    levels: Tensor
    dynamics: Tensor


@torch.no_grad()
def transcribe(
    source: MonoSource,
    encoder: ContentEncoder,
    mel_transform: MelSpectrogram,
    work: Work,
    report: Callable[[float], None] = lambda share: None,
) -> Transcript:
    """The notes, dynamics and pitch bends of a recording.

    Args:
        source: At the rate of the mel and the common loudness.
        encoder: Works at its own rates.
        mel_transform: Gives the dynamics and the frame rate. Both networks are on one device.
        work: Gets the tracks, and knows how far an earlier run came.
        report: Called with the share that is done.
    """
    config, hop = mel_transform.config, mel_transform.config.hop_length
    num_frames = 1 + source.num_samples // hop
    step = Fraction(hop * encoder.sample_rate, config.sample_rate * encoder.hop_length)  # encoder frames per mel frame
    grid = step.denominator  # mel frames, after which a frame of both begins
    size, margin = (grid * max(1, round(x * config.frames_per_second / grid)) for x in (PART_SECONDS, MARGIN_SECONDS))
    length = 1 + length_at(source.num_samples, config.sample_rate, encoder.sample_rate) // encoder.hop_length
    tracks = KeyTracks(*(work.track(name, length, NUM_KEYS, np.float16) for name in KeyTracks._fields))
    curve = work.track("dynamics", num_frames, None, np.float32)
    parts = list(windows(num_frames, size, margin))
    done = int((work.load("transcribed") or {"parts": 0})["parts"])
    spans = [(w.first * hop, _end(w, num_frames, hop, source.num_samples)) for w in parts[done:]]
    for number, (w, audio) in enumerate(zip(parts[done:], spans_of(source.blocks(), spans), strict=True), start=done):
        encoded = _encode(audio, encoder, mel_transform)
        first, start, stop = (int(x * step) for x in (w.first, w.start, w.stop))
        stop = length if w.stop == num_frames else stop
        for track, values in zip(tracks, encoded[:-1], strict=True):
            track.write(start, values.T[start - first : stop - first].cpu().numpy())
        curve.write(w.start, encoded.dynamics[w.kept].cpu().numpy())
        work.save("transcribed", parts=number + 1)
        trim_memory()
        report((number + 1) / len(parts))
    notes = notes_of_tracks(tracks, encoder.frames_per_second, source.measured.gain_db)
    trim_memory()
    device = mel_transform.window.device
    return Transcript(tracks, curve, notes, encoder.frames_per_second, config.frames_per_second, device)


@torch.no_grad()
def find_notes(levelled: np.ndarray, sample_rate: int, encoder: ContentEncoder, device: torch.device) -> list[Note]:
    """The notes of a short recording alone: quicker than `transcribe`.

    Args:
        levelled: Mono, at the common loudness.
        sample_rate: Of it, in Hz.
        encoder: Works at its own rates.
        device: Where the encoder is.

    Shape:
        levelled ``(S,)``.
    """
    frame, onset = posteriors(encoder, _resampled(levelled, sample_rate, encoder, device))
    return notes_from_posteriors(frame.T.cpu().numpy(), onset.T.cpu().numpy(), encoder.frames_per_second)


def _encode(audio: np.ndarray, encoder: ContentEncoder, mel_transform: MelSpectrogram) -> _Encoded:
    """All that is measured in a part of a recording, ``(S,)``."""
    config, device = mel_transform.config, mel_transform.window.device
    curve = dynamics(mel_transform(torch.from_numpy(audio).to(device))[None], config)[0]
    resampled = _resampled(audio, config.sample_rate, encoder, device)
    frame, onset = posteriors(encoder, resampled)
    measured = MelConfig(sample_rate=encoder.sample_rate, hop_length=encoder.hop_length)
    cents, levels = measure_keys(resampled, frame, measured)
    return _Encoded(frame, onset, cents, levels, curve)


def _resampled(audio: np.ndarray, sample_rate: int, encoder: ContentEncoder, device: torch.device) -> Tensor:
    """Audio at the encoder's rate."""
    return torch.from_numpy(resample(audio, sample_rate, encoder.sample_rate)).to(device)


def _end(window: Window, num_frames: int, hop_length: int, num_samples: int) -> int:
    """The sample after the last one of a window."""
    return num_samples if window.last == num_frames else window.last * hop_length
