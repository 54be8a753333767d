"""Encoding samples into a stream: FLAC, Vorbis and MP3 by libsndfile, WAV by code of our own, the rest by FFmpeg.

Knows no file names.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import numpy as np
import soundfile

from stylebox.core.audio.io.containers.ogg import set_plain_serial
from stylebox.core.audio.io.formats import FORMATS, VORBIS_PLACES
from stylebox.core.audio.io.tags import Tags, write_tags
from stylebox.core.audio.io.wav import WavStream
from stylebox.core.interrupts import held_interrupts

# Suffix -> libsndfile's format, subtype, and compression in [0, 1]: Vorbis quality 8 of 10, MP3 V1.
_LIBSNDFILE: dict[str, tuple[str, str, float | None]] = {
    ".flac": ("FLAC", "PCM_16", None),
    ".ogg": ("OGG", "VORBIS", 0.2),
    ".mp3": ("MP3", "MPEG_LAYER_III", 0.1),
}


class Encoder(Protocol):
    """A file of some format being written to a stream."""

    def write(self, block: np.ndarray) -> None:
        """Append float32 samples.

        Shape:
            ``block`` is ``(samples, channels)``.
        """

    def finish(self) -> None:
        """Write what comes last: sizes and tags."""

    def close(self) -> None:
        """Let go of everything, finished or not."""


def begin_file(stream: BinaryIO, suffix: str, sample_rate: int, channels: int, bits: int, tags: Tags) -> Encoder:
    """Begin a file of the format of a suffix.

    Args:
        stream: Empty; can be read, written and searched.
        suffix: One of `FORMATS`.
        sample_rate: In Hz.
        channels: Number of channels.
        bits: 16, 24, or 32, which is float.
        tags: What the file says of its content.
    """
    if suffix == ".wav":
        return _Wav(stream, sample_rate, channels, bits, tags)
    if suffix in _LIBSNDFILE:
        return _Libsndfile(stream, suffix, sample_rate, channels, bits, tags)
    from stylebox.core.audio.io.encode_ffmpeg import FfmpegEncoder  # loads all of FFmpeg

    return FfmpegEncoder(stream, suffix, sample_rate, channels, tags)


def why_not(suffix: str) -> str:
    """Why this machine cannot write a format, with the fix; empty if it can.

    Args:
        suffix: One of `FORMATS`.
    """
    if suffix == ".wav":
        return ""
    if suffix in _LIBSNDFILE:
        known = _LIBSNDFILE[suffix][0] in soundfile.available_formats()  # before libsndfile 1.1: no MP3
        return "" if known else f"libsndfile {soundfile.__libsndfile_version__} cannot write it; update soundfile"
    from stylebox.core.audio.io.encode_ffmpeg import can_encode  # loads all of FFmpeg

    name = FORMATS[suffix].name
    return "" if can_encode(suffix) else f"this FFmpeg has no encoder for {name}; install the wheel of PyAV (av)"


def quantised(block: np.ndarray, bits: int) -> np.ndarray:
    """Samples as integers: int16, or int32 of which the upper 24 bits count; at 32 bits they stay float32.

    Args:
        block: Full scale is 1; louder samples are clipped, except at 32 bits.
        bits: 16, 24 or 32.

    Shape:
        ``block`` has any shape, and the result the same.
    """
    if bits == 32:
        return block
    full_scale = 1 << bits - 1
    integers = np.rint(np.clip(block.astype(np.float64) * full_scale, -full_scale, full_scale - 1))
    return integers.astype(np.int16) if bits == 16 else integers.astype(np.int32) << 8


class _Sink:
    """A stream for libsndfile, whose callbacks must not raise: the first error is kept, and what follows is ignored."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        return self._unfailing(self._stream.write, content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._unfailing(self._stream.seek, offset, whence)

    def tell(self) -> int:
        return self._unfailing(self._stream.tell)

    def read(self, size: int) -> bytes:
        return b""

    def _unfailing(self, call: Callable[..., int], *arguments: object) -> int:
        try:
            return 0 if self.error else call(*arguments)
        except OSError as error:
            self.error = error
            return 0


class _Wav:
    """WAV."""

    def __init__(self, stream: BinaryIO, sample_rate: int, channels: int, bits: int, tags: Tags) -> None:
        self._bits, self._file = bits, WavStream(stream, sample_rate, channels, bits, tags)

    def write(self, block: np.ndarray) -> None:
        self._file.write(quantised(block, self._bits))

    def finish(self) -> None:
        self._file.finish()

    def close(self) -> None:
        """Nothing is kept open."""


class _Libsndfile:
    """FLAC, Ogg Vorbis and MP3."""

    def __init__(self, stream: BinaryIO, suffix: str, sample_rate: int, channels: int, bits: int, tags: Tags) -> None:
        container, subtype, compression = _LIBSNDFILE[suffix]
        self._stream, self._suffix, self._bits, self._tags = stream, suffix, bits, tags
        self._sink = _Sink(stream)
        subtype = f"PCM_{bits}" if subtype.startswith("PCM") else subtype
        with self._errors_of_the_disk():
            self._file = soundfile.SoundFile(
                self._sink, "w", sample_rate, channels, subtype, format=container, compression_level=compression
            )

    def write(self, block: np.ndarray) -> None:
        # Of 16-bit stereo libsndfile makes broken MP3, and Vorbis takes no integers.
        samples = quantised(block, self._bits) if self._suffix == ".flac" else np.clip(block, -1, 1)
        if self._suffix == ".ogg" and block.shape[1] in VORBIS_PLACES:
            samples = samples[:, VORBIS_PLACES[block.shape[1]]]
        with self._errors_of_the_disk():
            self._file.write(samples)

    def finish(self) -> None:
        with self._errors_of_the_disk():
            self._file.close()
        if self._suffix == ".ogg":
            set_plain_serial(self._stream)
        write_tags(self._stream, self._suffix, self._tags)

    def close(self) -> None:
        with held_interrupts():
            self._file.close()

    @contextmanager
    def _errors_of_the_disk(self) -> Iterator[None]:
        """Raise the error of the stream instead of what libsndfile makes of it; Ctrl-C waits."""
        try:
            with held_interrupts():
                yield
        finally:
            if self._sink.error is not None:
                raise self._sink.error
