"""Held-out pairs: the same notes by two instruments, and how far a model's mel is from the true one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.mel import db_per_unit
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.sampler import ExampleSampler
from stylebox.core.evaluation.metrics.content import transcribe
from stylebox.core.models.style_encoder import CLIP_SECONDS
from stylebox.core.music.note_matching import note_f1
from stylebox.core.music.notes import NUM_KEYS, Note
from stylebox.core.store.library import load_content_encoder
from stylebox.core.training.examples import ExampleReader
from stylebox.core.training.losses import audible_loss

PAIRS, FRAMES = 16, 256
MEASURES = ("dB", "F1", "swap dB")
Draw = Callable[[Tensor], Tensor]  # style clips (B, M, T') -> mels (B, M, T)


class HeldOutPairs:
    """Pairs of the validation split: content by one instrument, target by another.

    Attributes:
        batch: As `ExampleReader` gives it, with the onsets of the posterior.
    """

    def __init__(self, folder: Path, model: str) -> None:
        """Draw the pairs; the same dataset gives the same ones.

        Args:
            folder: A dataset of rendered scores.
            model: Its content encoder gives the content and finds the notes.
        """
        self.dataset = Dataset.open(folder)
        self.mel, self.encoder = self.dataset.mel_config, load_content_encoder(model)
        valid = self.dataset.split("valid")
        content = ContentCache(self.dataset, self.encoder)
        content.fill(valid, torch.device("cpu"))
        sampler = ExampleSampler(valid, FRAMES, round(CLIP_SECONDS * self.mel.frames_per_second), pair_share=1.0)
        self.examples = sampler.draw(np.random.default_rng(7), PAIRS)
        self.batch = ExampleReader(content, sampler).read(self.examples, np.zeros(PAIRS, bool))

    def distance(self, mel: Tensor, reference: Tensor | None = None) -> str:
        """Weighted distance in dB to the true targets, or to `reference`.

        Shape:
            Both are ``(B, M, T)``.
        """
        reference = self.batch["mel"] if reference is None else reference
        return f"{float(audible_loss(mel, reference)) * db_per_unit(self.mel):.2f}"

    def notes(self, mels: Tensor) -> str:
        """Mean F1 (onsets within 50 ms) of the notes in these mels against the score.

        Shape:
            ``(B, M, T)``.
        """
        silent, scores = torch.zeros(NUM_KEYS, FRAMES), []
        for mel, example in zip(mels, self.examples, strict=True):
            audio = harmonic_inversion(mel, silent, self.mel, (FRAMES - 1) * self.mel.hop_length)
            known = self.dataset.notes(example.target)
            assert known is not None
            start = example.start_frame / self.mel.frames_per_second
            stop = start + FRAMES / self.mel.frames_per_second
            inside = known[(known[:, 0] >= start) & (known[:, 0] < stop)]
            rows = [Note(float(a) - start, float(b) - start, int(key), float(v)) for a, b, key, v in inside]
            scores.append(note_f1(rows, transcribe(self.encoder, audio.numpy(), self.mel.sample_rate)))
        return f"{np.mean(scores):.2f}"

    def swap(self, draw: Draw) -> str:
        """How far the mels move when each style clip is another instrument's, in dB; 0 is a style without effect."""
        own, foreign = self.batch["style"], self.batch["style"][next_of_another(self.batch["label"])]
        return self.distance(draw(foreign), draw(own))

    def row(self, draw: Draw) -> list[str]:
        """Distance, notes and response to the style: the `MEASURES`."""
        with torch.no_grad():
            mel = draw(self.batch["style"])
            return [self.distance(mel), self.notes(mel), self.swap(draw)]


def next_of_another(labels: Tensor) -> list[int]:
    """For each example the index of the next one of another instrument.

    Shape:
        ``(B,)``.
    """
    known = labels.tolist()
    count = len(known)
    return [next((j % count for j in range(i + 1, i + count) if known[j % count] != known[i]), i) for i in range(count)]
