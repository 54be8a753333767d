"""Cuts a recording or converts its format, in blocks, at its own rate and channels.

Knows nothing of where recordings come from.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from stylebox.core.audio.clipping import excess_db
from stylebox.core.audio.io.formats import FORMATS
from stylebox.core.audio.io.read import AudioReader
from stylebox.core.audio.io.write import AudioWriter
from stylebox.core.errors import AudioError

_MP3_RATE = 48000  # Hz; replaces rates that MP3 does not have
_CLIPPED_DB = 1.0  # from which on it is reported


def write_excerpt(
    source: Path, target: Path, start: float | None = None, end: float | None = None
) -> tuple[float, list[str]]:
    """Write the part of `source` between `start` and `end` in the format of the suffix of `target`.

    Channels and rate stay where the format allows them; more channels than it holds are mixed to one. Samples beyond
    full scale are clipped. Tags stay.

    Args:
        source: Any recording.
        target: .flac or .wav (both 24 bit), or .mp3.
        start: Seconds; None is the beginning.
        end: Seconds; None or a time after the end is the end.

    Returns:
        Seconds written, and what was left out, filled with silence, clipped or not kept.

    Raises:
        AudioError: `source` cannot be decoded, ends before `start`, or holds no numbers between `start` and `end`.
    """
    format = FORMATS[target.suffix.lower()]
    fits = format.nearest_rate(native := _native_rate(source)) == native
    rate = None if fits else _MP3_RATE if format.rates else format.highest_rate
    with AudioReader(source, rate) as reader:
        tags = reader.read_tags()
        mixes = reader.channels > format.max_channels
        bits = max(bits for bits in format.bits if bits <= 24)  # a lossy source decodes to more than 16
        channels = 1 if mixes else reader.channels
        with AudioWriter(target, reader.sample_rate, channels, bits, tags, follow_link=False) as writer:
            for block in _between(reader, reader.sample_rate, start or 0.0, end):
                writer.write(block.mean(axis=1) if mixes else block)
            if not writer.samples:
                length = f"it lasts {reader.samples / reader.sample_rate:.1f} s; correct start and end"
                raise AudioError(f"{source}: {start or 0:g} s is beyond its end, {length}")
            reader.report_damage()
            lost = [] if fits else [f"not kept: {native} Hz ({format.name}: {reader.sample_rate} Hz)"]
            if mixes:
                holds = f"{format.name} holds {format.max_channels}; folded to mono"
                lost.append(f"not kept: {reader.channels} channels ({holds})")
            return writer.samples / reader.sample_rate, [*reader.remarks, *_clipped(writer.peak), *lost]


def _clipped(peak: float) -> list[str]:
    """A remark on samples beyond full scale, unless they are as few as lossy formats give."""
    excess = excess_db(peak)
    return [f"its peaks are {excess:.1f} dB too loud for the format; they are clipped"] if excess > _CLIPPED_DB else []


def _native_rate(source: Path) -> int:
    with AudioReader(source) as reader:
        return reader.native_rate


def _between(blocks: Iterable[np.ndarray], sample_rate: int, start: float, end: float | None) -> Iterator[np.ndarray]:
    """The samples from `start` to `end` seconds; decoding stops at `end`."""
    at = 0
    for block in blocks:
        first, stop = round(start * sample_rate) - at, None if end is None else round(end * sample_rate) - at
        if stop is not None and stop <= 0:
            return
        kept = block[max(first, 0) : stop]
        at += len(block)
        if len(kept):
            yield kept
