"""The vocoder stage: mel and posteriors -> the magnitudes of the recording's spectrum."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import TrainConfig, VocoderConfig
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.models.vocoder import FLOOR, Vocoder
from stylebox.core.music.notes import NUM_KEYS
from stylebox.core.training.crops import MelCrops, recorded_crop
from stylebox.core.training.stages.base import Stage

_VALIDATION_CROPS = 32
_SILENT_SHARE = 0.03  # crops of silence: without any in training, a vocoder hums
_DEGRADED_SHARE = 0.7  # crops with a room, a microphone and a noise floor: rendered material has none of them
_DETUNE_CENTS = 30.0  # either way: partials lie where the recording has them, not at the key's equal-tempered pitch
_DB_PER_UNIT = 20.0  # of log10 of magnitude


class VocoderStage(Stage):
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
        self.crops = MelCrops(dataset, "train", config.crop_frames)
        self.held_out = MelCrops(dataset, "valid", config.crop_frames)
        self.vocoder = Vocoder(vocoder, self.mel)
        self.mel_transform = MelSpectrogram(self.mel)
        super().__init__({"vocoder": self.vocoder})
        self.frozen = {"mel": self.mel_transform}
        self.settings = {"mel": self.mel.model_dump(), "vocoder": vocoder.model_dump()}
        self.provenance = {
            "recordings": len(self.crops.recordings),
            "instruments": list(dataset.instruments),
            "content": content.folder.name,
        }

    def batch(self, step: int) -> dict[str, Tensor]:
        """Random training material of one step.

        Shape:
            ``audio`` is ``(B, S)``, ``frame`` ``(B, N, T)``.
        """
        return self._read(
            self.crops, np.random.default_rng((self.config.seed, step)), self.config.batch_size, self.share
        )

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Log magnitude and spectral convergence; see `Stage.losses`.

        Args:
            batch: What `batch` returned, on the device.
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
        batch = self._read(self.held_out, np.random.default_rng(1), _VALIDATION_CROPS)
        losses = self.losses({k: v.to(generator.device) for k, v in batch.items()}, generator, "model")
        return {key: float(value) for key, value in losses.items()}

    def _magnitude(self, audio: Tensor) -> Tensor:
        """The target of the vocoder, ``(B, S)`` -> ``(B, n_fft // 2 + 1, 1 + S // hop_length)``."""
        n_fft, hop_length = self.vocoder.n_fft, self.vocoder.hop_length
        window = torch.hann_window(n_fft, device=audio.device)
        spectrum = torch.stft(audio.float(), n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
        return spectrum.abs()

    def _read(
        self, crops: MelCrops, rng: np.random.Generator, count: int, share: slice = slice(None)
    ) -> dict[str, Tensor]:
        """A share of `count` crops; each has a random generator of its own and depends on no other."""
        which, start = (column[share] for column in crops.places(rng, count))
        rngs = rng.spawn(count)[share]
        hop, num_frames = self.mel.hop_length, self.config.crop_frames
        num_samples = (num_frames - 1) * hop
        clips = np.zeros((len(which), num_samples), np.float32)
        frames = torch.zeros(len(which), NUM_KEYS, num_frames)
        for clip, frame, number, begin, rng in zip(clips, frames, which, start, rngs, strict=True):
            recording = crops.recordings[number]
            if rng.random() >= _SILENT_SHARE:
                ratio = 2.0 ** (rng.uniform(-_DETUNE_CENTS, _DETUNE_CENTS) / 1200)
                degraded = bool(rng.random() < _DEGRADED_SHARE)
                played = recorded_crop(self.dataset, recording, int(begin), num_samples, ratio, rng, degraded)
                clip[:] = played * 10.0 ** (rng.uniform(-12.0, 3.0) / 20)
                posterior = self.content.read(recording, int(begin), num_frames)[0]
                frame[:, : posterior.shape[1]] = posterior
        return {"audio": torch.from_numpy(clips), "frame": frames}
