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

_LEAD_SECONDS = 1.5  # before a crop: its reverberation reaches into the crop


class MelCrops:
    """Random mel crops of one split, every instrument equally often."""

    def __init__(self, dataset: Dataset, split: Literal["train", "valid", "test"], num_frames: int) -> None:
        """Crop the recordings of a split.

        Args:
            dataset: Holds the recordings.
            split: Which of them.
            num_frames: Length of a crop.

        Raises:
            DatasetError: The split is empty.
        """
        self.dataset, self.num_frames = dataset, num_frames
        self.recordings = dataset.split(split)
        if not self.recordings:
            raise DatasetError(f"{dataset.path}: no recordings in its {split} split; add some and run `stylebox build`")
        self._of_instrument: dict[str, list[Recording]] = defaultdict(list)
        for recording in self.recordings:
            self._of_instrument[recording.instrument].append(recording)
        self.instruments = tuple(sorted(self._of_instrument))

    def draw(self, rng: np.random.Generator, count: int) -> Tensor:
        """Random crops in [-1, 1]; the same generator state gives the same crops.

        Shape:
            ``(count, M, num_frames)``.
        """
        return torch.stack([self.crop(*self.place(rng)) for _ in range(count)])

    def place(self, rng: np.random.Generator) -> tuple[Recording, int]:
        """A random recording, and a random frame to start at."""
        own = self._of_instrument[self.instruments[rng.integers(len(self.instruments))]]
        recording = own[rng.integers(len(own))]
        return recording, random_start(recording, self.num_frames, rng)

    def crop(self, recording: Recording, start_frame: int) -> Tensor:
        """The crop of a recording that starts at a frame.

        Shape:
            ``(M, num_frames)``.
        """
        return read_mel(self.dataset, recording, start_frame, self.num_frames)


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


def recorded_crop(
    dataset: Dataset,
    recording: Recording,
    start_frame: int,
    num_samples: int,
    ratio: float,
    rng: np.random.Generator,
    degraded: bool,
) -> np.ndarray:
    """A crop of a recording's audio, resampled and optionally degraded.

    Args:
        dataset: Holds the recording.
        recording: To crop.
        start_frame: Of the crop, in frames of the mel.
        num_samples: Length of the crop.
        ratio: Speed and pitch; 2 is an octave higher.
        rng: Source of all choices.
        degraded: Add a room, a microphone and noise; see `degrade`.

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
    """The onsets of a crop from the exact notes of a recording, which it must have.

    Args:
        dataset: Holds the recording.
        recording: To crop.
        start_frame: Of the crop.
        num_frames: Length of the crop.

    Shape:
        ``(N, num_frames)``, float32 in {0, 1}.
    """
    rate = dataset.mel_config.frames_per_second
    notes = notes_within(dataset, recording, start_frame / rate, num_frames / rate)
    return torch.from_numpy(sounding(notes, num_frames, rate)[1].T)


def notes_within(
    dataset: Dataset, recording: Recording, begin_seconds: float, seconds: float, speed: float = 1.0
) -> list[Note]:
    """The exact notes of a recording that sound in a section of it, timed from the start of the section.

    Args:
        dataset: Holds the recording.
        recording: With known notes.
        begin_seconds: Start of the section.
        seconds: Length of the section, in time of the recording.
        speed: Factor by which the section is played faster.
    """
    known = dataset.notes(recording)
    assert known is not None
    return [
        Note((row[0] - begin_seconds) / speed, (row[1] - begin_seconds) / speed, int(row[2]), float(row[3]))
        for row in known
        if row[1] > begin_seconds and row[0] < begin_seconds + seconds
    ]


def sounding(notes: list[Note], num_frames: int, frames_per_second: float) -> tuple[np.ndarray, np.ndarray]:
    """Piano rolls of a crop. A note that began before the crop has no onset.

    Args:
        notes: Timed from the start of the crop.
        num_frames: Length of the crop.
        frames_per_second: Of the rolls.

    Shape:
        Frame and onset rolls, both ``(num_frames, N)``.
    """
    inside = [n._replace(start_seconds=max(0.0, n.start_seconds)) for n in notes]
    begun = [n for n, whole in zip(inside, notes, strict=True) if whole.start_seconds >= -0.5 / frames_per_second]
    frame, _ = piano_roll(inside, num_frames, frames_per_second)
    _, onset = piano_roll(begun, num_frames, frames_per_second)
    return frame, onset
