"""Place between channels: a sound goes where the other one is, as loud as before, and a fold cancels nothing."""

import numpy as np
import pytest

from stylebox.core.audio.energy import measure_energy
from stylebox.core.audio.place import fold_weights, place_gains, put_in_place

RATE = 44100


def tone(seconds: float = 1.0, level: float = 0.3, hz: float = 330.0) -> np.ndarray:
    wave: np.ndarray = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return wave.astype(np.float32)


def placed(like: np.ndarray, audio: np.ndarray) -> np.ndarray:
    return put_in_place(audio, place_gains(measure_energy(like, RATE)), 0, RATE)


def level_db(audio: np.ndarray) -> np.ndarray:
    power: np.ndarray = 10 * np.log10(np.square(audio, dtype=np.float64).mean(0) + 1e-20)
    return power


@pytest.mark.parametrize("gains", [(1.0, 1.0), (1.0, 0.5), (0.1, 1.0), (0.2, 0.9, 0.4)])
def test_the_place_and_the_loudness_are_those_of_the_other_sound(gains: tuple[float, ...]) -> None:
    like = tone()[:, None] * np.array(gains, np.float32)
    made = placed(like, tone(hz=500.0, level=0.1))
    np.testing.assert_allclose(np.diff(level_db(made)), np.diff(level_db(like)), atol=0.1)
    assert np.square(made).mean() == pytest.approx(np.square(tone(level=0.1)).mean(), rel=0.01)


def test_hard_left_stays_hard_left() -> None:
    made = placed(np.stack([tone(), 0 * tone()], 1), tone(hz=500.0))
    assert not made[:, 1].any()
    assert level_db(made)[0] == pytest.approx(level_db(tone()) + 10 * np.log10(2), abs=0.05)


def test_a_sound_that_moves_is_followed_within_a_tenth_of_a_second_and_without_clicks() -> None:
    left, right = np.stack([tone(), 0 * tone()], 1), np.stack([0 * tone(), tone()], 1)
    made = placed(np.concatenate([left, right]), tone(2.0, hz=220.0))
    for half, silent in ((made[: RATE - RATE // 10], 1), (made[RATE + RATE // 10 :], 0)):
        assert level_db(half)[1 - silent] - level_db(half)[silent] > 40
    assert np.abs(np.diff(made, 2, axis=0)).max() < 1.6 * np.abs(np.diff(tone(hz=220.0), 2)).max()


def test_silence_has_the_last_place() -> None:
    hiss = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * 1e-4
    like = np.concatenate([np.stack([tone(), 0 * tone()], 1), np.stack([0 * hiss, hiss], 1)])
    assert level_db(placed(like, tone(3.0))[-RATE:])[1] < -50


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_silence_has_some_place(channels: int) -> None:
    assert np.isfinite(place_gains(measure_energy(np.zeros((9000, channels), np.float32), RATE))).all()


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1, 1, -1), (1, 0), (0, 0)])
def test_a_fold_loses_no_power_to_opposite_phases(signs: tuple[int, ...]) -> None:
    audio = tone()[:, None] * np.array(signs, np.float32)
    folded = audio @ fold_weights(np.cov(audio.T))
    expected = np.abs(np.array(signs)).sum() / len(signs)
    assert np.abs(folded).max() == pytest.approx(expected * np.abs(tone()).max(), abs=1e-6)


def test_a_fold_of_unrelated_channels_keeps_both() -> None:
    rng = np.random.default_rng(2)
    audio = rng.standard_normal((RATE, 2)) * [1.0, 0.9]
    np.testing.assert_allclose(np.abs(fold_weights(np.cov(audio.T))), [0.5, 0.5])
