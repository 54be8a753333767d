"""Measures of how real a sound is: texture, treble, bandwidth, noisiness, attacks. Functions of samples alone.

A mel here is 160 Slaney bands at 44.1 kHz (n_fft 2048, hop 512), of sound brought to -23 dBFS, in dB from -50 to 40.
"""

from collections.abc import Sequence
from typing import NamedTuple

import librosa
import numpy as np
import soxr
from scipy.signal import butter, sosfiltfilt, welch

from stylebox.core.audio.loudness import normalise_loudness

MEL_RATE, N_FFT, HOP, N_MELS = 44100, 2048, 512, 160  # Hz, samples, samples, bands
FLOOR_DB, CEILING_DB = -50.0, 40.0
TEXTURE_HZ = ((0.0, 1000.0), (1000.0, 5000.0), (5000.0, 16000.0))
TREBLE_HZ = 11000.0
SILENT_TREBLE_DB = -100.0  # the share of a recording that has nothing up there
BANDWIDTH_DB = 60.0  # below the peak of the mean spectrum: there the bandwidth ends
NOISE_HZ = (1000.0, 8000.0)  # where noisiness is measured
_REST_DB = 40.0  # a frame further below the loudest one is a rest

ATTACK_HZ = 2000.0  # attacks are measured above it
_ATTACK_HOP, _ATTACK_FRAME = 0.001, 0.004  # seconds, of the level over time
_BEFORE, _AFTER = 0.06, 0.10  # seconds about an onset in which its rise lies
_APART_BEFORE, _APART_AFTER = 0.15, 0.12  # seconds without another onset
_CHORD = 0.04  # seconds within which onsets are one
LEAST_RISE = 4.0  # of the level (amplitude), that an attack counts


class Rise(NamedTuple):
    """When the level of an attack passed 10, 50 and 90 % of its rise, in seconds from the start of the audio."""

    at_10: float
    at_50: float
    at_90: float


def texture_db(audio: np.ndarray, sample_rate: int) -> list[float]:
    """Mean absolute change of the mel from frame to frame, in dB, where both frames are above the floor.

    Args:
        audio: At any rate; bands that a lower rate cannot hold are at the floor and do not count.
        sample_rate: In Hz.

    Returns:
        One figure per band of `TEXTURE_HZ`; NaN where nothing sounds in it.

    Shape:
        audio is ``(S,)``.
    """
    levelled, _ = normalise_loudness(_resampled(audio, sample_rate), MEL_RATE)
    power = librosa.feature.melspectrogram(y=levelled, sr=MEL_RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS)
    mel_db = np.clip(10 * np.log10(np.maximum(power, 1e-10)), FLOOR_DB, CEILING_DB)
    centres = librosa.mel_frequencies(N_MELS + 2, fmin=0.0, fmax=MEL_RATE / 2)[1:-1]
    change = np.abs(np.diff(mel_db, axis=1))
    sounding = np.minimum(mel_db[:, 1:], mel_db[:, :-1]) > FLOOR_DB + 0.1
    figures = []
    for low, high in TEXTURE_HZ:
        band = (centres >= low) & (centres < high)
        counted = change[band][sounding[band]]
        figures.append(float(counted.mean()) if counted.size else float("nan"))
    return figures


def treble_share_db(audio: np.ndarray, sample_rate: int, above_hz: float = TREBLE_HZ) -> float:
    """Share of a recording's energy above a frequency, in dB (0 is all of it), at least `SILENT_TREBLE_DB`.

    Shape:
        audio is ``(S,)``.
    """
    hz, power = welch(audio, sample_rate, nperseg=min(N_FFT, len(audio)))
    held = hz <= MEL_RATE / 2  # what a rate of 44.1 kHz can hold
    share = power[held & (hz >= above_hz)].sum() / max(power[held].sum(), 1e-30)
    return max(SILENT_TREBLE_DB, 10 * float(np.log10(max(share, 1e-30))))


def bandwidth_hz(audio: np.ndarray, sample_rate: int) -> float:
    """The highest frequency at which the mean spectrum is at most 60 dB below its peak, up to 22 050 Hz.

    Shape:
        audio is ``(S,)``.
    """
    hz, power = welch(audio, sample_rate, nperseg=min(N_FFT, len(audio)))
    held = hz <= MEL_RATE / 2
    strong = np.flatnonzero(power[held] >= power[held].max() * 10 ** (-BANDWIDTH_DB / 10))
    return float(hz[strong[-1]])


def noisiness(audio: np.ndarray, sample_rate: int) -> float:
    """Spectral flatness between 1 and 8 kHz in dB: 0 is white noise, a clear tone has -30 or less.

    The mean over frames within 40 dB of the loudest one.

    Shape:
        audio is ``(S,)``.
    """
    levelled, _ = normalise_loudness(_resampled(audio, sample_rate), MEL_RATE)
    power = np.abs(librosa.stft(levelled, n_fft=N_FFT, hop_length=HOP)) ** 2
    level = power.sum(axis=0)
    hz = librosa.fft_frequencies(sr=MEL_RATE, n_fft=N_FFT)
    frames = power[(hz >= NOISE_HZ[0]) & (hz < NOISE_HZ[1])][:, level > level.max() * 10 ** (-_REST_DB / 10)]
    frames = np.maximum(frames, 1e-12)
    return float((10 * np.log10(frames).mean(axis=0) - 10 * np.log10(frames.mean(axis=0))).mean())


def lone_onsets(onsets: Sequence[float]) -> list[float]:
    """Onsets in seconds, chords as one, without those that have another one near.

    >>> lone_onsets([0.5, 0.51, 1.0, 1.1, 2.0])
    [0.5, 2.0]
    """
    struck: list[float] = []
    last = -np.inf
    for onset in sorted(onsets):
        if onset - last > _CHORD:
            struck.append(onset)
        last = onset
    edges = [-np.inf, *struck, np.inf]
    return [
        onset
        for before, onset, after in zip(edges, struck, edges[2:], strict=False)
        if onset - before >= _APART_BEFORE and after - onset >= _APART_AFTER
    ]


def attack_rises(audio: np.ndarray, sample_rate: int, onsets: Sequence[float]) -> list[Rise | None]:
    """The rise of the level above 2 kHz about each onset; None where it is less than fourfold or cut off.

    The level is the RMS over 4 ms every millisecond. Its rise goes from its least in the 60 ms before the onset to its
    peak in the 100 ms after it; each share is passed where the level is below it for the last time before the peak.

    Args:
        audio: Any level.
        sample_rate: In Hz.
        onsets: In seconds, known within some 20 ms.

    Shape:
        audio is ``(S,)``.
    """
    hop, frame = (round(seconds * sample_rate) for seconds in (_ATTACK_HOP, _ATTACK_FRAME))
    above = sosfiltfilt(butter(4, ATTACK_HZ, "high", fs=sample_rate, output="sos"), np.asarray(audio, np.float64))
    power = np.convolve(above**2, np.hanning(frame + 2)[1:-1], "same")[::hop]
    level, seconds_per_step = np.sqrt(np.maximum(power, 0.0)), hop / sample_rate
    return [_rise(level, onset, seconds_per_step) for onset in onsets]


def _rise(level: np.ndarray, onset: float, step: float) -> Rise | None:
    """One attack in a level over time of that step."""
    first, last = round((onset - _BEFORE) / step), round((onset + _AFTER) / step)
    if first < 0 or last > len(level):
        return None
    part = level[first:last]
    peak = int(np.argmax(part))
    floor = part[: peak + 1].min()
    if peak == 0 or part[peak] < LEAST_RISE * max(floor, 1e-7):
        return None
    passed = []
    for share in (0.1, 0.5, 0.9):
        wanted = floor + share * (part[peak] - floor)
        below = int(np.flatnonzero(part[:peak] < wanted)[-1])
        within = (wanted - part[below]) / (part[below + 1] - part[below])
        passed.append((first + below + within) * step)
    return Rise(*passed)


def attack_figures(given: Sequence[Rise | None], made: Sequence[Rise | None]) -> dict[str, list[float]]:
    """Of attacks that are there in both: by how many ms the output is ahead of the input, and its rise time in ms."""
    both = [(a, b) for a, b in zip(given, made, strict=True) if a is not None and b is not None]
    return {
        "lead_10": [1000 * (a.at_10 - b.at_10) for a, b in both],
        "lead_50": [1000 * (a.at_50 - b.at_50) for a, b in both],
        "rise": [1000 * (b.at_90 - b.at_10) for _, b in both],
    }


def _resampled(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """At the mel's rate."""
    if sample_rate == MEL_RATE:
        return audio
    resampled: np.ndarray = soxr.resample(audio, sample_rate, MEL_RATE)
    return resampled
