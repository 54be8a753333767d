"""Posteriors of every recording of a dataset, computed once by a content encoder and stored beside the mels.

There is one folder per encoder, so that an encoder never reads the results of another one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.frames import resample_frames
from stylebox.core.audio.io.read import resample
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.paths import atomic_path
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
        self.folder = dataset.path / "content" / fingerprint(encoder)
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
        """Transcribe the recordings that are not in the cache yet.

        Args:
            recordings: Of the dataset.
            device: Where the encoder runs.
            progress: Receives the progress.
        """
        missing = [r for r in recordings if not self.path(r).exists()]
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
        array = self._arrays.get(recording.files)
        if array is None:
            array = self._arrays[recording.files] = np.load(self.path(recording), mmap_mode="r")
        num_frames = min(num_frames, recording.frames - start_frame)
        rate, own_rate = self.dataset.mel_config.frames_per_second, self.encoder.frames_per_second
        start, stop = (frame * own_rate / rate for frame in (start_frame, start_frame + num_frames))
        first = int(start)
        part = torch.from_numpy(array[:, :, first : int(stop) + 2].astype(np.float32) / 255)
        return resample_frames(part, own_rate, rate, num_frames, start - first)
