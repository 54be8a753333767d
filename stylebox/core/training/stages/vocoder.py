"""The vocoder stage: mel and posteriors -> the magnitudes of the recording's spectrum."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import TrainConfig, VocoderConfig
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.models.vocoder import FLOOR, Vocoder
from stylebox.core.music.notes import NUM_KEYS
from stylebox.core.training.audio_crops import AudioCrops
from stylebox.core.training.crops import MelCrops
from stylebox.core.training.frame_store import FrameStore
from stylebox.core.training.material import Material
from stylebox.core.training.stages.base import MaterialStage

_VALIDATION_CROPS = 32
_SILENT_SHARE = 0.03  # crops of silence: without any in training, a vocoder hums
_DEGRADED_SHARE = 0.7  # crops with a room, a microphone and a noise floor: rendered material has none of them
_LEVEL_DB = (-12.0, 3.0)
_DB_PER_UNIT = 20.0  # of log10 of magnitude


class VocoderStage(MaterialStage):
    """Trains a `Vocoder` on recordings and the content encoder's posteriors of them."""

    name = "vocoder"

    def __init__(self, dataset: Dataset, content: ContentCache, config: TrainConfig, vocoder: VocoderConfig) -> None:
        """Make the network and the samplers of crops.

        Args:
            dataset: Recordings in both splits.
            content: Posteriors of every recording, already computed.
            config: Of this stage's training.
            vocoder: Sizes of the vocoder.

        Raises:
            ConfigError: The configuration weighs a loss term that does not exist.
            DatasetError: A split is empty.
        """
        self.dataset, self.content, self.config, self.mel = dataset, content, config, dataset.mel_config
        self.weights = config.weights_over({"level": 1.0, "convergence": 0.5})
        self.material = Material(dataset, config, lambda train: TranscribedCrops(train, content, config.crop_frames))
        self.held_out = TranscribedCrops(dataset.split("valid"), content, config.crop_frames)
        self.vocoder = Vocoder(vocoder, self.mel)
        self.mel_transform = MelSpectrogram(self.mel)
        super().__init__({"vocoder": self.vocoder})
        self.frozen = {"mel": self.mel_transform}
        self.settings = {"mel": self.mel.model_dump(), "vocoder": vocoder.model_dump()}
        self.provenance = {
            "recordings": len(dataset.split("train")),
            "instruments": list(dataset.instruments),
            "content": content.folder.name,
        }

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Log magnitude and spectral convergence; see `Stage.losses`.

        Args:
            batch: What `expand` returned.
            generator: The only source of randomness.
            group: "model", the only one.

        Shape:
            Every loss is a scalar.
        """
        audio = batch["audio"]
        predicted = self.vocoder(self.mel_transform(audio), batch["frame"]).float()
        magnitude = self._magnitude(audio)
        predicted = predicted[:, :, : magnitude.shape[-1]]  # frames past the last centred one have no target
        level = F.l1_loss(predicted, magnitude.clamp_min(10.0**FLOOR).log10())
        error = torch.linalg.vector_norm(10.0**predicted - magnitude, dim=(1, 2))
        convergence = (error / torch.linalg.vector_norm(magnitude, dim=(1, 2)).clamp_min(1.0)).mean()
        return {
            "loss": self.weights["level"] * level + self.weights["convergence"] * convergence,
            "level_db": level.detach() * _DB_PER_UNIT,
            "convergence": convergence.detach(),
        }

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """See `Stage.validate`."""
        fetched = self.held_out.fetch(np.random.default_rng(1), _VALIDATION_CROPS)
        batch = self.held_out.expand({k: v.to(generator.device) for k, v in fetched.items()})
        losses = self.losses(batch, generator, "model")
        return {key: float(value) for key, value in losses.items()}

    def _magnitude(self, audio: Tensor) -> Tensor:
        """The target of the vocoder, ``(B, S)`` -> ``(B, n_fft // 2 + 1, 1 + S // hop_length)``."""
        n_fft, hop_length = self.vocoder.n_fft, self.vocoder.hop_length
        window = torch.hann_window(n_fft, device=audio.device)
        spectrum = torch.stft(audio.float(), n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
        return spectrum.abs()


class TranscribedCrops:
    """Random crops of recordings, every instrument equally often: audio, and what the content encoder hears in it.

    Args:
        recordings: To crop.
        content: Their posteriors, which are computed where they are missing.
        num_frames: Length of a crop.

    Raises:
        DatasetError: There are no recordings.
    """

    def __init__(self, recordings: list[Recording], content: ContentCache, num_frames: int) -> None:
        self.num_frames, dataset = num_frames, content.dataset
        self.places = MelCrops(dataset, recordings, num_frames)
        content.fill(recordings, next(content.encoder.parameters()).device)
        self.audio = AudioCrops(dataset, recordings, (num_frames - 1) * dataset.mel_config.hop_length)
        self.active = FrameStore(recordings, NUM_KEYS, lambda *section: content.rows(*section)[:, :NUM_KEYS])

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy audio and posteriors to the device, if they fit; see `FrameStore.place`."""
        self.audio.place(device, limit)
        self.active.place(device, limit)

    def fetch(self, rng: np.random.Generator, count: int, share: slice = slice(None)) -> dict[str, Tensor]:
        """What `expand` needs for random crops, on the CPU.

        Args:
            rng: Source of all choices.
            count: Number of crops.
            share: Which of them.

        Shape:
            ``level`` is ``(B,)``, ``frame`` as `FrameStore.fetch` gives it; see `AudioCrops.fetch` for the others.
        """
        which, start = self.places.places(rng, count)
        silent, clean = rng.random((2, count)) < [[_SILENT_SHARE], [1 - _DEGRADED_SHARE]]
        level = np.where(silent, 0.0, 10.0 ** (rng.uniform(*_LEVEL_DB, count) / 20)).astype(np.float32)
        return {
            "level": torch.from_numpy(level[share]),
            "frame": self.active.fetch(which[share], start[share], self.num_frames),
            **self.audio.fetch(which, start, rng, share=share, affected=~clean),
        }

    def expand(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The crops that `fetch` chose, on the device.

        Shape:
            ``audio`` is ``(B, S)``, ``frame`` ``(B, N, T)``.
        """
        frame = self.active.rows(batch["frame"], self.num_frames).transpose(1, 2) / 255
        sounds = batch["level"] > 0
        return {"audio": self.audio.expand(batch) * batch["level"][:, None], "frame": frame * sounds[:, None, None]}
