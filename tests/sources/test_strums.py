"""Strummed chords lie on a guitar, and its strings sound one after the other."""

import itertools

import numpy as np
import pytest

from stylebox.core.sources.render.scores import random_score
from stylebox.core.sources.render.strums import FRET_SPAN, SPREAD_SECONDS, STRINGS, guitar_voicing, strums
from stylebox.core.sources.render.textures import Event, Setting

BEAT_SECONDS = 0.5
C_MAJOR = np.array([12 * octave + step for octave in range(10) for step in (0, 2, 4, 5, 7, 9, 11)])


def strokes(seed: int) -> list[list[Event]]:
    """The strums of one piece, each a list of events in playing order."""
    events = strums(np.random.default_rng(seed), Setting(24.0, BEAT_SECONDS, C_MAJOR, 60))
    found: list[list[Event]] = []
    for event in events:
        gap = (event.beat - found[-1][-1].beat) * BEAT_SECONDS if found else 1.0
        if 0 < gap <= SPREAD_SECONDS[1]:
            found[-1].append(event)
        else:
            found.append([event])
    return found


@pytest.mark.parametrize(
    ("chord", "position", "pitches"),
    [
        ([4, 7, 11], 0, [40, 47, 52, 55, 59, 64]),  # E minor, open
        ([7, 11, 2], 0, [43, 47, 50, 55, 59, 67]),  # G major, open
        ([0, 4, 7], 0, [48, 52, 55, 60, 64]),  # C major, open; the lowest string is not played
        ([2, 6, 9], 0, [50, 57, 62, 66]),  # D major, open; two strings are not played
    ],
)
def test_open_chords_have_their_usual_fingerings(chord: list[int], position: int, pitches: list[int]) -> None:
    assert guitar_voicing(chord, position) == pitches


def test_every_voicing_can_be_fretted_with_the_root_lowest() -> None:
    for root, position in itertools.product(range(12), range(10)):
        chord = [root, (root + 4) % 12, (root + 7) % 12, (root + 10) % 12]
        voicing = guitar_voicing(chord, position)
        assert len(voicing) >= 2
        assert voicing[0] % 12 == root
        assert {pitch % 12 for pitch in voicing} <= set(chord)
        strings = iter(STRINGS)  # each note takes the next free string that reaches it
        assert all(any(0 <= pitch - (s + position) <= FRET_SPAN for s in strings) for pitch in voicing)


def test_strings_of_a_strum_sound_one_after_the_other() -> None:
    several = [stroke for seed in range(40) for stroke in strokes(seed) if len(stroke) >= 3]
    spreads = np.array([(stroke[-1].beat - stroke[0].beat) * BEAT_SECONDS for stroke in several])
    assert spreads.min() >= SPREAD_SECONDS[0] - 1e-9
    assert spreads.max() <= SPREAD_SECONDS[1] + 1e-9
    rising = [all(a.pitch < b.pitch for a, b in itertools.pairwise(stroke)) for stroke in several]
    falling = [all(a.pitch > b.pitch for a, b in itertools.pairwise(stroke)) for stroke in several]
    assert all(up != down for up, down in zip(rising, falling, strict=True))
    assert 0.5 < np.mean(rising) < 0.95  # downstrokes, from the lowest string up, are the more common
    assert max(map(len, several)) == 6


def test_a_strum_ends_with_its_chord() -> None:
    for seed in range(20):
        for stroke in strokes(seed):
            assert len({round(event.beat + event.length, 6) for event in stroke}) == 1
            assert all(event.length > 0 for event in stroke)


def test_random_scores_have_strums_in_them() -> None:
    """Chords of five or six notes whose onsets follow within 15 ms of each other, but not at once."""

    def rolled(seed: int) -> bool:
        starts = np.array([n.start_seconds for n in random_score(np.random.default_rng([9, seed]), 12.0)])
        return any(0.015 < starts[i + 4] - starts[i] < 0.065 for i in range(len(starts) - 4))

    assert np.mean([rolled(seed) for seed in range(150)]) > 0.04
