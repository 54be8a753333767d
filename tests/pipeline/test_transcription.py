"""The bends of a transcription, read in windows, are those of its keys."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from stylebox.core.music.notes import LOWEST_KEY, Note
from stylebox.core.pipeline import transcription
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.transcription import Transcription

RATE = 40.0


@dataclass
class WholeScore:
    """A score whose content is there as a whole."""

    content: Content

    @property
    def num_frames(self) -> int:
        return self.content.frame.shape[1]

    @property
    def notes(self) -> list[Note]:
        return self.content.notes

    def window(self, first: int, last: int) -> Content:
        return self.content.part(first, last, RATE)


NOTES = [Note(0.5, 1.5, 60), Note(2.0, 2.005, 64), Note(2.2, 4.9, 67), Note(9.0, 99.0, 60)]


@pytest.mark.parametrize("window_frames", [7, 4096])
def test_the_bend_of_a_note_is_that_of_its_key_while_it_sounds(
    monkeypatch: pytest.MonkeyPatch, window_frames: int
) -> None:
    monkeypatch.setattr(transcription, "_WINDOW_FRAMES", window_frames)
    cents = torch.from_numpy(np.random.default_rng(0).normal(size=(88, 200)).astype(np.float32))
    silent = torch.zeros_like(cents)
    score = WholeScore(Content(silent, silent, silent[0], cents, NOTES))
    found = Transcription.of(score, RATE, 5.0)
    assert found.notes == NOTES
    for bend, (key, first, last) in zip(
        found.bends, [(60, 20, 60), (64, 80, 81), (67, 88, 196), (60, 199, 200)], strict=True
    ):
        assert np.array_equal(bend.seconds, np.arange(first, last) / RATE)
        assert np.array_equal(bend.cents, cents[key - LOWEST_KEY, first:last].numpy())
    assert torch.equal(found.content.cents, cents)
    assert Transcription.of(WholeScore(Content(silent, silent, silent[0], cents, [])), RATE, 5.0).bends == []
