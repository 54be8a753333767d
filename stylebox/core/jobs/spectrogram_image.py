"""Spectrograms of sounds: one below the other as one image, or each as an image without axes.

The only module that draws sound.

The frequency axis is logarithmic: every octave has the same height.
"""

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylebox.core.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST_HZ = 40.0
ROWS = 400  # of an image, from `LOWEST_HZ` to half the sample rate
MOST_COLUMNS = 1500  # of an image; a column of a long recording shows its loudest moment
RANGE_DB = 80.0  # from the loudest to what is drawn black
FLOOR_DB = -120.0
_FFT, _HOP = 8192, 1024  # samples; at 44.1 kHz, 5 Hz from bin to bin
_BLOCK_FRAMES = 256  # computed at once: bounds the memory
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_COLOURS = "magma"
_TITLE_LETTERS = 90  # that fit above a picture


def spectrogram(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float]:
    """Levels over time and frequency, and the seconds per column; see `SpectrogramMeter`.

    Shape:
        audio ``(S,)`` or ``(S, C)``, of which the mean is shown; the result ``(ROWS, columns)``.
    """
    meter = SpectrogramMeter(len(audio), sample_rate)
    meter.add(audio)
    return meter.levels()


class SpectrogramMeter:
    """The spectrogram of a sound that comes in blocks; memory does not grow with it.

    Args:
        num_samples: Length of the sound.
        sample_rate: In Hz.
    """

    def __init__(self, num_samples: int, sample_rate: int) -> None:
        edges_hz = np.geomspace(LOWEST_HZ, sample_rate / 2, ROWS + 1)[:-1]
        self._first_bins = np.round(edges_hz / sample_rate * _FFT).astype(int)
        self._window = np.hanning(_FFT + 1)[:-1]
        self._pooled = math.ceil((num_samples // _HOP + 1) / MOST_COLUMNS)
        self._at_once = self._pooled * max(1, _BLOCK_FRAMES // self._pooled)
        self._step_seconds = self._pooled * _HOP / sample_rate
        self._pieces, self._held = [np.zeros(_FFT // 2, np.float32)], _FFT // 2  # samples that frames still need
        self._columns: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples, and return them.

        Shape:
            ``(S,)`` or ``(S, C)``, of which the mean is shown.
        """
        self._hold(block.mean(1) if block.ndim == 2 else block)
        if self._held >= (self._at_once - 1) * _HOP + _FFT:
            samples = np.concatenate(self._pieces)
            while len(samples) >= (self._at_once - 1) * _HOP + _FFT:
                self._columns.append(self._loudest(samples[: (self._at_once - 1) * _HOP + _FFT]))
                samples = samples[self._at_once * _HOP :]
            self._pieces, self._held = [samples], len(samples)
        return block

    def levels(self) -> tuple[np.ndarray, float]:
        """The spectrogram of the whole sound, and the seconds per column; nothing can be added after it.

        Returns:
            Levels in dB, 0 for a sine of full scale, and seconds. Rows are spaced evenly in octaves, from `LOWEST_HZ`
            up.

        Shape:
            ``(ROWS, columns)``.
        """
        self._hold(np.zeros(_FFT // 2, np.float32))
        if self._held >= _FFT:
            self._columns.append(self._loudest(np.concatenate(self._pieces)))
        power = np.concatenate(self._columns).T / (self._window.sum() / 2) ** 2
        return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), self._step_seconds

    def _hold(self, mono: np.ndarray) -> None:
        self._pieces.append(np.asarray(mono, np.float32))
        self._held += len(mono)

    def _loudest(self, samples: np.ndarray) -> np.ndarray:
        """The columns of some frames; each is the loudest of `_pooled` frames, ``(columns, ROWS)``."""
        frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::_HOP]
        power = np.abs(np.fft.rfft(frames * self._window)) ** 2
        rows = np.maximum.reduceat(power, self._first_bins, axis=1)  # a row above the first few is many bins
        found: np.ndarray = np.maximum.reduceat(rows, np.arange(0, len(rows), self._pooled), axis=0)
        return found


def loudest_db(levels: Sequence[np.ndarray]) -> float:
    """The top of a scale of levels that suits several spectrograms, in dB.

    Shape:
        Each ``(ROWS, columns)``.
    """
    return max(FLOOR_DB + RANGE_DB, *(float(one.max()) for one in levels))


def frequency_ticks(sample_rate: int) -> list[tuple[int, float]]:
    """Frequencies to label on the axis, in Hz, and their height as a share of the image."""
    octaves = math.log2(sample_rate / 2 / LOWEST_HZ)
    return [(hz, math.log2(hz / LOWEST_HZ) / octaves) for hz in _TICKS_HZ if hz < sample_rate / 2]


def palette_png(levels: np.ndarray, loudest: float) -> bytes:
    """A spectrogram as a PNG image without axes, one pixel per level, in 256 colours.

    Args:
        levels: In dB.
        loudest: The level of the brightest colour, in dB; `RANGE_DB` below it is black.

    Shape:
        levels ``(ROWS, columns)``.
    """
    from matplotlib import colormaps
    from PIL import Image

    shares = (levels[::-1] - loudest) / RANGE_DB + 1
    image = Image.fromarray(np.round(255 * shares.clip(0, 1)).astype(np.uint8)).convert("P")
    image.putpalette(colormaps[_COLOURS](np.arange(256), bytes=True)[:, :3].tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def spectrograms(sounds: Sequence[np.ndarray], sample_rate: int, titles: Sequence[str]) -> "Figure":
    """Sounds, one below the other, on the same axes and the same scale of levels.

    Args:
        sounds: From the top, at least two.
        sample_rate: Of all, in Hz.
        titles: Of all.

    Shape:
        Each sound is ``(S,)`` or ``(S, C)``, not necessarily of one length.
    """
    seconds = max(map(len, sounds)) / sample_rate
    return drawn([spectrogram(sound, sample_rate) for sound in sounds], seconds, sample_rate, titles)


def drawn(
    shown: Sequence[tuple[np.ndarray, float]], seconds: float, sample_rate: int, titles: Sequence[str]
) -> "Figure":
    """Spectrograms, one below the other, on the same axes and the same scale of levels.

    Args:
        shown: What `spectrogram` gives for each sound, from the top, at least two.
        seconds: Length of the longest sound.
        sample_rate: Of all, in Hz.
        titles: Of all.

    Shape:
        The levels are ``(ROWS, columns)``.
    """
    from matplotlib.style import context

    with context("default"):  # settings of the user's may ask for LaTeX, or for another size
        return _drawn(shown, seconds, sample_rate, titles)


def _drawn(
    shown: Sequence[tuple[np.ndarray, float]], seconds: float, sample_rate: int, titles: Sequence[str]
) -> "Figure":
    # the object interface needs neither pyplot's global state nor a display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.5 * len(shown)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(shown), 1, sharex=True, sharey=True)
    loudest = loudest_db([levels for levels, _ in shown])
    ticks = frequency_ticks(sample_rate)
    for axis, title, (levels, step) in zip(axes, titles, shown, strict=True):
        extent = (-step / 2, (levels.shape[1] - 0.5) * step, 0, 1)
        image = axis.imshow(
            levels, _COLOURS, aspect="auto", origin="lower", extent=extent, vmin=loudest - RANGE_DB, vmax=loudest
        )
        axis.set_title(_short(title), loc="left", parse_math=False)
        axis.set_ylabel("frequency in Hz")
        axis.set_yticks([share for _, share in ticks], [str(hz) for hz, _ in ticks])
    axes[-1].set_xlabel("time in seconds")
    axes[-1].set_xlim(0, seconds)
    figure.colorbar(image, ax=axes, label="level in dB")
    return figure


def png(figure: "Figure") -> bytes:
    """A figure as PNG; the same figure gives the same bytes."""
    from matplotlib.style import context

    buffer = io.BytesIO()
    with warnings.catch_warnings(), context("default"):
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may have letters that the font lacks
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _short(title: str) -> str:
    """A title in one line; names of files may have 255 letters, line breaks, and bytes that are no letters."""
    line = " ".join(title.encode("utf-8", "replace").decode().split())
    return line if len(line) <= _TITLE_LETTERS else f"{line[: _TITLE_LETTERS - 1]}…"


def write_png(path: Path, figure: "Figure") -> None:
    """A figure as a PNG file, whole or not at all."""
    content = png(figure)
    with atomic_path(path, follow_link=True) as partial:
        partial.write_bytes(content)
