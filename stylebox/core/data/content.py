"""What every recording of a dataset plays, as the content encoder hears it: computed once, kept beside the mels.

Heard twice, as it is and in a bad room, since what is transferred later is seldom as clean as a rendering. Kept per
encoder, so that a better encoder does not read what an earlier one heard.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.paths import atomic_path
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sound.loudness import normalise_loudness

Roughen = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]  # audio, its rate, chance


class ContentStore:
    """Posteriors of recordings, 8 bits each, memory-mapped.

    Args:
        fingerprint: Of the encoder; see `weights.fingerprint`.
    """

    def __init__(self, dataset: Dataset, fingerprint: str) -> None:
        self.dataset = dataset
        self.folder = dataset.path / "content" / fingerprint
        self._arrays: dict[Path, np.ndarray] = {}

    def path(self, recording: Recording, rough: bool = False) -> Path:
        return self.folder / ("rough" if rough else "") / f"{recording.files}.npy"

    def fill(
        self,
        encoder: ContentEncoder,
        recordings: Sequence[Recording],
        device: torch.device,
        progress: ProgressCallback = silent,
        roughen: Roughen | None = None,
    ) -> None:
        """Listen to the recordings that have not been heard yet.

        Args:
            roughen: What a bad room does to audio ``(S,)``; None leaves out the rough hearing.
        """
        hearings = [(r, None) for r in recordings] + [(r, roughen) for r in recordings if roughen is not None]
        missing = [(r, how) for r, how in hearings if not self.path(r, how is not None).exists()]
        for number, (recording, how) in enumerate(missing, start=1):
            audio = int16_to_audio(self.dataset.audio(recording))
            if how is not None:
                rate = self.dataset.mel_config.sample_rate
                spoilt = how(audio, rate, np.random.default_rng(crc32(recording.files.encode())))
                audio = normalise_loudness(spoilt, rate)[0].astype(np.float32)
            with torch.no_grad():
                heard = posteriors(encoder, torch.from_numpy(audio).to(device))
            with atomic_path(self.path(recording, how is not None)) as partial:
                np.save(partial, (heard * 255).round().to(torch.uint8).cpu().numpy())
            progress(Progress("listening", number, len(missing), recording.title))

    def read(self, recording: Recording, start_frame: int, num_frames: int, rough: bool = False) -> Tensor:
        """A stretch of one recording's posteriors.

        Shape:
            ``(2, N, num_frames)``, float32 in [0, 1].
        """
        path = self.path(recording, rough)
        array = self._arrays.get(path)
        if array is None:
            array = self._arrays[path] = np.load(path, mmap_mode="r")
        return torch.from_numpy(array[:, :, start_frame : start_frame + num_frames].astype(np.float32) / 255)
