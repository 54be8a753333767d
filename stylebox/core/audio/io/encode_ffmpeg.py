"""FFmpeg as an encoder, through PyAV: AAC in MP4, and Opus in Ogg. Knows no file names.

Both files state how many samples the encoder puts in front, so that players and FFmpeg begin where the sound begins.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import BinaryIO, NamedTuple

import av
import numpy as np

from stylebox.core.audio.io.containers.ogg import set_plain_serial
from stylebox.core.audio.io.tags import Tags, write_tags
from stylebox.core.interrupts import held_interrupts

_BITEXACT = 1 << 23  # flag of a codec: no version of the library in the file, so that equal sound gives equal bytes


class Codec(NamedTuple):
    """How FFmpeg names things.

    Attributes:
        codec: The encoder.
        container: The kind of file.
        samples: As the encoder takes them.
        bit_rate: Bits per second and channel.
    """

    codec: str
    container: str
    samples: str
    bit_rate: int


CODECS = {".m4a": Codec("aac", "ipod", "fltp", 128_000), ".opus": Codec("libopus", "ogg", "flt", 96_000)}


def can_encode(suffix: str) -> bool:
    """Whether the FFmpeg of this machine has the encoder of a suffix, .m4a or .opus."""
    try:
        return bool(av.Codec(CODECS[suffix].codec, "w"))
    except ValueError:  # unknown to it
        return False


class FfmpegEncoder:
    """AAC or Opus.

    Args:
        stream: Empty; can be read, written and searched.
        suffix: .m4a or .opus.
        sample_rate: In Hz.
        channels: 1 or 2.
        tags: What the file says of its content.
    """

    def __init__(self, stream: BinaryIO, suffix: str, sample_rate: int, channels: int, tags: Tags) -> None:
        self._kind, self._layout = CODECS[suffix], "stereo" if channels == 2 else "mono"
        self._stream, self._suffix, self._sample_rate, self._tags, self._given = stream, suffix, sample_rate, tags, 0
        options = {"fflags": "+bitexact"}
        if suffix == ".m4a":  # its edit list counts in this unit: in milliseconds it cuts off the last few samples
            options["movie_timescale"] = str(sample_rate)
        with _errors_of_the_disk():
            self._container = av.open(stream, "w", format=self._kind.container, options=options)
            audio = self._container.add_stream(self._kind.codec, rate=sample_rate, layout=self._layout)
            assert isinstance(audio, av.AudioStream)
            audio.bit_rate = self._kind.bit_rate * channels
            audio.codec_context.flags |= _BITEXACT
            self._audio = audio

    def write(self, block: np.ndarray) -> None:
        """Append float32 samples.

        Shape:
            ``block`` is ``(samples, channels)``.
        """
        clipped = np.clip(block, -1, 1)
        planes = clipped.T if self._kind.samples == "fltp" else clipped.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), self._kind.samples, self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._sample_rate, self._given, Fraction(1, self._sample_rate)
        self._given += len(block)
        self._encode(frame)

    def finish(self) -> None:
        """Write what the encoder keeps back, the index, and the tags."""
        self._encode(None)
        with _errors_of_the_disk():
            self._container.close()
        if self._suffix == ".opus":
            set_plain_serial(self._stream)
        write_tags(self._stream, self._suffix, self._tags)

    def close(self) -> None:
        """Let go of everything, finished or not."""
        with suppress(OSError), _errors_of_the_disk():
            self._container.close()

    def _encode(self, frame: av.AudioFrame | None) -> None:
        with _errors_of_the_disk():
            self._container.mux(self._audio.encode(frame))


@contextmanager
def _errors_of_the_disk() -> Iterator[None]:
    """Raise errors of FFmpeg as errors of the disk; Ctrl-C waits."""
    try:
        with held_interrupts():
            yield
    except av.FFmpegError as error:
        raise OSError(getattr(error, "errno", 0) or 0, error.strerror or str(error)) from error
