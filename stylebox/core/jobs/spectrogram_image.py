"""Two spectrograms, one below the other, as one image. The only module that draws sound.

The frequency axis is logarithmic: every octave has the same height.
"""

import io
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylebox.core.paths import atomic_path

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


def spectrogram(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float]:
    """Levels over time and frequency, and the seconds per column.

    Returns:
        Levels in dB, 0 for a sine of full scale, and seconds. Rows are spaced evenly in octaves, from `LOWEST_HZ` up.

    Shape:
        audio ``(S,)``, the result ``(ROWS, columns)``.
    """
    edges_hz = np.geomspace(LOWEST_HZ, sample_rate / 2, ROWS + 1)[:-1]
    first_bins = np.round(edges_hz / sample_rate * _FFT).astype(int)
    window = np.hanning(_FFT + 1)[:-1]
    padded = np.pad(np.asarray(audio, np.float32), _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    pooled = math.ceil(len(frames) / MOST_COLUMNS)
    block = pooled * max(1, _BLOCK_FRAMES // pooled)
    columns = []
    for start in range(0, len(frames), block):
        power = np.abs(np.fft.rfft(frames[start : start + block] * window)) ** 2
        rows = np.maximum.reduceat(power, first_bins, axis=1)  # a row above the first few is many bins: the loudest
        columns.append(np.maximum.reduceat(rows, np.arange(0, len(rows), pooled), axis=0))
    power = np.concatenate(columns).T / (window.sum() / 2) ** 2
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), pooled * _HOP / sample_rate


def spectrograms(before: np.ndarray, after: np.ndarray, sample_rate: int, titles: tuple[str, str]) -> "Figure":
    """Two sounds, one below the other, on the same axes and the same scale of levels.

    Args:
        before: The upper one.
        after: The lower one.
        sample_rate: Of both, in Hz.
        titles: Of both.

    Shape:
        before and after are ``(S,)``, not necessarily of one length.
    """
    # the object interface needs neither pyplot's global state nor a display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    shown = [spectrogram(audio, sample_rate) for audio in (before, after)]
    loudest = max(FLOOR_DB + RANGE_DB, *(float(levels.max()) for levels, _ in shown))
    low, high = math.log2(LOWEST_HZ), math.log2(sample_rate / 2)
    ticks = [hz for hz in _TICKS_HZ if hz < sample_rate / 2]
    for axis, title, (levels, step) in zip(axes, titles, shown, strict=True):
        extent = (-step / 2, (levels.shape[1] - 0.5) * step, low, high)
        image = axis.imshow(
            levels, "magma", aspect="auto", origin="lower", extent=extent, vmin=loudest - RANGE_DB, vmax=loudest
        )
        axis.set_title(title, loc="left", parse_math=False)
        axis.set_ylabel("frequency in Hz")
        axis.set_yticks([math.log2(hz) for hz in ticks], [str(hz) for hz in ticks])
    axes[1].set_xlabel("time in seconds")
    axes[1].set_xlim(0, max(len(before), len(after)) / sample_rate)
    figure.colorbar(image, ax=axes, label="level in dB")
    return figure


def png(figure: "Figure") -> bytes:
    """A figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may have letters that the font lacks
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def write_png(path: Path, figure: "Figure") -> None:
    """A figure as a PNG file, whole or not at all."""
    drawn = png(figure)
    with atomic_path(path) as partial:
        partial.write_bytes(drawn)
