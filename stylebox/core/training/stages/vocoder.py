"""The vocoder stage: mel and notes -> the magnitudes of a recording's own spectrum."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import Preset
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.models.vocoder import FLOOR, Vocoder
from stylebox.core.music.notes import NUM_KEYS
from stylebox.core.training.crops import MelCrops, recorded_crop

_VALIDATION_CROPS = 32
_SILENT_SHARE = 0.03  # crops of silence: a vocoder that never heard any hums
_DEGRADED_SHARE = 0.7  # crops with a room, a microphone and a noise floor: rendered material has none of them
_DETUNE_CENTS = 30.0  # either way: partials lie where the recording has them, not where the key would
_DB_PER_UNIT = 20.0  # of log10 of magnitude


class VocoderStage:
    """Trains a `Vocoder` on recordings and on what the content encoder hears in them.

    Args:
        store: What every recording plays, already heard.
    """

    name = "vocoder"

    def __init__(self, preset: Preset, dataset: Dataset, store: ContentCache) -> None:
        self.preset, self.dataset, self.store = preset, dataset, store
        self.config = preset.stage("vocoder")
        self.weights = self.config.weights_over({"level": 1.0, "convergence": 0.5})
        self.crops = MelCrops(dataset, "train", self.config.crop_frames)
        self.held_out = MelCrops(dataset, "valid", self.config.crop_frames)
        self.vocoder = Vocoder(preset.vocoder, preset.mel)
        self.mel_transform = MelSpectrogram(preset.mel)
        self.parts: Mapping[str, nn.Module] = {"vocoder": self.vocoder}
        self.groups: Mapping[str, Sequence[str]] = {"model": ["vocoder"]}
        self.frozen = {"mel": self.mel_transform}
        self.settings: dict[str, Any] = {"mel": preset.mel.model_dump(), "vocoder": preset.vocoder.model_dump()}
        self.provenance = {
            "recordings": len(self.crops.recordings),
            "instruments": list(dataset.instruments),
            "content": store.folder.name,
        }

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.config.seed, step))
        return self._read(self.crops, rng, self.config.batch_size)

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        audio = batch["audio"]
        made = self.vocoder(self.mel_transform(audio), batch["frame"]).float()
        magnitude = self._magnitude(audio)
        made = made[:, :, : magnitude.shape[-1]]  # what lies past the last centred frame has no original
        level = F.l1_loss(made, magnitude.clamp_min(10.0**FLOOR).log10())
        off = torch.linalg.vector_norm(10.0**made - magnitude, dim=(1, 2))
        convergence = (off / torch.linalg.vector_norm(magnitude, dim=(1, 2)).clamp_min(1.0)).mean()
        return {
            "loss": self.weights["level"] * level + self.weights["convergence"] * convergence,
            "level_db": level.detach() * _DB_PER_UNIT,
            "convergence": convergence.detach(),
        }

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        batch = self._read(self.held_out, np.random.default_rng(1), _VALIDATION_CROPS)
        losses = self.losses({k: v.to(generator.device) for k, v in batch.items()}, generator, "model")
        return {key: float(value) for key, value in losses.items()}

    def _magnitude(self, audio: Tensor) -> Tensor:
        """What the vocoder should give, ``(B, S)`` -> ``(B, n_fft // 2 + 1, 1 + S // hop_length)``."""
        n_fft, hop_length = self.vocoder.n_fft, self.vocoder.hop_length
        window = torch.hann_window(n_fft, device=audio.device)
        spectrum = torch.stft(audio.float(), n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
        return spectrum.abs()

    def _read(self, crops: MelCrops, rng: np.random.Generator, count: int) -> dict[str, Tensor]:
        hop, num_frames = self.preset.mel.hop_length, self.config.crop_frames
        num_samples = (num_frames - 1) * hop
        clips = np.zeros((count, num_samples), np.float32)
        frames = torch.zeros(count, NUM_KEYS, num_frames)
        for clip, frame in zip(clips, frames, strict=True):
            recording, start = crops.place(rng)
            if rng.random() >= _SILENT_SHARE:
                ratio = 2.0 ** (rng.uniform(-_DETUNE_CENTS, _DETUNE_CENTS) / 1200)
                degraded = bool(rng.random() < _DEGRADED_SHARE)
                played = recorded_crop(self.dataset, recording, start, num_samples, ratio, rng, degraded)
                clip[:] = played * 10.0 ** (rng.uniform(-12.0, 3.0) / 20)
                heard = self.store.read(recording, start, num_frames)[0]
                frame[:, : heard.shape[1]] = heard
        return {"audio": torch.from_numpy(clips), "frame": frames}
