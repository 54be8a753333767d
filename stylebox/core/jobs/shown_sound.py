"""A sound as pictures and pages show it: its spectrogram and, for a page, its file, both from one reading in blocks.

Knows nothing of what the sound is.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from stylebox.core.audio.clipping import excess_db, turned_down
from stylebox.core.audio.io.formats import FORMATS
from stylebox.core.audio.io.read import resample_blocks
from stylebox.core.audio.io.write import AudioWriter
from stylebox.core.jobs.spectrogram_image import SpectrogramMeter

LOSSLESS_SECONDS = 240.0  # of all channels together, up to which files are FLAC; more makes a page slow to open


@dataclass(frozen=True)
class ShownSound:
    """What a picture or a page needs of a sound.

    Attributes:
        num_samples: Its length.
        sample_rate: In Hz.
        levels: Its spectrogram, in dB.
        step_seconds: Per column of the spectrogram.
        file: The sound as a file; empty unless it was asked for.
        suffix: Of the file, with its dot.

    Shape:
        levels ``(ROWS, columns)``.
    """

    num_samples: int
    sample_rate: int
    levels: np.ndarray
    step_seconds: float
    file: bytes = b""
    suffix: str = ""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.num_samples / self.sample_rate


def show(
    blocks: Callable[[], Iterable[np.ndarray]], num_samples: int, sample_rate: int, channels: int, suffix: str = ""
) -> ShownSound:
    """Read a sound once, or twice if its file would clip, in memory that does not grow with it but by the file.

    Args:
        blocks: Gives all samples; full scale is 1.
        num_samples: Length of the sound.
        sample_rate: In Hz.
        channels: Number of channels.
        suffix: Of the file; without one there is none.

    Shape:
        The blocks are ``(S, C)`` each; for the result see `ShownSound`.
    """
    meter = SpectrogramMeter(num_samples, sample_rate)
    measured = (meter.add(block) for block in blocks())
    if not suffix:
        for _ in measured:
            pass
        return ShownSound(num_samples, sample_rate, *meter.levels())
    file, peak = _encoded(measured, sample_rate, channels, suffix)
    if peak > 1.0:
        quieter = (turned_down(block, excess_db(peak)) for block in blocks())
        file, _ = _encoded(quieter, sample_rate, channels, suffix)
    return ShownSound(num_samples, sample_rate, *meter.levels(), file, suffix)


def page_suffix(samples: int, sample_rate: int) -> str:
    """The format of the sounds of a page: lossless, or MP3 where the page would be too large to open.

    Args:
        samples: Of all channels of all sounds together.
        sample_rate: In Hz.
    """
    return ".flac" if samples <= LOSSLESS_SECONDS * sample_rate else ".mp3"


def _encoded(blocks: Iterator[np.ndarray], sample_rate: int, channels: int, suffix: str) -> tuple[bytes, float]:
    """A file with the rate and the channels that its format holds, and the peak of what was written."""
    stream, format = io.BytesIO(), FORMATS[suffix]
    if channels > format.max_channels:
        blocks, channels = (block.mean(1, keepdims=True) for block in blocks), 1
    rate = format.nearest_rate(sample_rate)
    with AudioWriter((stream, suffix), rate, channels) as writer:
        for block in resample_blocks(blocks, sample_rate, rate, channels):
            writer.write(block)
    return stream.getvalue(), writer.peak
