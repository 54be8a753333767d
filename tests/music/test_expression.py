"""Velocities follow the level of notes, and tuning their bends."""

import numpy as np
import pytest

from stylebox.core.music.expression import FULL_VELOCITY_DB, velocity_of, with_expression
from stylebox.core.music.notes import LOWEST_KEY, Note

RATE = 40.0
NOTES = [Note(0.5, 1.5, 60), Note(2.0, 2.05, 64), Note(9.0, 99.0, 60)]


def rolls() -> tuple[np.ndarray, np.ndarray]:
    """Cents and levels of five seconds: the first note decays while its pitch rises, the second is soft and flat."""
    cents, levels = np.zeros((2, 88, 200), np.float32)
    levels[60 - LOWEST_KEY, 20:60] = np.linspace(0.1, 0.0, 40)
    cents[60 - LOWEST_KEY, 20:60] = np.linspace(0, 39, 40)
    levels[64 - LOWEST_KEY, 80:83], cents[64 - LOWEST_KEY, 80:83] = 0.01, -12
    return cents, levels


def test_velocity_follows_the_level_by_40_db_for_a_factor_of_ten() -> None:
    levels = np.arange(FULL_VELOCITY_DB - 90, FULL_VELOCITY_DB + 20, 5)
    velocities = [velocity_of(level) for level in levels]
    assert velocities == sorted(velocities)
    assert (velocities[0], velocities[-1]) == (1 / 127, 1.0)
    assert velocity_of(FULL_VELOCITY_DB - 20) == pytest.approx(10**-0.5)


def test_notes_get_the_level_of_their_attack_and_their_mean_bend() -> None:
    cents, levels = rolls()
    first, second, outside = with_expression(NOTES, cents, levels, RATE)
    assert first.velocity == pytest.approx(velocity_of(-20.0))
    assert second.velocity == pytest.approx(velocity_of(-40.0))
    assert first.cents == pytest.approx(13, abs=0.5)  # the loud beginning weighs more than the end
    assert second.cents == pytest.approx(-12, abs=0.1)
    assert (outside.velocity, outside.cents) == (1 / 127, 0)
    softer = with_expression(NOTES, cents, levels, RATE, offset_db=-6.0)
    assert [note.velocity for note in softer[:2]] == pytest.approx([velocity_of(-26.0), velocity_of(-46.0)])
