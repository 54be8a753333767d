"""Random crops of a dataset's recordings, every instrument equally often. Knows no network."""

from collections import defaultdict
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.mel import uint8_to_mel
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.errors import DatasetError
from stylebox.core.music.notes import Note, piano_roll
from stylebox.core.training.augment import degrade, detuned_crop

_LEAD_SECONDS = 1.5  # before a crop: a room still rings with what was played then


class MelCrops:
    """Crops of `num_frames` frames from one split.

    Raises:
        DatasetError: the split holds nothing.
    """

    def __init__(self, dataset: Dataset, split: Literal["train", "valid", "test"], num_frames: int) -> None:
        self.dataset, self.num_frames = dataset, num_frames
        self.recordings = dataset.split(split)
        if not self.recordings:
            raise DatasetError(f"{dataset.path}: none for its {split} split; add some and run `stylebox build`")
        self._of_instrument: dict[str, list[Recording]] = defaultdict(list)
        for recording in self.recordings:
            self._of_instrument[recording.instrument].append(recording)
        self.instruments = tuple(sorted(self._of_instrument))

    def draw(self, rng: np.random.Generator, count: int) -> Tensor:
        """``(count, M, num_frames)`` in [-1, 1]; the same generator state gives the same ones."""
        return torch.stack([self.crop(*self.place(rng)) for _ in range(count)])

    def place(self, rng: np.random.Generator) -> tuple[Recording, int]:
        """A recording and a frame to start at."""
        own = self._of_instrument[self.instruments[rng.integers(len(self.instruments))]]
        recording = own[rng.integers(len(own))]
        return recording, random_start(recording, self.num_frames, rng)

    def crop(self, recording: Recording, start_frame: int) -> Tensor:
        return read_mel(self.dataset, recording, start_frame, self.num_frames)


def random_start(recording: Recording, num_frames: int, rng: np.random.Generator) -> int:
    """A frame at which a crop of `num_frames` of a recording can start; its first where it is too short."""
    first = recording.start_frame
    return int(rng.integers(first, max(first + 1, recording.stop_frame - num_frames)))


def read_mel(dataset: Dataset, recording: Recording, start_frame: int, num_frames: int) -> Tensor:
    """A stretch of a recording's mel, silence past its end.

    Shape:
        ``(M, num_frames)``.
    """
    stored = dataset.mel(recording)[start_frame : min(start_frame + num_frames, recording.stop_frame)]
    mel = uint8_to_mel(stored).T
    return torch.nn.functional.pad(mel, (0, num_frames - mel.shape[1]), value=-1.0)


def recorded_crop(
    dataset: Dataset,
    recording: Recording,
    start_frame: int,
    num_samples: int,
    ratio: float,
    rng: np.random.Generator,
    degraded: bool,
) -> np.ndarray:
    """A stretch of a recording's audio, played `ratio` times as fast, and degraded as by a microphone in some room.

    Shape:
        ``(num_samples,)``, float32.
    """
    config = dataset.mel_config
    start, first = (frame * config.hop_length for frame in (start_frame, recording.start_frame))
    lead = int(min(_LEAD_SECONDS * config.sample_rate, (start - first) / ratio)) if degraded else 0
    stored = dataset.audio(recording)[start - int(lead * ratio) : start + int(num_samples * ratio) + 2]
    audio = detuned_crop(int16_to_audio(stored), 0, lead + num_samples, ratio)
    return degrade(audio, config.sample_rate, rng)[lead:] if degraded else audio


def onset_marks(dataset: Dataset, recording: Recording, start_frame: int, num_frames: int) -> Tensor:
    """Where the notes of a stretch begin, by the recording's exact notes, which it must have.

    Shape:
        ``(N, num_frames)``, float32 in {0, 1}.
    """
    rate = dataset.mel_config.frames_per_second
    notes = notes_within(dataset, recording, start_frame / rate, num_frames / rate)
    return torch.from_numpy(sounding(notes, num_frames, rate)[1].T)


def notes_within(
    dataset: Dataset, recording: Recording, begin_seconds: float, seconds: float, speed: float = 1.0
) -> list[Note]:
    """The exact notes that sound in a stretch of a recording that has them, timed from its beginning.

    Args:
        speed: How many times as fast the stretch is played; `seconds` are of the recording.
    """
    known = dataset.notes(recording)
    assert known is not None
    return [
        Note((row[0] - begin_seconds) / speed, (row[1] - begin_seconds) / speed, int(row[2]), float(row[3]))
        for row in known
        if row[1] > begin_seconds and row[0] < begin_seconds + seconds
    ]


def sounding(notes: list[Note], num_frames: int, frames_per_second: float) -> tuple[np.ndarray, np.ndarray]:
    """Piano rolls of a crop, where a note may have begun before it."""
    inside = [n._replace(start_seconds=max(0.0, n.start_seconds)) for n in notes]
    begun = [n for n, whole in zip(inside, notes, strict=True) if whole.start_seconds >= -0.5 / frames_per_second]
    frame, _ = piano_roll(inside, num_frames, frames_per_second)
    _, onset = piano_roll(begun, num_frames, frames_per_second)
    return frame, onset
