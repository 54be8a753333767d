"""Energy of a sound over time, measured block by block: all that loudness and place between channels need of it.

Hops last 12.5 ms at every sample rate, so that sounds of two rates can be compared hop by hop. Knows nothing of
decibels.
"""

from dataclasses import dataclass

import numpy as np

from stylebox.core.audio.band_pass import BandPass

HOPS_PER_SECOND = 80
_BLOCK_SAMPLES = 1 << 16  # squared at once, in double precision


@dataclass(frozen=True)
class Energy:
    """Sums over hops of 12.5 ms, of what can be heard of a sound; the last hop may be shorter.

    Attributes:
        squares: Sum of the squared samples.
        samples: Number of samples per channel.

    Shape:
        squares ``(H, C)``, samples ``(H,)``.
    """

    squares: np.ndarray
    samples: np.ndarray

    def power(self) -> np.ndarray:
        """Mean square of each hop, over its samples and channels.

        Shape:
            ``(H,)``.
        """
        power: np.ndarray = self.squares.mean(1) / np.maximum(self.samples, 1)
        return power


class EnergyMeter:
    """Measures the energy of a sound that arrives in blocks of any length, from 20 Hz to 18 kHz.

    Args:
        sample_rate: In Hz.

    >>> meter = EnergyMeter(8000)
    >>> for block in np.ones((3, 70)):
    ...     _ = meter.add(block)
    >>> meter.energy().samples.tolist()
    [100, 100, 10]
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate, self._hops, self._band_pass = sample_rate, 0, BandPass(sample_rate)
        self._pending: np.ndarray | None = None  # samples of the hop that is not complete
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, audio: np.ndarray) -> np.ndarray:
        """Measure the next block.

        Returns:
            What can be heard of it.

        Shape:
            ``(S,)`` or ``(S, C)``, with the same C in every block -> ``(S, C)``, float64.
        """
        audible = self._band_pass.apply(audio[:, None] if audio.ndim == 1 else audio)
        for start in range(0, len(audible), _BLOCK_SAMPLES):
            self._add(audible[start : start + _BLOCK_SAMPLES])
        return audible

    def energy(self) -> Energy:
        """The energy of all blocks so far."""
        parts = list(self._parts)
        if self._pending is not None and len(self._pending):
            parts.append(_sums(self._pending, np.array([0, len(self._pending)])))
        if not parts:
            return Energy(np.zeros((0, 1)), np.zeros(0, int))
        squares, samples = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Energy(squares, samples)

    def _add(self, audio: np.ndarray) -> None:
        """Measure the hops that this block completes."""
        if self._pending is not None and len(self._pending):
            audio = np.concatenate([self._pending, audio])
        begin = int(hop_edges(self._hops, self._rate))
        last = self._hops + len(audio) * HOPS_PER_SECOND // self._rate + 1
        edges = hop_edges(np.arange(self._hops, last + 1), self._rate) - begin
        edges = edges[edges <= len(audio)]
        if len(edges) > 1:
            self._parts.append(_sums(audio, edges))
            self._hops += len(edges) - 1
        self._pending = audio[edges[-1] :].copy()


def measure_energy(audio: np.ndarray, sample_rate: int) -> Energy:
    """The energy of a whole sound.

    Args:
        audio: Any level.
        sample_rate: In Hz.

    Shape:
        ``(S,)`` or ``(S, C)``.
    """
    meter = EnergyMeter(sample_rate)
    meter.add(np.asarray(audio, np.float32))
    return meter.energy()


def hop_edges(hops: np.ndarray | int, sample_rate: int) -> np.ndarray:
    """The first sample of each hop.

    Shape:
        Any shape -> the same.
    """
    return (np.asarray(hops) * (2 * sample_rate) + HOPS_PER_SECOND) // (2 * HOPS_PER_SECOND)


def hop_places(start: int, stop: int, sample_rate: int) -> np.ndarray:
    """Where samples lie, in hops; what is interpolated between hops is taken there.

    Args:
        start: The first sample.
        stop: The one after the last.
        sample_rate: In Hz.

    Shape:
        ``(stop - start,)``, float64.
    """
    return np.arange(start, stop) * (HOPS_PER_SECOND / sample_rate)


def _sums(audio: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the spans between edges, ``(H + 1,)``: squares ``(H, C)``, counts ``(H,)``."""
    return np.add.reduceat(audio[: edges[-1]] ** 2, edges[:-1]), np.diff(edges)
