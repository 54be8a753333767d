"""Posteriors of every recording of a dataset, computed once by a content encoder and stored beside the mels.

There is one folder per encoder, so that an encoder never reads the results of another one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.io.read import resample
from stylebox.core.data.dataset import Dataset, int16_to_audio, mapped
from stylebox.core.data.manifest import CONTENT_FOLDER, Recording
from stylebox.core.errors import DatasetError
from stylebox.core.files import atomic_path
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.music.notes import NUM_KEYS
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store.weights import fingerprint


class ContentCache:
    """Posteriors of recordings, 8 bits each, memory-mapped.

    Args:
        dataset: Its recordings are transcribed.
        encoder: The transcriber; its fingerprint names the folder.
    """

    def __init__(self, dataset: Dataset, encoder: ContentEncoder) -> None:
        self.dataset, self.encoder = dataset, encoder
        self.folder = dataset.path / CONTENT_FOLDER / fingerprint(encoder)
        self._arrays: dict[str, np.ndarray] = {}

    def path(self, recording: Recording) -> Path:
        """The file of a recording's posteriors."""
        return self.folder / f"{recording.files}.npy"

    def fill(
        self,
        recordings: Sequence[Recording],
        device: torch.device,
        progress: ProgressCallback = silent,
    ) -> None:
        """Transcribe the recordings that are not in the cache yet, or whose posteriors there are damaged.

        Args:
            recordings: Of the dataset.
            device: Where the encoder runs.
            progress: Receives the progress.
        """
        self.dataset.require(recordings)
        missing = [r for r in recordings if not self._has(r)]
        encoder, rate = self.encoder.to(device), self.dataset.mel_config.sample_rate
        for number, recording in enumerate(missing, start=1):
            audio = resample(int16_to_audio(self.dataset.audio(recording)), rate, encoder.sample_rate)
            with torch.no_grad():
                found = posteriors(encoder, torch.from_numpy(audio).to(device))
            with atomic_path(self.path(recording)) as partial:
                np.save(partial, (found * 255).round().to(torch.uint8).cpu().numpy())
            progress(Progress("listening", number, len(missing), recording.title))

    def read(self, recording: Recording, start_frame: int, num_frames: int) -> Tensor:
        """Posteriors of a part of one recording, at the frame rate of the dataset's mel.

        Args:
            recording: Of the dataset, in the cache.
            start_frame: First frame, of the mel.
            num_frames: Number of frames, of the mel.

        Shape:
            The result is ``(2, N, num_frames)``, float32 in [0, 1]; shorter where the recording ends.
        """
        rows = self.rows(recording, start_frame, min(start_frame + num_frames, recording.frames))
        return torch.from_numpy(rows.T.reshape(2, NUM_KEYS, -1) / np.float32(255))

    def rows(self, recording: Recording, start_frame: int, stop_frame: int) -> np.ndarray:
        """Posteriors of a part of one recording in 8 bits, one row per frame of the dataset's mel.

        Args:
            recording: Of the dataset, in the cache.
            start_frame: First frame, of the mel.
            stop_frame: Behind the last frame, of the mel; at most the recording's number of frames.

        Shape:
            ``(T, 2 * N)``, uint8: activity of all keys, then their onsets.
        """
        array = self._arrays.get(recording.files)
        if array is None:
            array = self._arrays[recording.files] = self._mapped(recording)
        rate, own_rate = self.dataset.mel_config.frames_per_second, self.encoder.frames_per_second
        place = np.arange(start_frame, stop_frame) * (own_rate / rate)  # as `resample_frames`, in 8 bits
        below = place.astype(np.int64)
        first, last = int(below[0]), array.shape[2] - 1
        part = array[:, :, first : int(below[-1]) + 2].reshape(2 * NUM_KEYS, -1).T.astype(np.float32)
        lower, upper = (part[np.minimum(frame, last) - first] for frame in (below, below + 1))
        share = (place - below).astype(np.float32)[:, None]
        rows: np.ndarray = np.rint(lower + share * (upper - lower)).astype(np.uint8)
        return rows

    def _has(self, recording: Recording) -> bool:
        try:
            self._mapped(recording)
        except DatasetError:
            return False
        return True

    def _mapped(self, recording: Recording) -> np.ndarray:
        """The posteriors of a recording, which may come from a stranger.

        Raises:
            DatasetError: they cannot be read, or are those of another recording.
        """
        array = mapped(self.path(recording), np.uint8, (2, NUM_KEYS, None))
        seconds = recording.samples / self.dataset.mel_config.sample_rate
        if abs(array.shape[2] - seconds * self.encoder.frames_per_second) > 2:
            raise DatasetError(f"{self.path(recording)}: is not of {seconds:.1f} s; delete it, it is made again")
        return array
