"""Spectrograms of sound files beside one another, to 20 kHz: an input, an output, a true recording.

For example:
    python -m bench.spectrograms input.wav output.wav true.wav --to picture.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import librosa
import matplotlib
import numpy as np

from bench.excerpts import read

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SECONDS = 4.0
LOWEST_HZ, HIGHEST_HZ, RANGE_DB = 50.0, 20000.0, 80.0
_N_FFT = 2048


def draw(panels: Sequence[tuple[str, np.ndarray, int]], path: Path) -> None:
    """Spectrograms side by side, frequency logarithmic from 50 Hz to 20 kHz, 80 dB below each one's peak.

    Args:
        panels: Title, audio ``(S,)`` and sample rate of each.
        path: PNG file.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6 * len(panels), 5), sharey=True, layout="constrained")
    for axis, (title, audio, sample_rate) in zip(np.atleast_1d(axes), panels, strict=True):
        _panel(axis, audio[: round(SECONDS * sample_rate)], sample_rate)
        axis.set_title(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _panel(axis: Axes, audio: np.ndarray, sample_rate: int) -> None:
    hop = round(0.005 * sample_rate)
    magnitude = np.abs(librosa.stft(np.asarray(audio, np.float32), n_fft=_N_FFT, hop_length=hop))
    level_db = librosa.amplitude_to_db(magnitude, ref=np.max, top_db=RANGE_DB)
    hz = np.arange(len(level_db)) * sample_rate / _N_FFT
    seconds = np.arange(level_db.shape[1]) * hop / sample_rate
    shown = slice(1, None)  # 0 Hz has no place on a logarithmic axis
    axis.pcolormesh(seconds, hz[shown], level_db[shown], cmap="magma", vmin=-RANGE_DB, vmax=0, rasterized=True)
    axis.set(yscale="log", ylim=(LOWEST_HZ, HIGHEST_HZ), xlabel="s", ylabel="Hz", facecolor="black")


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help="sound files, from left to right")
    parser.add_argument("--to", type=Path, required=True, help="PNG file")
    asked = parser.parse_args()
    draw([(path.name, *read(path)) for path in asked.files], asked.to)


if __name__ == "__main__":
    main()
