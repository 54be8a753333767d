"""Sounds and files for the tests of reading and writing."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from stylebox.core.audio.io.formats import FORMATS

SAMPLE_RATE = 44100
SUFFIXES = tuple(FORMATS)
NOT_EVERYWHERE = {"libopencore_amrnb"}  # an encoder that PyAV 18 has and PyAV 19 lacks; others must be there


def rate_of(suffix: str) -> int:
    """A rate that a format has: 44.1 kHz, but 48 for Opus."""
    return FORMATS[suffix].nearest_rate(SAMPLE_RATE)


@cache
def notes(sample_rate: int = SAMPLE_RATE, seconds: float = 2.0) -> np.ndarray:
    """Plucked notes with a little noise: unlike a sine, it shows where it begins."""
    t = np.arange(round(seconds * sample_rate) + 17) / sample_rate
    plucked = sum(0.2 / h * np.sin(2 * np.pi * 220 * h * t) for h in range(1, 9))
    noise = 1e-3 * np.random.default_rng(0).standard_normal(t.size)
    return (plucked * np.exp(-4 * (t % 0.5)) + noise).astype(np.float32)


def tone(hz: float, sample_rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    """A sine."""
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def signal_to_error_db(wanted: np.ndarray, got: np.ndarray) -> float:
    """Power of a sound over that of the difference to another."""
    assert wanted.shape == got.shape
    return 10 * float(np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2)))


def loudest_hz(audio: np.ndarray, sample_rate: int) -> float:
    """Frequency of the strongest partial, interpolated between bins."""
    level = np.log(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) + 1e-12)
    k = int(np.argmax(level[1:-1])) + 1
    a, b, c = level[k - 1 : k + 2]
    return float((k + (a - c) / (2 * (a - 2 * b + c))) * sample_rate / len(audio))


def encode(
    path: Path,
    codec: str | None,
    sample_rate: int,
    video: bool = False,
    audio: float | np.ndarray = 2.0,
    **options: str,
) -> Path:
    """A file as FFmpeg writes it: a sound or seconds of `notes` in `codec`, beside a picture if `video`."""
    if codec in NOT_EVERYWHERE and codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    with av.open(str(path), "w", options=options) as container:
        sound = codec and container.add_stream(codec, rate=sample_rate, layout="mono", options=options)
        if video:
            film = container.add_stream("mpeg4", rate=10)
            film.width = film.height = 32
            film.pix_fmt = "yuv420p"
            for shade in range(20):
                picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade * 10, np.uint8))
                container.mux(film.encode(picture))
            container.mux(film.encode(None))
        if sound:
            assert isinstance(sound, av.AudioStream)
            samples = audio if isinstance(audio, np.ndarray) else notes(sample_rate, audio)
            frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path
