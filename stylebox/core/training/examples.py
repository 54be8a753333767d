"""Batches of examples for the ldm stage: target, content and style clip. Knows no network."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.sampler import Examples, ExampleSampler
from stylebox.core.models.style_encoder import CLIP_SECONDS
from stylebox.core.music.notes import NUM_KEYS
from stylebox.core.training.crops import mel_store, onset_marks, rows_to_mel
from stylebox.core.training.frame_store import FrameStore

_MARKED_SHARE = 0.75  # of random examples; in the others the network learns to start a note without an exact onset


class ExampleReader:
    """Reads the examples of a sampler: mels, posteriors and onsets in 8 bits, in two steps (see `FrameStore`).

    Args:
        content: Posteriors of the dataset's recordings, already computed.
        sampler: Draws the examples.
    """

    def __init__(self, content: ContentCache, sampler: ExampleSampler) -> None:
        self.dataset, self.sampler = content.dataset, sampler
        dataset = content.dataset
        self.crop_frames = sampler.crop_frames
        self.style_frames = round(CLIP_SECONDS * dataset.mel_config.frames_per_second)
        recordings = sampler.recordings
        self.mels = mel_store(dataset, recordings)
        self.posteriors = FrameStore(recordings, 2 * NUM_KEYS, content.rows)
        self.marks = FrameStore(recordings, NUM_KEYS, partial(onset_marks, dataset))
        self._stores = self.mels, self.posteriors, self.marks
        labels = {name: number for number, name in enumerate(dataset.instruments)}
        self._label = np.array([labels[r.instrument] for r in recordings])
        self._transpose = np.array([r.transpose for r in recordings])
        self._has_notes = np.array([r.has_notes for r in recordings])

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy the frames to the device, if they fit; see `FrameStore.place`."""
        for store in self._stores:
            store.place(device, limit)

    def fetch(self, rng: np.random.Generator, count: int, share: slice = slice(None)) -> dict[str, Tensor]:
        """What `expand` needs for random examples, on the CPU.

        Args:
            rng: Source of all choices.
            count: Number of examples.
            share: Which of them.

        Shape:
            The first axis of each result is the batch.
        """
        examples = self.sampler.draw(rng, count)
        marked = rng.random(len(examples)) < _MARKED_SHARE
        return self.fetch_examples(examples[share], marked[share])

    def fetch_examples(self, examples: Examples, marked: np.ndarray) -> dict[str, Tensor]:
        """What `expand` needs for these examples, on the CPU.

        Args:
            examples: Of the sampler.
            marked: Per example, whether its onsets are the score's, exact to the frame, instead of the posterior.

        Shape:
            ``marked`` is ``(B,)``, bool. The first axis of each result is B.
        """
        start, frames = examples.start_frame, self.crop_frames
        return {
            "mel": self.mels.fetch(examples.target, start, frames),
            "content_mel": self.mels.fetch(examples.content, start, frames),
            "style": self.mels.fetch(examples.style, examples.style_frame, self.style_frames),
            "posteriors": self.posteriors.fetch(examples.content, start, frames),
            "marks": self.marks.fetch(examples.target, start, frames),
            "marked": torch.from_numpy(marked & self._has_notes[examples.target]),
            "transpose": torch.from_numpy(self._transpose[examples.target] - self._transpose[examples.content]),
            "label": torch.from_numpy(self._label[examples.target]),
        }

    def expand(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch of networks that `fetch` chose, on the device.

        Shape:
            ``mel`` and ``content_mel`` are ``(B, M, T)``, ``style`` ``(B, M, T')``, ``content`` ``(B, 2, N, T)``,
            ``dynamics`` ``(B, T)`` and ``label`` ``(B,)``.
        """
        frames = self.crop_frames
        content_mel = rows_to_mel(self.mels.rows(batch["content_mel"], frames))
        posteriors = self.posteriors.rows(batch["posteriors"], frames).float() / 255
        content = shift_each(posteriors.unflatten(2, (2, NUM_KEYS)).permute(0, 2, 3, 1), batch["transpose"])
        marks = self.marks.rows(batch["marks"], frames).float().transpose(1, 2)
        content[:, 1] = torch.where(batch["marked"][:, None, None], marks, content[:, 1])
        return {
            "mel": rows_to_mel(self.mels.rows(batch["mel"], frames)),
            "content_mel": content_mel,
            "style": rows_to_mel(self.mels.rows(batch["style"], self.style_frames)),
            "content": content,
            "dynamics": dynamics(content_mel, self.dataset.mel_config),
            "label": batch["label"],
        }

    def read(self, examples: Examples, marked: np.ndarray) -> dict[str, Tensor]:
        """The batch of these examples, on the device of the frames; see `fetch_examples` and `expand`.

        Shape:
            ``marked`` is ``(B,)``, bool.
        """
        return self.expand(self.fetch_examples(examples, marked))


def shift_each(content: Tensor, semitones: Tensor) -> Tensor:
    """Each content of a batch moved up by its own number of semitones; keys beyond the keyboard are lost.

    Shape:
        ``(B, 2, N, T)`` and ``(B,)``, int -> ``(B, 2, N, T)``, contiguous.
    """
    key = torch.arange(content.shape[2], device=content.device) - semitones[:, None]
    inside = (key >= 0) & (key < content.shape[2])
    index = key.clamp(0, content.shape[2] - 1)[:, None, :, None].expand_as(content)
    return torch.where(inside[:, None, :, None], content.gather(2, index), 0.0)
