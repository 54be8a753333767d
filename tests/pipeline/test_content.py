"""Content: named fields that stay together when music is transposed, and a score as a transcriber would find it."""

import numpy as np
import pytest
import torch

from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.score import NoteScore

RATE = 50.0  # frames per second
SCORE = [Note(0.2, 1.0, 60, 0.8), Note(1.0, 1.6, LOWEST_KEY, 0.4)]


def content() -> Content:
    return Content.of_notes(SCORE, 100, RATE)


def test_a_score_sounds_where_its_notes_are() -> None:
    made = content()
    assert made.frame.shape == made.onset.shape == made.cents.shape == (NUM_KEYS, 100)
    active = made.frame[60 - LOWEST_KEY] > 0.5
    assert active[10:50].all()
    assert not active[52:].any()
    assert int(made.onset[60 - LOWEST_KEY].argmax()) == 10
    assert made.frame.sum(1).count_nonzero() == 2
    assert not made.cents.any()


def test_dynamics_follow_velocity_and_decay() -> None:
    curve = content().dynamics
    assert float(curve[0]) == -1.0  # silence
    assert float(curve[11]) > float(curve[45])  # a note decays
    assert float(curve[12]) > float(curve[52])  # velocity 0.8 is louder than 0.4


@pytest.mark.parametrize("size", [1, 7, 33, 100])
def test_a_score_in_windows_is_that_of_the_whole(size: int) -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 2.2, 60)
    notes = [
        Note(float(s), float(s + d), int(k), 0.7)
        for s, d, k in zip(starts, rng.exponential(0.2, 60), rng.integers(15, 112, 60), strict=True)
    ]
    whole = Content.of_notes(notes, 100, RATE)
    score = NoteScore(notes, 100, RATE, torch.device("cpu"))
    parts = [score.window(first, min(first + size, 100)) for first in range(0, 100, size)]
    for field in ("frame", "onset", "dynamics", "cents"):
        assert torch.equal(torch.cat([getattr(part, field) for part in parts], -1), getattr(whole, field)), field
    for number, part in enumerate(parts):
        expected = whole.part(number * size, min((number + 1) * size, 100), RATE).notes
        assert [note.pitch for note in part.notes] == [note.pitch for note in expected]
        np.testing.assert_allclose([n[:2] for n in part.notes], [n[:2] for n in expected])


def test_transposition_moves_everything_and_drops_what_leaves_the_keyboard() -> None:
    made = content()
    bent = Content(made.frame, made.onset, made.dynamics, made.frame * 20, made.notes)
    down = bent.transposed(-12)
    assert [note.pitch for note in down.notes] == [48]
    for field in ("frame", "onset", "cents"):
        before, after = getattr(bent, field), getattr(down, field)
        assert torch.equal(after[:-12], before[12:])
        assert not after[-12:].any()
    assert torch.equal(down.posteriors, torch.stack([down.frame, down.onset]))
    assert torch.equal(bent.transposed(0).cents, bent.cents)
    assert np.array_equal(down.dynamics.numpy(), bent.dynamics.numpy())
