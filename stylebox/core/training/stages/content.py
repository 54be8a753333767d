"""The content stage: trains the transcriber on audio whose notes are known."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.io.read import resample
from stylebox.core.config import ContentEncoderConfig, TrainConfig
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import random_frames
from stylebox.core.errors import DatasetError
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.music.note_matching import note_f1
from stylebox.core.music.notes import Note, notes_from_posteriors
from stylebox.core.training.audio_crops import AudioCrops
from stylebox.core.training.material import Material
from stylebox.core.training.note_table import NoteTable, rolls
from stylebox.core.training.stages.base import MaterialStage

_VALIDATION_CROPS = 48
_VALIDATION_RECORDINGS = 12


class ContentStage(MaterialStage):
    """Trains a `ContentEncoder` on recordings with known notes, degraded like real recordings."""

    name = "content"

    def __init__(self, dataset: Dataset, config: TrainConfig, content: ContentEncoderConfig) -> None:
        """Find the recordings with known notes and make the network.

        Args:
            dataset: Recordings, some of them with notes in each split.
            config: Of this stage's training.
            content: Sizes of the encoder.

        Raises:
            DatasetError: No recordings have known notes.
        """
        self.dataset, self.config, self.mel = dataset, config, dataset.mel_config
        self.train = [r for r in dataset.split("train") if r.has_notes]
        self.held_out = [r for r in dataset.split("valid") if r.has_notes]
        if not self.train or not self.held_out:
            raise DatasetError(
                f"{dataset.path}: has no recordings with known notes for training and validation; "
                "`stylebox render` makes some, then `stylebox build`"
            )
        self.encoder = ContentEncoder(content)
        self.material = Material(dataset, config, self._noted)
        self.held_out_crops = NotedCrops(dataset, self.held_out, config.crop_frames, self.encoder)
        super().__init__({"content_encoder": self.encoder})
        self.settings = {"content": content.model_dump()}
        self.provenance = {"recordings": len(self.train), "instruments": list(dataset.instruments)}

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Cross-entropy of frames and onsets; see `Stage.losses`.

        Args:
            batch: What `expand` returned.
            generator: The only source of randomness.
            group: "model", the only one.

        Shape:
            Every loss is a scalar.
        """
        frame, onset = self.encoder(batch["audio"])
        return _losses(frame, onset, batch)

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """See `Stage.validate`."""
        rng = np.random.default_rng(1)
        total: dict[str, float] = {}
        size = self.config.batch_size
        rounds = max(1, _VALIDATION_CROPS // size)
        for _ in range(rounds):
            fetched = {k: v.to(generator.device) for k, v in self.held_out_crops.fetch(rng, size).items()}
            for key, value in self.losses(self.held_out_crops.expand(fetched), generator, "model").items():
                total[key] = total.get(key, 0.0) + float(value) / rounds
        stride = max(1, len(self.held_out) // _VALIDATION_RECORDINGS)
        scores = [self.note_f1(r, generator.device) for r in self.held_out[::stride]]
        return {**total, "note_f1": float(np.mean(scores))}

    def _noted(self, recordings: list[Recording]) -> "NotedCrops":
        """Crops of those recordings whose notes are known."""
        noted = [r for r in recordings if r.has_notes]
        return NotedCrops(self.dataset, noted, self.config.crop_frames, self.encoder)

    def note_f1(self, recording: Recording, device: torch.device) -> float:
        """F1 of the notes found in a whole recording, onsets within 50 ms, offsets ignored."""
        known = self.dataset.notes(recording)
        assert known is not None
        stored = int16_to_audio(self.dataset.audio(recording))
        audio = resample(stored, self.mel.sample_rate, self.encoder.sample_rate)
        frame, onset = posteriors(self.encoder, torch.from_numpy(audio).to(device)).cpu().numpy().transpose(0, 2, 1)
        found = notes_from_posteriors(frame, onset, self.encoder.frames_per_second)
        return note_f1([_note(row) for row in known], found)


class NotedCrops:
    """Random crops of recordings with known notes, degraded, and the piano rolls of what they play.

    Args:
        dataset: Holds the recordings.
        recordings: With known notes.
        num_frames: Length of a crop, in frames of the encoder.
        encoder: Gives the rates.

    Raises:
        DatasetError: There are no recordings.
    """

    def __init__(self, dataset: Dataset, recordings: list[Recording], num_frames: int, encoder: ContentEncoder) -> None:
        self.num_frames, self.frames_per_second = num_frames, encoder.frames_per_second
        self.mel_rate = dataset.mel_config.frames_per_second
        num_samples = (num_frames - 1) * encoder.hop_length
        self.audio = AudioCrops(dataset, recordings, num_samples, encoder.sample_rate)
        self.notes = NoteTable(dataset, recordings)
        if not recordings:
            raise DatasetError(f"{dataset.place}: a shard has no recordings with known notes; write larger shards")
        crop = round((num_frames - 1) / self.frames_per_second * self.mel_rate)
        self._start = np.array([r.start_frame for r in recordings])
        self._stop = np.array([r.stop_frame - crop for r in recordings])

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy the audio to the device, if it fits; see `FrameStore.place`."""
        self.audio.place(device, limit)

    def fetch(self, rng: np.random.Generator, count: int, share: slice = slice(None)) -> dict[str, Tensor]:
        """What `expand` needs for random crops, on the CPU.

        Args:
            rng: Source of all choices.
            count: Number of crops.
            share: Which of them.

        Shape:
            See `AudioCrops.fetch` and `NoteTable.fetch`.
        """
        which = rng.integers(len(self._start), size=count)
        start = random_frames(self._start[which], self._stop[which], rng.random(count))
        batch = self.audio.fetch(which, start, rng, share=share)
        begin, speed = start[share] / self.mel_rate, batch["ratio"].numpy().astype(np.float64)
        batch["notes"] = self.notes.fetch(which[share], begin, speed, self.num_frames, self.frames_per_second)
        return batch

    def expand(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The crops that `fetch` chose, on the device.

        Shape:
            ``audio`` is ``(B, S)``, ``frame`` and ``onset`` ``(B, N, T)``.
        """
        frame, onset = rolls(batch["notes"], self.num_frames)
        return {"audio": self.audio.expand(batch), "frame": frame, "onset": onset}


def _losses(frame: Tensor, onset: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Binary cross-entropy of both heads; onsets are rare, so a missed one weighs three times a false one."""
    onset_loss = F.binary_cross_entropy_with_logits(
        onset, batch["onset"], pos_weight=torch.tensor(3.0, device=onset.device)
    )
    frame_loss = F.binary_cross_entropy_with_logits(frame, batch["frame"])
    return {"loss": frame_loss + onset_loss, "frame": frame_loss.detach(), "onset": onset_loss.detach()}


def _note(row: np.ndarray) -> Note:
    return Note(float(row[0]), float(row[1]), int(row[2]), float(row[3]))
