"""The paper's dataset: greyscale PNG images of 3 s chunks, one folder per instrument (for ImageFolder).

A pixel is a value of the 8-bit mel that every preset uses: black is silence, and no image is rescaled.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from stylebox.core.audio.mel import MelSpectrogram, mel_to_uint8
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.files import atomic_path
from stylebox.core.paper.chunks import Chunk, find_chunks
from stylebox.core.progress import Progress, ProgressCallback, silent

_BATCH = 32  # chunks transformed at once
_OURS = re.compile(r".+-[0-9a-f]{12}(\.valid|\.test)?_\d{4,}(\.\d+\.part)?\.png")


def export_images(
    dataset: Dataset,
    to: Path | None = None,
    split: Literal["train", "valid", "test"] = "train",
    progress: ProgressCallback = silent,
) -> dict[str, int]:
    """Write ``<to>/<split>/<instrument>/<recording id>_<chunk>.png`` for every chunk of a split.

    Images of an earlier export that no longer belong to the dataset are deleted.

    Args:
        dataset: Where the recordings are.
        to: Folder to write to; default: ``images`` in the folder of the dataset.
        split: Recordings to export.
        progress: Called after every batch of images.

    Returns:
        Number of images by instrument.
    """
    folder = (dataset.path / "images" if to is None else to) / split
    chunks = find_chunks(dataset, split)
    wanted = {_picture_path(folder, chunk) for chunk in chunks}
    for path in folder.glob("*/*.png"):
        if path not in wanted and _OURS.fullmatch(path.name):
            path.unlink()
    spectrogram = MelSpectrogram(dataset.mel_config)
    for start in range(0, len(chunks), _BATCH):
        batch = chunks[start : start + _BATCH]
        for chunk, picture in zip(batch, draw_chunks(dataset, batch, spectrogram), strict=True):
            _write_png(_picture_path(folder, chunk), picture)
        progress(Progress("pictures", start + len(batch), len(chunks), batch[-1].recording.source))
    return dict(Counter(chunk.recording.instrument for chunk in chunks))


def draw_chunks(dataset: Dataset, chunks: Sequence[Chunk], spectrogram: MelSpectrogram) -> np.ndarray:
    """Mels of chunks as images: lowest band in the bottom row, time to the right.

    Args:
        dataset: Where the audio of the chunks is.
        chunks: All of one length.
        spectrogram: From audio to mel, with the mel settings of the dataset.

    Shape:
        The result is ``(B, M, T)``, uint8; 128 high and 130 wide with the default mel settings.
    """
    audio = np.stack([dataset.audio(c.recording)[c.start_sample : c.start_sample + c.num_samples] for c in chunks])
    with torch.no_grad():
        mel = mel_to_uint8(spectrogram(torch.from_numpy(int16_to_audio(audio))))
    return mel[:, ::-1]


def _picture_path(folder: Path, chunk: Chunk) -> Path:
    return folder / chunk.recording.instrument / f"{chunk.name}.png"


def _write_png(path: Path, picture: np.ndarray) -> None:
    from PIL import Image  # only pictures need it

    with atomic_path(path) as partial:
        Image.fromarray(np.ascontiguousarray(picture)).save(partial)
