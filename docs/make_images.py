"""Make the sounds in examples/ and the README's pictures of them: `python docs/make_images.py`. Takes two minutes.

The shipped model makes the sounds. Run it again after a change of the model.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import stylebox
from stylebox.core.audio.io.read import load_audio
from stylebox.core.jobs.spectrogram_image import RANGE_DB, frequency_ticks, loudest_db, spectrogram
from stylebox.core.music.register import key_name

ROOT = Path(__file__).parent.parent
EXAMPLES, IMAGES = ROOT / "examples", ROOT / "docs" / "images"
OUTPUTS = (("piano.flac", "violin"), ("piano.flac", "guitar"), ("saxophone.ogg", "flute"))
SEED = 1
MOST_BYTES = 150_000  # of a picture


def main() -> None:
    """All of them."""
    model = stylebox.load("base")
    for name, style in OUTPUTS:
        source = EXAMPLES / name
        result = model.transfer(source, style=style, seed=SEED)
        result.save(source.with_name(f"{source.stem}-{style}.mp3"))
        if style == "violin":
            before = load_audio(source, result.sample_rate)
            titles = (f"{source.name}, the input", f"{source.stem}-{style}.mp3, the output")
            save(spectrogram_figure((before, result.audio), result.sample_rate, titles), IMAGES / "before-after.png")
        if style == "flute":
            title = f"{source.stem}-{style}.mp3, the notes found in {source.name}"
            save(note_figure(result.notes, title), IMAGES / "notes.png")


def spectrogram_figure(sounds: Sequence[np.ndarray], sample_rate: int, titles: Sequence[str]) -> Figure:
    """Spectrograms beside one another, on the same axes and the same scale of levels."""
    figure = Figure(figsize=(9, 3), dpi=110, layout="constrained")
    shown = [spectrogram(sound, sample_rate) for sound in sounds]
    loudest = loudest_db([levels for levels, _ in shown])
    axes = figure.subplots(1, len(sounds), sharey=True)
    for axis, title, (levels, step) in zip(axes, titles, shown, strict=True):
        extent = (-step / 2, (levels.shape[1] - 0.5) * step, 0, 1)
        axis.imshow(
            levels, "magma", aspect="auto", origin="lower", extent=extent, vmin=loudest - RANGE_DB, vmax=loudest
        )
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel("time in seconds")
    ticks = frequency_ticks(sample_rate)
    axes[0].set_yticks([share for _, share in ticks], [str(hz) for hz, _ in ticks])
    axes[0].set_ylabel("frequency in Hz")
    return figure


def note_figure(notes: Sequence[stylebox.Note], title: str) -> Figure:
    """Notes over time, darker where they are louder."""
    figure = Figure(figsize=(9, 2.6), dpi=110, layout="constrained")
    axis = figure.subplots()
    for note in notes:
        colour = str(round(0.7 * (1 - note.velocity), 2))
        axis.barh(note.pitch, note.end_seconds - note.start_seconds, 0.8, note.start_seconds, color=colour)
    keys = range(min(note.pitch for note in notes) - 1, max(note.pitch for note in notes) + 2)
    shown = [key for key in keys if key % 12 in (0, 2, 4, 5, 7, 9, 11)]
    axis.set_yticks(shown, [key_name(key) for key in shown])
    axis.set_ylim(keys[0], keys[-1])
    axis.set_xlim(left=0)
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel("time in seconds")
    axis.grid(color="0.9")
    axis.set_axisbelow(True)
    return figure


def save(figure: Figure, path: Path) -> None:
    """A figure as a PNG of 256 colours."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(256).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{path}: is too large for a page"


if __name__ == "__main__":
    main()
