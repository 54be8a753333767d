"""FFmpeg's frames as arrays of floats."""

from collections.abc import Iterator

import av
import numpy as np

from stylebox.core.audio.io.time_line import Silence
from stylebox.core.audio.io.track import Block


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
