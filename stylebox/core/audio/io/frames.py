"""What FFmpeg decodes: frames as arrays of floats, and how many bits a sample had."""

import re
from collections.abc import Iterator

import av
import numpy as np

from stylebox.core.audio.io.time_line import Silence
from stylebox.core.audio.io.track import Block

_LOSSLESS = {"flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd", "shorten", "wmalossless", "s302m"}


def float_blocks(frames: Iterator[av.AudioFrame | Silence]) -> Iterator[Block]:
    """FFmpeg's frames as arrays, at the rate and with the channels that each has."""
    kind, channels = None, 1
    converter: av.AudioResampler | None = None
    for frame in frames:
        if isinstance(frame, tuple):
            yield from _silence(*frame, channels)
            continue
        channels = frame.layout.nb_channels
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            # Not planar: of 8 channels and more, PyAV 18 reads planes that do not exist, and the program crashes.
            converter = None if kind[0] == "flt" else av.AudioResampler(format="flt")
        for converted in converter.resample(frame) if converter else [frame]:
            yield frame.sample_rate, converted.to_ndarray().reshape(-1, channels)


def _silence(samples: int, rate: int, channels: int) -> Iterator[Block]:
    while samples > 0:
        yield rate, np.zeros((min(samples, rate), channels), np.float32)
        samples -= rate


def bits_per_sample(audio: av.AudioStream, codec: str) -> int:
    """Bits per sample of a lossless codec, 0 for others.

    Args:
        audio: A track.
        codec: Its codec, without the kind of its numbers.
    """
    digits = re.match(r"pcm_[suf](\d+)", audio.codec_context.codec.name)
    if digits:
        return int(digits[1])
    if codec not in _LOSSLESS:
        return 0
    kind = audio.codec_context.format
    return 24 if kind.name.startswith("s32") else 8 * kind.bytes  # 24 bits are decoded to the upper ones of 32
