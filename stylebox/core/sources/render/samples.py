"""Plays notes with recorded single notes: transposes the nearest sample, shapes it and mixes the result.

Knows no SoundFont and no score; `sample_sets` finds the samples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stylebox.core.audio.io.read import AudioReader
from stylebox.core.audio.place import fold_weights
from stylebox.core.errors import AudioError, SourceError
from stylebox.core.music.notes import Note, key_hz

MAX_TRANSPOSE = 6  # semitones; a sample transposed further no longer sounds like its instrument
ATTACK_SECONDS = 0.03  # maximum, from the start of a note until it is loud

_MAX_SECONDS = 8.0  # of a sample
_MIN_SECONDS = 0.1
_SEARCHED_SECONDS = 2.0  # in which a sample must begin
_LEVEL = 0.1  # RMS of the loudest 100 ms of a sample, after levelling
_CACHED_NOTES = 160


@dataclass(frozen=True)
class Sample:
    """One recorded note, ready to be transposed."""

    audio: np.ndarray  # float32 (S,), levelled, beginning at the onset
    sample_rate: int
    pitch: float  # sounding, a MIDI number with fractions


class SampleSet:
    """Decoded samples of one sound source, all at the same level."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = sorted(samples, key=lambda sample: sample.pitch)
        self.pitches = np.array([sample.pitch for sample in self.samples])
        self._transposed: dict[tuple[int, int, int], np.ndarray] = {}

    @classmethod
    def open(cls, files: Sequence[tuple[Path, float]]) -> Self:
        """Decode samples, given with their sounding pitches: MIDI numbers with fractions.

        Raises:
            SourceError: A file is unusable (see `read_sample`), or there is none.
        """
        if not files:
            raise SourceError("no samples to play with")
        samples: list[Sample] = []
        for path, pitch in files:
            audio, sample_rate, _ = read_sample(path)
            samples.append(Sample(_levelled(audio, sample_rate), sample_rate, pitch))
        return cls(samples)

    def transposed(self, index: int, pitch: int, sample_rate: int) -> np.ndarray:
        """Resample a sample to another pitch.

        Args:
            index: Position in `samples`.
            pitch: A MIDI number.
            sample_rate: Of the result, in Hz.

        Shape:
            The result is float32 ``(S,)``.
        """
        import soxr

        key = (index, pitch, sample_rate)
        if key not in self._transposed:
            if len(self._transposed) >= _CACHED_NOTES:
                self._transposed.clear()
            sample = self.samples[index]
            played_rate = sample.sample_rate * 2 ** ((pitch - sample.pitch) / 12)
            self._transposed[key] = soxr.resample(sample.audio, played_rate, sample_rate).astype(np.float32)
        return self._transposed[key]


def read_sample(path: Path) -> tuple[np.ndarray, int, list[str]]:
    """Read a recorded note from its onset, mono, at most eight seconds of it.

    Returns:
        The audio, its sample rate in Hz, and what was left out of it.

    Shape:
        The audio is float32 ``(S,)``.

    Raises:
        SourceError: It cannot be read, or holds no note.
    """
    try:
        with AudioReader(path) as reader:
            sample_rate = reader.native_rate
            audio = _beginning(reader, round((_SEARCHED_SECONDS + _MAX_SECONDS) * sample_rate))
    except AudioError as error:
        raise SourceError(str(error)) from error
    trimmed = _from_onset(audio, sample_rate)
    if not len(trimmed):
        raise SourceError(f"{path}: silent in its first {_SEARCHED_SECONDS:g} s")
    if len(trimmed) < _MIN_SECONDS * sample_rate:
        raise SourceError(f"{path}: shorter than {_MIN_SECONDS:g} s")
    return trimmed, sample_rate, reader.remarks


def _beginning(blocks: Iterable[np.ndarray], num_samples: int) -> np.ndarray:
    """The first samples of a sound, mono, ``(S,)``; channels in opposite phase do not cancel each other."""
    parts: list[np.ndarray] = []
    for block in blocks:
        parts.append(block[:num_samples])
        num_samples -= len(parts[-1])
        if num_samples <= 0:
            break
    audio = np.concatenate(parts or [np.zeros((0, 1), np.float32)])
    mono: np.ndarray = audio @ fold_weights(audio.T @ audio)
    return mono


def synthesise(
    notes: Sequence[Note],
    samples: SampleSet,
    seconds: float,
    sample_rate: int,
    rng: np.random.Generator,
    sustained: bool = False,
    release_seconds: float = 0.3,
) -> np.ndarray:
    """Play `notes` with recorded samples.

    Args:
        notes: In any order.
        samples: The samples to play with.
        seconds: Length of the result.
        sample_rate: Of the result, in Hz.
        rng: Varies which of two near samples plays a note, and its level by about 1 dB.
        sustained: Whether to hold notes longer than the sample by looping it; otherwise they decay as recorded.
        release_seconds: From the end of a note until its level has fallen by 60 dB.

    Shape:
        The result is float32 ``(S,)`` with S = ``round(seconds * sample_rate)``.
    """
    audio = np.zeros(round(seconds * sample_rate), np.float32)
    for note in notes:
        near = np.argsort(np.abs(samples.pitches - note.pitch), kind="stable")[:2]
        use_second = len(near) > 1 and abs(samples.pitches[near[1]] - note.pitch) <= 2.5 and rng.random() < 0.3
        tone = samples.transposed(int(near[int(use_second)]), note.pitch, sample_rate)
        length = round((note.end_seconds - note.start_seconds) * sample_rate)
        release = round(release_seconds * sample_rate)
        if sustained:
            tone = _held(tone, length + release, sample_rate)
        tone = _softened(tone[: length + release], note, sample_rate)
        envelope = np.ones(len(tone), np.float32)
        tail = max(0, len(tone) - length)
        envelope[len(tone) - tail :] = 10 ** (-3 * np.arange(tail) / max(release, 1))
        gain = 10 ** ((30 * np.log10(note.velocity) + rng.normal() * 0.7) / 20)
        start = round(note.start_seconds * sample_rate)
        stop = min(len(audio), start + len(tone))
        if stop > start:
            audio[start:stop] += (gain * tone * envelope)[: stop - start]
    return audio


def _from_onset(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """`audio` from its audible start, faded in and out; a slow attack is shortened.

    A player begins a slow attack early, so that the note is loud in time.
    """
    window = max(1, sample_rate // 100)
    frames = audio[: round(_SEARCHED_SECONDS * sample_rate)]
    frames = frames[: len(frames) // window * window].reshape(-1, window)
    envelope = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
    peak = float(np.abs(frames).max(initial=0.0))
    if peak <= 1e-4:
        return audio[:0]
    audible = int(np.argmax(np.abs(audio) > 0.05 * peak)) - round(0.003 * sample_rate)
    strong = int(np.argmax(envelope > 0.4 * envelope.max())) * window - round(ATTACK_SECONDS * sample_rate)
    onset = max(0, audible, strong)
    kept = audio[onset : onset + round(_MAX_SECONDS * sample_rate)].copy()
    rise = min(round((0.003 if onset == audible else 0.02) * sample_rate), len(kept)) if onset else 0
    fall = min(round(0.03 * sample_rate), len(kept))
    kept[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    kept[len(kept) - fall :] *= np.linspace(1, 0, fall, dtype=np.float32)
    return kept


def _levelled(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """`audio` scaled so that its loudest 100 ms have the common level."""
    window = min(len(audio), max(1, sample_rate // 10))
    energy = np.concatenate([[0.0], np.cumsum(audio.astype(np.float64) ** 2)])
    power = (energy[window:] - energy[:-window]) / window
    levelled: np.ndarray = (audio * (_LEVEL / np.sqrt(power.max()))).astype(np.float32)
    return levelled


def _held(tone: np.ndarray, length: int, sample_rate: int) -> np.ndarray:
    """`tone`, extended to at least `length` samples by looping its steady middle with a crossfade."""
    window = max(1, sample_rate // 20)
    power = np.add.reduceat(tone**2, np.arange(0, len(tone), window))
    steady = np.flatnonzero(power > 0.25 * np.median(power[power > 1e-3 * power.max()]))
    stop = min(len(tone), (int(steady[-1]) if len(steady) else len(power)) * window)
    start = round(0.4 * stop)
    fade = min(round(0.12 * sample_rate), (stop - start) // 2)
    if min(len(tone), stop) >= length or fade < 8:
        return tone
    rise = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
    held = tone[:stop].copy()
    while len(held) < length:
        held[-fade:] = held[-fade:] * rise[::-1] + tone[start : start + fade] * rise
        held = np.concatenate([held, tone[start + fade : stop]])
    return held


def _softened(tone: np.ndarray, note: Note, sample_rate: int) -> np.ndarray:
    """Make a soft note duller: a one-pole low-pass above its pitch, whose cutoff rises with the velocity."""
    cutoff = max(1500 * 2 ** (3.5 * note.velocity), 3 * key_hz(note.pitch))
    if cutoff > 0.45 * sample_rate:
        return tone
    size = 1 << (len(tone) + sample_rate // 20).bit_length()
    one_pole = 1 / (1 + 1j * np.fft.rfftfreq(size, 1 / sample_rate) / cutoff)
    return np.fft.irfft(np.fft.rfft(tone, size) * one_pole, size)[: len(tone)].astype(np.float32)
