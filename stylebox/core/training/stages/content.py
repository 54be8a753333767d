"""The content stage: trains the transcriber on audio whose notes are known."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.io.read import resample
from stylebox.core.config import ContentEncoderConfig, TrainConfig
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.errors import DatasetError
from stylebox.core.models.content_encoder import ContentEncoder, posteriors
from stylebox.core.music.note_matching import note_f1
from stylebox.core.music.notes import Note, notes_from_posteriors
from stylebox.core.training.crops import notes_within, random_start, recorded_crop, sounding
from stylebox.core.training.stages.base import Stage

_DETUNE_CENTS = 30.0
_VALIDATION_CROPS = 48
_VALIDATION_RECORDINGS = 12


class ContentStage(Stage):
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
        super().__init__({"content_encoder": self.encoder})
        self.settings = {"content": content.model_dump()}
        self.provenance = {"recordings": len(self.train), "instruments": list(dataset.instruments)}

    def batch(self, step: int) -> dict[str, Tensor]:
        """Random training material of one step.

        Shape:
            ``audio`` is ``(B, S)``, ``frame`` and ``onset`` ``(B, N, T)``.
        """
        rng = np.random.default_rng((self.config.seed, step))
        return self._crops(self.train, rng, self.config.batch_size, self.share)

    def losses(self, batch: dict[str, Tensor], generator: torch.Generator, group: str) -> dict[str, Tensor]:
        """Cross-entropy of frames and onsets; see `Stage.losses`.

        Args:
            batch: What `batch` returned, on the device.
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
            batch = {k: v.to(generator.device) for k, v in self._crops(self.held_out, rng, size).items()}
            for key, value in self.losses(batch, generator, "model").items():
                total[key] = total.get(key, 0.0) + float(value) / rounds
        stride = max(1, len(self.held_out) // _VALIDATION_RECORDINGS)
        scores = [self.note_f1(r, generator.device) for r in self.held_out[::stride]]
        return {**total, "note_f1": float(np.mean(scores))}

    def note_f1(self, recording: Recording, device: torch.device) -> float:
        """F1 of the notes found in a whole recording, onsets within 50 ms, offsets ignored."""
        known = self.dataset.notes(recording)
        assert known is not None
        audio = self._resampled(int16_to_audio(self.dataset.audio(recording)))
        frame, onset = posteriors(self.encoder, torch.from_numpy(audio).to(device)).cpu().numpy().transpose(0, 2, 1)
        found = notes_from_posteriors(frame, onset, self.encoder.frames_per_second)
        return note_f1([_note(row) for row in known], found)

    def _crops(
        self, recordings: list[Recording], rng: np.random.Generator, count: int, share: slice = slice(None)
    ) -> dict[str, Tensor]:
        """A share of `count` crops; each has a random generator of its own and depends on no other."""
        chosen = rng.integers(len(recordings), size=count)[share]
        rngs = rng.spawn(count)[share]
        made = [self._crop(recordings[number], own) for number, own in zip(chosen, rngs, strict=True)]
        audio, frame, onset = (torch.from_numpy(np.stack(column)) for column in zip(*made, strict=True))
        return {"audio": audio, "frame": frame, "onset": onset}

    def _crop(self, recording: Recording, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mel, encoder, frames = self.mel, self.encoder, self.config.crop_frames
        seconds = (frames - 1) / encoder.frames_per_second
        start = random_start(recording, round(seconds * mel.frames_per_second), rng)
        ratio = 2.0 ** (rng.uniform(-_DETUNE_CENTS, _DETUNE_CENTS) / 1200)
        num_samples = round(seconds * mel.sample_rate)
        audio = recorded_crop(self.dataset, recording, start, num_samples, ratio, rng, degraded=True)
        notes = notes_within(self.dataset, recording, start / mel.frames_per_second, seconds * ratio, speed=ratio)
        frame, onset = sounding(notes, frames, encoder.frames_per_second)
        return self._resampled(audio), frame.T, onset.T

    def _resampled(self, audio: np.ndarray) -> np.ndarray:
        """Audio of the dataset at the encoder's sample rate."""
        return resample(audio, self.mel.sample_rate, self.encoder.sample_rate)


def _losses(frame: Tensor, onset: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Binary cross-entropy of both heads; onsets are rare, so a missed one weighs three times a false one."""
    onset_loss = F.binary_cross_entropy_with_logits(
        onset, batch["onset"], pos_weight=torch.tensor(3.0, device=onset.device)
    )
    frame_loss = F.binary_cross_entropy_with_logits(frame, batch["frame"])
    return {"loss": frame_loss + onset_loss, "frame": frame_loss.detach(), "onset": onset_loss.detach()}


def _note(row: np.ndarray) -> Note:
    return Note(float(row[0]), float(row[1]), int(row[2]), float(row[3]))
