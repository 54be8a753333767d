"""A recording as a transfer takes it: blocks that can be read again, measured once, then folded to the model's mono.

Nothing here holds a whole recording. Knows nothing of files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from stylebox.core.audio.band_pass import BandPass
from stylebox.core.audio.energy import Energy, EnergyMeter
from stylebox.core.audio.io.read import resample_blocks
from stylebox.core.audio.loudness import gain_to, loudness_of
from stylebox.core.audio.place import fold_weights

_BLOCK_SAMPLES = 1 << 16


class Recording(Protocol):
    """A sound in blocks, from its beginning each time it is read."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples; full scale is 1.

        Shape:
            ``(S, C)`` each, float32.
        """


@dataclass(frozen=True)
class ArrayRecording:
    """A recording that is an array.

    Attributes:
        audio: Full scale is 1.
        sample_rate: In Hz.

    Shape:
        audio ``(S,)`` or ``(S, C)``.
    """

    audio: np.ndarray
    sample_rate: int

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples.

        Shape:
            ``(S, C)`` each.
        """
        audio = self.audio[:, None] if self.audio.ndim == 1 else self.audio
        for start in range(0, len(audio), _BLOCK_SAMPLES):
            yield np.asarray(audio[start : start + _BLOCK_SAMPLES], np.float32)


@dataclass(frozen=True)
class Measured:
    """What one reading of a recording tells.

    Attributes:
        num_samples: Its length.
        energy: Over time, per channel.
        weights: Of the channels in the fold to mono.
        fold_db: Level of the fold relative to the mean power of the channels.

    Shape:
        weights ``(C,)``.
    """

    num_samples: int
    energy: Energy
    weights: np.ndarray
    fold_db: float

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.weights)

    @property
    def silent(self) -> bool:
        """Whether no part of it reaches -60 dBFS."""
        return not np.isfinite(loudness_of(self.energy))

    @property
    def gain_db(self) -> float:
        """The gain that brings the recording to the common loudness."""
        return gain_to(self.energy)


def measure(recording: Recording) -> Measured:
    """Read a recording once: its length, levels, and how its channels go together; what no ear hears does not count."""
    meter, products, num_samples = EnergyMeter(recording.sample_rate), np.zeros((1, 1)), 0
    for block in recording.blocks():
        audible = meter.add(block)
        products = products + audible.T @ audible
        num_samples += len(block)
    covariance = products / max(num_samples, 1)
    weights = fold_weights(covariance)
    folded, mean = weights @ covariance @ weights, np.trace(covariance) / len(weights)
    fold_db = 10 * np.log10(max(folded, 1e-12 * mean) / mean) if mean > 0 else 0.0
    return Measured(num_samples, meter.energy(), weights, float(fold_db))


@dataclass(frozen=True)
class MonoSource:
    """The model's view of a recording: one channel, at the common loudness, at the model's rate.

    Attributes:
        recording: Read again by each call.
        sample_rate: The model's, in Hz.
    """

    recording: Recording
    sample_rate: int

    @cached_property
    def measured(self) -> Measured:
        """Of the recording."""
        return measure(self.recording)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.measured.num_samples / self.recording.sample_rate

    @property
    def num_samples(self) -> int:
        """Length at the model's rate."""
        return length_at(self.measured.num_samples, self.recording.sample_rate, self.sample_rate)

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples.

        Shape:
            ``(S,)`` each.
        """
        known = self.measured
        weights = known.weights * np.float32(10 ** ((known.gain_db - known.fold_db) / 20))
        band_pass = BandPass(self.recording.sample_rate)  # the networks know no rumble
        folded = (band_pass.apply((block @ weights)[:, None]).astype(np.float32) for block in self.recording.blocks())
        own_rate = resample_blocks(folded, self.recording.sample_rate, self.sample_rate, 1)
        return (block[:, 0] for block in fitted(own_rate, self.num_samples, 1))


def spans_of(blocks: Iterator[np.ndarray], spans: Iterable[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Some spans of a sound in blocks, in order; they may overlap.

    Args:
        blocks: All samples.
        spans: First sample of each, and the one after its last; within the sound.

    Shape:
        ``(S,)`` or ``(S, C)`` each -> ``(last - first,)`` or ``(last - first, C)``.
    """
    pieces: list[np.ndarray] = []
    begin = end = 0  # of the pieces, in samples of the whole
    for first, last in spans:
        while end < last:
            piece = next(blocks)
            end += len(piece)
            if end <= first:  # nothing before the span is kept
                pieces, begin = [], end
            else:
                pieces.append(piece)
        held = np.concatenate(pieces)[first - begin :]
        pieces, begin = [held], first
        yield held[: last - first]


def length_at(num_samples: int, from_rate: int, to_rate: int) -> int:
    """Length of a sound at another rate, at least 1 if it was.

    Args:
        num_samples: Its length.
        from_rate: Its rate, in Hz.
        to_rate: The other rate, in Hz.
    """
    return max(round(num_samples * to_rate / from_rate), min(num_samples, 1))


def fitted(blocks: Iterable[np.ndarray], num_samples: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks of a sound, cut or padded with silence to a length.

    Args:
        blocks: In order.
        num_samples: Length of the result.
        channels: Number of channels.

    Shape:
        ``(S, C)`` each -> the same.
    """
    left = num_samples
    for block in blocks:
        kept = block[:left]
        left -= len(kept)
        if len(kept):
            yield kept
    if left:
        yield np.zeros((left, channels), np.float32)
