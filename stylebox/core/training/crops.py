"""Random crops of a dataset's recordings, every instrument equally often. Knows no network."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.mel import uint8_to_mel
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import Groups, random_frames
from stylebox.core.errors import DatasetError
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, ONSET_FRAMES
from stylebox.core.training.frame_store import FrameStore


class MelCrops:
    """Random mel crops of some recordings, every instrument equally often."""

    def __init__(self, dataset: Dataset, recordings: list[Recording], num_frames: int) -> None:
        """Crop recordings.

        Args:
            dataset: Holds the recordings.
            recordings: Which of them, for example one split.
            num_frames: Length of a crop.

        Raises:
            DatasetError: There are none.
        """
        self.dataset, self.num_frames, self.recordings = dataset, num_frames, recordings
        if not recordings:
            raise DatasetError(
                f"{dataset.place}: too few recordings to train and to validate; add some and run `stylebox build`"
            )
        self.store = mel_store(dataset, self.recordings)
        self._instruments = Groups([r.instrument for r in self.recordings])
        self._start = np.array([r.start_frame for r in self.recordings])
        self._stop = np.array([r.stop_frame for r in self.recordings])

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy the mels to the device, if they fit; see `FrameStore.place`."""
        self.store.place(device, limit)

    def draw(self, rng: np.random.Generator, count: int) -> Tensor:
        """Random crops in [-1, 1]; the same generator state gives the same crops.

        Shape:
            ``(count, M, num_frames)``.
        """
        return self.expand(self.fetch(rng, count))["mel"]

    def fetch(self, rng: np.random.Generator, count: int, share: slice = slice(None)) -> dict[str, Tensor]:
        """What `expand` needs for random crops, on the CPU; the same generator state gives the same crops.

        Args:
            rng: Source of all choices.
            count: Number of crops.
            share: Which of them.

        Shape:
            ``mel`` as `FrameStore.fetch` gives it.
        """
        which, start = self.places(rng, count)
        return {"mel": self.store.fetch(which[share], start[share], self.num_frames)}

    def expand(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The crops that `fetch` chose, in [-1, 1], on the device.

        Shape:
            ``mel`` is ``(B, M, num_frames)``.
        """
        return {"mel": rows_to_mel(self.store.rows(batch["mel"], self.num_frames))}

    def places(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Random recordings, as positions in `recordings`, and random frames to start at.

        Shape:
            Both are ``(count,)``, int.
        """
        chance = rng.random((2, count))
        which = self._instruments.member(rng.integers(len(self._instruments.size), size=count), chance[0])
        return which, random_frames(self._start[which], self._stop[which] - self.num_frames, chance[1])


def mel_store(dataset: Dataset, recordings: Sequence[Recording]) -> FrameStore:
    """The mels of some recordings, one byte per band and frame."""
    return FrameStore(
        recordings, dataset.mel_config.n_mels, lambda recording, start, stop: dataset.mel(recording)[start:stop]
    )


def rows_to_mel(rows: Tensor) -> Tensor:
    """Stored frames to mels in [-1, 1]; 0 is silence.

    Shape:
        ``(B, T, M)``, uint8 -> ``(B, M, T)``, float32.
    """
    return (rows.float() / 127.5 - 1.0).transpose(1, 2).contiguous()


def random_start(recording: Recording, num_frames: int, rng: np.random.Generator) -> int:
    """A random frame at which a crop can start; the first one if the recording is too short.

    Args:
        recording: To crop.
        num_frames: Length of the crop.
        rng: Source of the choice.
    """
    first = recording.start_frame
    return int(rng.integers(first, max(first + 1, recording.stop_frame - num_frames)))


def read_mel(dataset: Dataset, recording: Recording, start_frame: int, num_frames: int) -> Tensor:
    """A crop of a recording's mel in [-1, 1], with silence past its end.

    Args:
        dataset: Holds the recording.
        recording: To crop.
        start_frame: Of the crop.
        num_frames: Length of the crop.

    Shape:
        ``(M, num_frames)``.
    """
    stored = dataset.mel(recording)[start_frame : min(start_frame + num_frames, recording.stop_frame)]
    mel = uint8_to_mel(stored).T
    return torch.nn.functional.pad(mel, (0, num_frames - mel.shape[1]), value=-1.0)


def onset_marks(dataset: Dataset, recording: Recording, start_frame: int, stop_frame: int) -> np.ndarray:
    """The onsets in a section of a recording, from its exact notes; none where these are unknown.

    Args:
        dataset: Holds the recording.
        recording: Any.
        start_frame: Of the section.
        stop_frame: Behind the last frame of the section.

    Shape:
        ``(T, N)``, uint8 in {0, 1}.
    """
    marks = np.zeros((stop_frame - start_frame, NUM_KEYS), np.uint8)
    notes = dataset.notes(recording)
    if notes is not None:
        begin = np.rint(notes[:, 0].astype(np.float64) * dataset.mel_config.frames_per_second).astype(np.int64)
        key = notes[:, 2].astype(np.int64) - LOWEST_KEY
        for frame in (begin - start_frame + n for n in range(ONSET_FRAMES)):
            inside = (frame >= 0) & (frame < len(marks)) & (key >= 0) & (key < NUM_KEYS)
            marks[frame[inside], key[inside]] = 1
    return marks
