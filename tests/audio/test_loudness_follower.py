"""Live loudness: the level of the input over phrases, and silence for silence."""

import numpy as np

from stylebox.core.audio.loudness_follower import MAX_GAIN, LoudnessFollower

RATE = 172.0
COUNT = round(10 * RATE)
PLAYING = np.ones(COUNT, bool)


def test_the_level_of_the_input_is_reached_and_followed() -> None:
    wanted, found = np.full(COUNT, 1e-2), np.full(COUNT, 4e-2)
    gains = LoudnessFollower(RATE).gains(wanted, found, PLAYING)
    np.testing.assert_allclose(gains[-1] ** 2 * 4e-2, 1e-2, rtol=0.02)
    close = LoudnessFollower(RATE, closeness=1.0).gains(wanted, found, PLAYING)
    assert np.abs(close - 0.5)[40:].max() < np.abs(gains - 0.5)[40:].max()


def test_a_gain_is_bounded_and_smooth() -> None:
    gains = LoudnessFollower(RATE).gains(np.full(COUNT, 1e-1), np.full(COUNT, 1e-6), PLAYING)
    assert gains.max() <= MAX_GAIN
    assert np.abs(np.diff(gains)).max() < 1.1 * MAX_GAIN / (0.03 * RATE)  # opens in 30 ms


def test_silence_gives_silence_soon_and_keeps_the_gain() -> None:
    follower = LoudnessFollower(RATE)
    loud = np.full(COUNT, 1e-2)
    before = follower.gains(loud, 4 * loud, PLAYING)[-1]
    silent = follower.gains(np.zeros(COUNT), loud, ~PLAYING)
    assert not silent[round(0.4 * RATE) :].any()
    after = follower.gains(loud[:50], 4 * loud[:50], PLAYING[:50])
    np.testing.assert_allclose(after[-1], before, rtol=0.05)
