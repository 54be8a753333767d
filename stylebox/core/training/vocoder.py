"""The vocoder stage: mel -> waveform, by spectral losses at several resolutions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stylebox.core.config import Preset
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.sound.mel import MelSpectrogram, db_per_unit
from stylebox.core.training.crops import MelCrops
from stylebox.core.training.losses import mel_loss, multi_resolution_stft_loss

_VALIDATION_CROPS = 32
_SILENT_SHARE = 0.03  # crops of silence: a vocoder that never heard any hums


class VocoderStage:
    """Trains a `Vocoder` on the mels of recordings."""

    name = "vocoder"

    def __init__(self, preset: Preset, dataset: Dataset) -> None:
        self.preset, self.dataset = preset, dataset
        self.config = preset.stage("vocoder")
        self.weights = {"mel": 15.0, "stft": 1.0} | self.config.weights
        self.crops = MelCrops(dataset, "train", self.config.crop_frames)
        self.held_out = MelCrops(dataset, "valid", self.config.crop_frames)
        self.vocoder = Vocoder(preset.vocoder, preset.mel)
        self.mel_of = MelSpectrogram(preset.mel)
        self.parts: Mapping[str, nn.Module] = {"vocoder": self.vocoder}
        self.groups: Mapping[str, Sequence[str]] = {"model": ["vocoder"]}
        self.frozen = {"mel": self.mel_of}
        self.settings: dict[str, Any] = {"mel": preset.mel.model_dump(), "vocoder": preset.vocoder.model_dump()}
        self.provenance = {"recordings": len(self.crops.recordings), "instruments": list(dataset.instruments)}

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.config.seed, step))
        return self._read(self.crops, rng, self.config.batch_size)

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        audio = batch["audio"]
        made = self.vocoder(self.mel_of(audio))[:, : audio.shape[1]]
        in_mel = mel_loss(self.mel_of, made, audio)
        in_stft = multi_resolution_stft_loss(made, audio)
        return {
            "loss": self.weights["mel"] * in_mel + self.weights["stft"] * in_stft,
            "mel_db": in_mel.detach() * db_per_unit(self.preset.mel),
            "stft": in_stft.detach(),
        }

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        batch = self._read(self.held_out, np.random.default_rng(1), _VALIDATION_CROPS)
        losses = self.losses({k: v.to(generator.device) for k, v in batch.items()}, generator, "model")
        return {key: float(value) for key, value in losses.items()}

    def _read(self, crops: MelCrops, rng: np.random.Generator, count: int) -> dict[str, Tensor]:
        hop = self.preset.mel.hop_length
        num_samples = (self.config.crop_frames - 1) * hop
        clips = np.zeros((count, num_samples), np.float32)
        for clip in clips:
            recording, start = crops.place(rng)
            if rng.random() >= _SILENT_SHARE:
                stored = self.dataset.audio(recording)[start * hop : start * hop + num_samples]
                clip[: len(stored)] = int16_to_audio(stored) * 10.0 ** (rng.uniform(-12.0, 3.0) / 20)
        return {"audio": torch.from_numpy(clips)}
