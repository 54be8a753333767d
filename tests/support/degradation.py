"""Degradation of one recording at a time, with real codecs: what the batches of `augment` are compared with."""

import io

import numpy as np
import soundfile
from scipy.signal import fftconvolve

_CODECS = {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}


def vibrate(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Vibrato of 5 to 40 cents either way, 4 to 7 times per second. No sample moves by a millisecond or more.

    Args:
        audio: Any level.
        sample_rate: In Hz.
        rng: Source of all choices.

    Shape:
        ``(S,)`` -> ``(S,)``, float32.
    """
    depth = np.log(2) / 1200 * rng.uniform(5.0, 40.0)
    turn = 2 * np.pi * rng.uniform(4.0, 7.0) / sample_rate
    index = np.arange(len(audio), dtype=np.float64)
    bent: np.ndarray = np.interp(index + depth / turn * np.sin(turn * index + rng.uniform(0, 2 * np.pi)), index, audio)
    return bent.astype(np.float32)


def equalise(audio: np.ndarray, rng: np.random.Generator, span_db: float = 9.0) -> np.ndarray:
    """A smooth random frequency response over octaves.

    Args:
        audio: Any level.
        rng: Source of all choices.
        span_db: Largest gain and attenuation.

    Shape:
        ``(S,)`` -> ``(S,)``, float32.
    """
    spectrum = np.fft.rfft(audio)
    octave = np.log2(np.arange(len(spectrum)) + 1.0)
    knots = np.linspace(0.0, octave[-1], 8)
    curve_db = np.interp(octave, knots, rng.uniform(-span_db, span_db, len(knots)))
    return np.fft.irfft(spectrum * 10.0 ** (curve_db / 20), len(audio)).astype(np.float32)


def reverberate(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A room: exponentially decaying noise behind the direct sound.

    Args:
        audio: Any level.
        sample_rate: In Hz.
        rng: Source of all choices.

    Shape:
        ``(S,)`` -> ``(S,)``, float32.
    """
    seconds = float(np.exp(rng.uniform(np.log(0.15), np.log(2.5))))  # to -60 dB
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(t)) * 10.0 ** (-3.0 * t / seconds)
    tail[: int(rng.uniform(0.002, 0.02) * sample_rate)] = 0.0
    tail *= rng.uniform(0.1, 0.6) / np.sqrt((tail**2).sum() + 1e-12)
    reverberant: np.ndarray = audio + fftconvolve(audio, tail)[: len(audio)]
    return reverberant.astype(np.float32)


def compress(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft saturation of the peaks.

    Shape:
        ``(S,)`` -> ``(S,)``, float32.
    """
    drive = rng.uniform(0.3, 1.2) / (np.abs(audio).max() + 1e-6)
    compressed: np.ndarray = np.tanh(audio * drive) / drive
    return compressed.astype(np.float32)


def add_noise(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a noise floor, white to brown, 25 to 65 dB below the music.

    Shape:
        ``(S,)`` -> ``(S,)``, float32.
    """
    spectrum = np.fft.rfft(rng.standard_normal(len(audio)))
    spectrum /= (np.arange(len(spectrum)) + 1.0) ** rng.uniform(0.0, 1.0)
    noise = np.fft.irfft(spectrum, len(audio))
    level = np.sqrt((audio**2).mean()) * 10.0 ** (-rng.uniform(25.0, 65.0) / 20)
    noisy: np.ndarray = audio + noise * (level / (noise.std() + 1e-12))
    return noisy.astype(np.float32)


def transcode(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Encode as MP3 or Ogg Vorbis and decode, at 25 to 90 kbit/s for 22 050 Hz; the encoder delay is removed.

    Args:
        audio: Any level.
        sample_rate: In Hz.
        rng: Source of all choices.

    Shape:
        ``(S,)`` -> ``(S,)``, float32.
    """
    container = list(_CODECS)[rng.integers(len(_CODECS))]
    peak = np.abs(audio).max() + 1e-6  # codecs clip at full scale
    coded = io.BytesIO()
    soundfile.write(
        coded,
        audio / peak,
        sample_rate,
        format=container,
        subtype=_CODECS[container],
        compression_level=rng.uniform(0.3, 0.9),
    )
    coded.seek(0)
    decoded, _ = soundfile.read(coded, dtype="float32")
    back = np.zeros(len(audio), np.float32)
    back[: len(decoded)] = decoded[: len(audio)]
    return back * np.float32(peak)
