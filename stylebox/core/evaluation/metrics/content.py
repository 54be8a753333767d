"""Content: does the output have the notes of the input? Pitch classes, pitch over time, and transcribed notes.

Every metric takes the semitones by which the output was moved. The transcriber is the model's own content encoder: it
treats all systems alike, but it is no independent judge.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stylebox.core.audio.filter_banks import chroma_filters
from stylebox.core.audio.io.read import resample
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.config import ANALYSIS_RATE
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.music.notes import Note, notes_from_posteriors

TRANSCRIBER = "stylebox content encoder"
WORST_CENTS = 1200.0  # error of a frame without pitch, and the largest error
ONSET_THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)  # note figures are means over them: see docs/evaluation.md
USUAL_THRESHOLD = 0.5  # of a single transcription
MONOPHONIC_SHARE = 0.95  # least share of the time with notes that has one note only

_FRAME, _HOP = 4096, 512  # samples
_RANGE_DB = 40.0  # a frame further below the loudest one is a rest
_PITCH_FRAME = 1024  # samples; a longer frame would flatten vibrato
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 2200.0
_PERIODIC = 0.15  # YIN's threshold
_UNVOICED = 0.4  # a frame whose deepest dip lies above it has no pitch


@torch.no_grad()
def transcriptions(encoder: ContentEncoder, audio: np.ndarray, sample_rate: int) -> dict[float, list[Note]]:
    """The notes that the content encoder finds at each of `ONSET_THRESHOLDS`.

    Args:
        encoder: A trained content encoder.
        audio: A recording; it is brought to the encoder's rate and loudness.
        sample_rate: Of `audio`, in Hz.

    Returns:
        Notes by threshold.

    Shape:
        ``audio`` is ``(S,)``.
    """
    device = next(encoder.parameters()).device
    levelled = resample(normalise_loudness(audio, sample_rate)[0], sample_rate, encoder.sample_rate)
    frame, onset = posteriors(encoder, torch.from_numpy(levelled).to(device)).cpu().numpy().transpose(0, 2, 1)
    return {at: notes_from_posteriors(frame, onset, encoder.frames_per_second, at) for at in ONSET_THRESHOLDS}


def transcribe(encoder: ContentEncoder, audio: np.ndarray, sample_rate: int) -> list[Note]:
    """The notes that the content encoder finds at `USUAL_THRESHOLD`.

    Args:
        encoder: A trained content encoder.
        audio: A recording; it is brought to the encoder's rate and loudness.
        sample_rate: Of `audio`, in Hz.

    Shape:
        ``audio`` is ``(S,)``.
    """
    return transcriptions(encoder, audio, sample_rate)[USUAL_THRESHOLD]


def chroma_cosine(reference: np.ndarray, audio: np.ndarray, sample_rate: int, transpose: int = 0) -> float:
    """Cosine similarity of the energies of twelve pitch classes, as a mean over frames where the reference has sound.

    Args:
        reference: The input of the transfer.
        audio: Its output.
        sample_rate: Of both, in Hz.
        transpose: Semitones by which the output was moved.

    Returns:
        In [0, 1]. A silent output has 0; white noise about 0.5, as it has all classes.

    Shape:
        reference and audio are ``(S,)``; the longer one is cut.
    """
    wanted, found = (_chroma(resample(x, sample_rate, ANALYSIS_RATE), ANALYSIS_RATE) for x in _cut(reference, audio))
    wanted = np.roll(wanted, transpose, axis=0)
    energy = wanted.sum(0)
    sounding = energy > energy.max(initial=0.0) * 10 ** (-_RANGE_DB / 10)
    if not sounding.any():
        return float(found.sum() == 0)
    lengths = np.linalg.norm(wanted, axis=0) * np.linalg.norm(found, axis=0)
    cosine = (wanted * found).sum(0) / np.maximum(lengths, 1e-12)
    return float(cosine[sounding].mean())


def pitch_error_cents(
    reference: np.ndarray, audio: np.ndarray, sample_rate: int, notes: Sequence[Note], transpose: int = 0
) -> float:
    """Median distance between the two pitch contours where the reference plays one note: bends and vibrato count.

    Args:
        reference: The input of the transfer.
        audio: Its output.
        sample_rate: Of both, in Hz.
        notes: Of the reference. A frame counts where a note is active and the contour is within a semitone of it.
        transpose: Semitones by which the output was moved.

    Returns:
        Cents in [0, 1200]; NaN if the reference is not monophonic or has no pitch.

    Shape:
        reference and audio are ``(S,)``; the longer one is cut.
    """
    if not is_monophonic(notes):
        return float("nan")
    wanted, found = (
        pitch_contour(resample(x, sample_rate, ANALYSIS_RATE), ANALYSIS_RATE) for x in _cut(reference, audio)
    )
    seconds = np.arange(len(wanted)) * _HOP / ANALYSIS_RATE
    written = np.full(len(wanted), np.nan)
    for note in notes:
        written[(seconds >= note.start_seconds) & (seconds < note.end_seconds)] = note.pitch
    played = 69 + 12 * np.log2(wanted / 440.0)
    certain = np.abs(played - written) < 1  # false where either is NaN
    if not certain.any():
        return float("nan")
    cents = np.abs(1200 * np.log2(found[certain] / wanted[certain]) - 100 * transpose)
    return float(np.median(np.minimum(np.nan_to_num(cents, nan=WORST_CENTS), WORST_CENTS)))


def is_monophonic(notes: Sequence[Note]) -> bool:
    """Whether there are notes, and 95 % of the time with notes has one note only."""
    ends = sorted([(n.start_seconds, 1) for n in notes] + [(n.end_seconds, -1) for n in notes])
    one = several = 0.0
    sounding, before = 0, 0.0
    for time, change in ends:
        one += (time - before) * (sounding == 1)
        several += (time - before) * (sounding > 1)
        sounding, before = sounding + change, time
    return one > 0 and one >= MONOPHONIC_SHARE * (one + several)


def pitch_contour(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Fundamental frequency at every 512th sample, in Hz; NaN where there is no pitch.

    Shape:
        ``audio`` is ``(S,)``, the result ``(1 + S // 512,)``.

    Reference:
        de Cheveigné & Kawahara (2002), YIN, steps 1 to 5.
    """
    longest, shortest = int(sample_rate / _LOWEST_HZ), max(2, int(sample_rate / _HIGHEST_HZ))
    frames = _frames(np.asarray(audio, np.float64), _PITCH_FRAME + longest)
    size = 1 << (_PITCH_FRAME + 2 * longest).bit_length()
    head = np.fft.rfft(frames[:, :_PITCH_FRAME], size)
    lagged = np.fft.irfft(head.conj() * np.fft.rfft(frames, size), size)[:, : longest + 1]
    power = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = power[:, _PITCH_FRAME : _PITCH_FRAME + longest + 1] - power[:, : longest + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * lagged, 0)
    lags = np.arange(1, longest + 1)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    dips = np.pad(difference[:, 1:] / np.maximum(mean, 1e-12), ((0, 0), (1, 0)), constant_values=1.0)
    loud = energy[:, 0] > 1e-6 * _PITCH_FRAME  # -60 dBFS
    return np.array(
        [sample_rate / _first_dip(row, shortest) if ok else np.nan for row, ok in zip(dips, loud, strict=True)]
    )


def _first_dip(row: np.ndarray, shortest: int) -> float:
    """Lag of the first dip below the threshold, with a fraction of a sample; NaN if no dip is deep enough."""
    inner = row[shortest:-1]
    minima = (inner <= row[shortest - 1 : -2]) & (inner < row[shortest + 1 :])
    deep = np.flatnonzero(minima & (inner < _PERIODIC))
    at = shortest + int(deep[0] if len(deep) else np.argmin(inner))
    if row[at] > _UNVOICED:
        return float("nan")
    below, here, above = row[at - 1 : at + 2]
    bend = below - 2 * here + above
    return at + (0.5 * (below - above) / bend if bend > 0 else 0.0)


def _chroma(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Energy of each pitch class, ``(12, T)``."""
    spectrum = np.fft.rfft(_frames(np.asarray(audio, np.float64), _FRAME) * np.hanning(_FRAME))
    energy: np.ndarray = chroma_filters(sample_rate, _FRAME) @ (np.abs(spectrum) ** 2).T
    return energy


def _frames(audio: np.ndarray, length: int) -> np.ndarray:
    """Frames around every 512th sample, with zeros beyond the ends, ``(T, length)``."""
    padded = np.pad(audio, (length // 2, length))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    return windows[: len(audio) + 1 : _HOP]


def _cut(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both at the length of the shorter one."""
    length = min(len(first), len(second))
    return first[:length], second[:length]
