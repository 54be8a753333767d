"""A block processor at the rate of its host, whatever the rate of the model."""

from typing import Protocol

import numpy as np
import soxr

from stylebox.core.audio.io.numbers import without_nonsense
from stylebox.core.errors import AudioError

_SPARE_SECONDS, _SPARE_SAMPLES = 0.05, 1200  # of output: the filters of both directions hold back samples


class BlockProcessor(Protocol):
    """Turns blocks of sound into blocks of the same size, later by a fixed latency."""

    latency_samples: int

    @property
    def sample_rate(self) -> int:
        """Rate of the blocks, in Hz."""

    @property
    def load(self) -> float:
        """Time that the processing took lately, relative to the time of the sound; above 1 it is too slow."""

    def process(self, block: np.ndarray) -> np.ndarray:
        """The next block of the output.

        Shape:
            ``(S,)`` -> ``(S,)``, float32.
        """


def mono_block(block: np.ndarray) -> np.ndarray:
    """A block as a host gives it: float32, with silence where a sample is no number, or absurdly large.

    Raises:
        AudioError: It has several channels.

    Shape:
        ``(S,)`` -> ``(S,)``.
    """
    if np.ndim(block) != 1:
        raise AudioError(f"a block is mono, (S,), not {np.shape(block)}; mix its channels")
    return without_nonsense(np.asarray(block, np.float32))[0]


class AtRate:
    """A block processor whose blocks are at another rate.

    Args:
        processor: At its own rate.
        sample_rate: Rate of the blocks, in Hz.
    """

    def __init__(self, processor: BlockProcessor, sample_rate: int) -> None:
        self._processor, self._sample_rate = processor, sample_rate
        own = processor.sample_rate
        self._in, self._out = (
            soxr.ResampleStream(*rates, 1, dtype="float32") for rates in ((sample_rate, own), (own, sample_rate))
        )
        spare = round(_SPARE_SECONDS * sample_rate) + _SPARE_SAMPLES
        self.latency_samples = round(processor.latency_samples * sample_rate / own) + spare
        self._ready = np.zeros(spare, np.float32)

    @property
    def sample_rate(self) -> int:
        """Rate of the blocks, in Hz."""
        return self._sample_rate

    @property
    def load(self) -> float:
        """As of the processor."""
        return self._processor.load

    def process(self, block: np.ndarray) -> np.ndarray:
        """The next block of the output.

        Shape:
            ``(S,)`` -> ``(S,)``, float32.
        """
        made = self._processor.process(self._in.resample_chunk(mono_block(block)))
        self._ready = np.append(self._ready, self._out.resample_chunk(made))
        out, self._ready = self._ready[: len(block)], self._ready[len(block) :]
        return out


def at_rate(processor: BlockProcessor, sample_rate: int) -> BlockProcessor:
    """The processor, with blocks at a rate.

    Args:
        processor: At its own rate.
        sample_rate: Rate of the blocks, in Hz.
    """
    return processor if processor.sample_rate == sample_rate else AtRate(processor, sample_rate)
