"""Cuts a recording or converts its format: decodes and writes it in blocks, at its own rate and channels.

Knows nothing of where recordings come from.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from stylebox.core.audio.io.decode import Block, decode
from stylebox.core.audio.io.write import FORMATS, MP3_RATES
from stylebox.core.errors import AudioError
from stylebox.core.paths import atomic_path

_CHANNELS = {".mp3": 2, ".flac": 8, ".wav": 32}  # maximum; more are mixed to one
_SUBTYPES = {".flac": "PCM_24", ".wav": "PCM_24"}  # a lossy source decodes to more than 16 bits
_MP3_RATE = 48000  # Hz; replaces rates that MP3 does not have


def write_excerpt(source: Path, target: Path, start: float | None = None, end: float | None = None) -> float:
    """Write the part of `source` between `start` and `end` in the format of the suffix of `target`.

    Channels and rate stay where the format allows them. Samples beyond full scale are clipped.

    Args:
        source: Any recording.
        target: .flac or .wav (both 24 bit), or .mp3.
        start: Seconds; None is the beginning.
        end: Seconds; None or a time after the end is the end.

    Returns:
        Seconds written.

    Raises:
        AudioError: `source` cannot be decoded, or ends before `start`.
    """
    suffix = target.suffix.lower()
    container, subtype, compression = FORMATS[suffix]
    subtype = _SUBTYPES.get(suffix, subtype)
    written, rate = 0, 1
    try:
        with source.open("rb") as stream, atomic_path(target) as partial:
            blocks = _writable(_between(decode(stream, str(source)), start or 0.0, end), suffix)
            first = next(iter(blocks), None)
            if first is None:
                raise AudioError(f"{source}: ends before {start or 0:g} s; correct start and end")
            rate, block = first
            with soundfile.SoundFile(
                partial, "w", rate, block.shape[1], subtype, format=container, compression_level=compression
            ) as file:
                file.write(block)
                written = len(block)
                for _, block in blocks:
                    file.write(block)
                    written += len(block)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{target}: cannot be written ({error}); try another --codec") from error
    return written / rate


def _between(blocks: Iterable[Block], start: float, end: float | None) -> Iterator[Block]:
    """The samples from `start` to `end` seconds; decoding stops at `end`."""
    at = 0
    for rate, block in blocks:
        first, stop = round(start * rate) - at, None if end is None else round(end * rate) - at
        if stop is not None and stop <= 0:
            return
        kept = block[max(first, 0) : stop]
        at += len(block)
        if len(kept):
            yield rate, kept


def _writable(blocks: Iterable[Block], suffix: str) -> Iterator[Block]:
    """Blocks with as many channels as the first, or mixed to one, at a rate that the format has."""
    channels, converter, last_rate = 0, None, 0
    for rate, block in blocks:
        channels = channels or (block.shape[1] if block.shape[1] <= _CHANNELS[suffix] else 1)
        if block.shape[1] != channels:  # a broadcast may change its channels
            block = np.repeat(block.mean(axis=1, keepdims=True), channels, axis=1)
        if suffix == ".mp3" and rate not in MP3_RATES:
            if converter is None:
                converter = soxr.ResampleStream(rate, _MP3_RATE, channels, dtype="float32", quality="HQ")
            block, rate = converter.resample_chunk(np.ascontiguousarray(block)), _MP3_RATE
            block = block.reshape(-1, channels)
        last_rate = rate
        if len(block):
            yield rate, block
    if converter is not None:
        rest = converter.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        if len(rest):
            yield last_rate, rest.reshape(-1, channels)
