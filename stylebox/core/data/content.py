"""What every recording of a dataset plays, as the content encoder hears it: computed once, kept beside the mels.

Kept per encoder, so that a better encoder does not read what an earlier one heard.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.paths import atomic_path
from stylebox.core.progress import Progress, ProgressCallback, silent


class ContentStore:
    """Posteriors of recordings, 8 bits each, memory-mapped.

    Args:
        fingerprint: Of the encoder; see `weights.fingerprint`.
    """

    def __init__(self, dataset: Dataset, fingerprint: str) -> None:
        self.dataset = dataset
        self.folder = dataset.path / "content" / fingerprint
        self._arrays: dict[str, np.ndarray] = {}

    def path(self, recording: Recording) -> Path:
        return self.folder / f"{recording.files}.npy"

    def fill(
        self,
        encoder: ContentEncoder,
        recordings: Sequence[Recording],
        device: torch.device,
        progress: ProgressCallback = silent,
    ) -> None:
        """Listen to the recordings that have not been heard yet."""
        missing = [r for r in recordings if not self.path(r).exists()]
        for number, recording in enumerate(missing, start=1):
            audio = torch.from_numpy(int16_to_audio(self.dataset.audio(recording))).to(device)
            with torch.no_grad():
                heard = posteriors(encoder, audio)
            with atomic_path(self.path(recording)) as partial:
                np.save(partial, (heard * 255).round().to(torch.uint8).cpu().numpy())
            progress(Progress("listening", number, len(missing), recording.title))

    def read(self, recording: Recording, start_frame: int, num_frames: int) -> Tensor:
        """A stretch of one recording's posteriors.

        Shape:
            ``(2, N, num_frames)``, float32 in [0, 1].
        """
        array = self._arrays.get(recording.files)
        if array is None:
            array = self._arrays[recording.files] = np.load(self.path(recording), mmap_mode="r")
        return torch.from_numpy(array[:, :, start_frame : start_frame + num_frames].astype(np.float32) / 255)
