"""A picture of a style: the spectrogram of notes over its range, as a model plays them."""

from pathlib import Path

from stylebox.core.files import refuse_overwrite
from stylebox.core.jobs.generate import generate
from stylebox.core.jobs.outputs import SideOutputs
from stylebox.core.jobs.spectrogram_image import spectrograms, write_png
from stylebox.core.jobs.style_list import StyleInfo
from stylebox.core.music.notes import Note
from stylebox.core.music.register import key_name
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import ProgressCallback, silent

NOTES = 5  # of each of the two rows: soft, then loud
NOTE_SECONDS = 1.0
_USUAL_KEYS = (55, 79)  # of a style whose register is unknown, as MIDI numbers
_VELOCITIES = (0.35, 0.9)


def check_picture(path: Path, force: bool) -> None:
    """Raise before the work what would fail after it.

    Args:
        path: The picture.
        force: Replace an existing file.

    Raises:
        StyleboxError: The file exists or cannot be written, or is not named as a PNG file.
    """
    SideOutputs(plot=path).check()
    refuse_overwrite(path, force)


def write_style_picture(path: Path, style: StyleInfo, pipeline: Pipeline, progress: ProgressCallback = silent) -> None:
    """Play notes over the usual register of a style, soft and loud, and draw their spectrograms.

    Args:
        path: The PNG file.
        style: Its name and its register.
        pipeline: The loaded model.
        progress: Called as work goes on.

    Raises:
        StyleboxError: There is no such style, or the file cannot be written.
    """
    options = TransferOptions(style.name, seed=0, transpose=0)
    low = _USUAL_KEYS[0] if style.usual_lowest_key is None else style.usual_lowest_key
    high = _USUAL_KEYS[1] if style.usual_highest_key is None else style.usual_highest_key
    keys = [round(low + at * (high - low) / (NOTES - 1)) for at in range(NOTES)]
    sounds = []
    for velocity in _VELOCITIES:
        notes = [Note(at * NOTE_SECONDS, (at + 0.8) * NOTE_SECONDS, key, velocity) for at, key in enumerate(keys)]
        sounds.append(generate(pipeline, options, notes=notes, progress=progress).audio)
    played = ", ".join(map(key_name, keys))
    titles = (f"{style.name}, soft: {played}", f"{style.name}, loud")
    write_png(path, spectrograms(sounds, pipeline.sample_rate, titles))
