"""The paper's chunks: 3 s each, from the first sound of a recording to its last. Knows nothing of images.

The name of a chunk is the id of its recording and its number there. It does not depend on the rest of the dataset.
"""

from typing import Literal, NamedTuple

import numpy as np

from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording

CHUNK_SECONDS = 3.0
TRIM_DB = 20.0  # below the loudest moment; quieter audio at both ends is cut
_TRIM_HOP = 512  # samples; levels are taken over four of these


class Chunk(NamedTuple):
    """A stretch of a recording.

    Attributes:
        recording: The recording that it is cut from.
        number: Its position among the chunks of the recording, from 0.
        start_sample: Where it starts in the audio of the recording.
        num_samples: Its length.
    """

    recording: Recording
    number: int
    start_sample: int
    num_samples: int

    @property
    def name(self) -> str:
        """Unique within a dataset."""
        return f"{self.recording.id}_{self.number:04d}"


def find_chunks(dataset: Dataset, split: Literal["train", "valid", "test"] = "train") -> list[Chunk]:
    """All chunks of a split, sorted by instrument, recording and number. A remainder under 3 s is dropped."""
    config = dataset.mel_config
    num_samples = round(CHUNK_SECONDS * config.sample_rate)
    chunks = []
    for recording in sorted(dataset.split(split), key=lambda r: (r.instrument, r.id)):
        first = recording.start_frame * config.hop_length
        last = min(recording.stop_frame * config.hop_length, recording.samples)
        start, stop = sounding_range(dataset.audio(recording)[first:last])
        chunks += [
            Chunk(recording, number, first + start + number * num_samples, num_samples)
            for number in range((stop - start) // num_samples)
        ]
    return chunks


def sounding_range(audio: np.ndarray) -> tuple[int, int]:
    """Where the audio within 20 dB of the loudest moment starts and stops, in samples, as by librosa's ``trim``.

    Silence gives (0, 0).

    Shape:
        ``audio`` is ``(S,)``, int16 or float.
    """
    whole = audio[: len(audio) // _TRIM_HOP * _TRIM_HOP].reshape(-1, _TRIM_HOP)
    energy = np.einsum("ij,ij->i", whole, whole, dtype=np.float64)
    level = np.convolve(np.pad(energy, 2), np.ones(4), "valid")
    sounding = np.flatnonzero(level > level.max() * 10 ** (-TRIM_DB / 10))
    if len(sounding) == 0:
        return 0, 0
    return int(sounding[0]) * _TRIM_HOP, min(int(sounding[-1] + 1) * _TRIM_HOP, len(audio))
