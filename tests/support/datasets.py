"""A dataset of generated mels with known values and without audio; it opens at once."""

from pathlib import Path

import numpy as np

from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Manifest, Recording, write_manifest

NUMBER_STEP = 10  # band 0 of recording n is n times this, in 0..255, throughout
PAPER_MEL = load_preset("paper").mel


def write_dataset(folder: Path, instruments: tuple[str, ...] = ("piano", "violin"), frames: int = 150) -> Dataset:
    """Write three recordings per instrument, the last of each for validation; values grow fourfold in the middle."""
    (folder / "mels").mkdir(parents=True)
    recordings = []
    for number in range(3 * len(instruments)):
        instrument = instruments[number // 3]
        name = f"{instrument}-{number}"
        rng = np.random.default_rng(number)
        mel = rng.integers(0, 50, (frames, PAPER_MEL.n_mels), dtype=np.uint8)
        mel[frames // 2 :] *= 4
        mel[:, 0] = number * NUMBER_STEP
        np.save(folder / "mels" / f"{name}.npy", mel)
        recordings.append(
            Recording(
                id=name,
                files=name,
                instrument=instrument,
                source=f"{instrument}/{number}.wav",
                sha256=name,
                title=name,
                seconds=frames / PAPER_MEL.frames_per_second,
                samples=frames * 512,
                frames=frames,
                loudness_db=-20.0,
                gain_db=-3.0,
                split="valid" if number % 3 == 2 else "train",
                stop_frame=frames,
            )
        )
    write_manifest(folder, Manifest(mel=PAPER_MEL, recordings=tuple(recordings)))
    return Dataset.open(folder)
