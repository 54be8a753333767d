"""Live loudness: that of whole sounds as far as the future is known, without jumps, and silence for silence."""

import numpy as np

from stylebox.core.audio.energy import measure_energy
from stylebox.core.audio.loudness import MAX_GAIN_DB, follow_gain, gain_at, gain_to, loudness_of
from stylebox.core.audio.loudness_follower import LoudnessFollower

SAMPLE_RATE, HOP, STEP, AHEAD = 22050, 128, 32, 64  # a step of 0.19 s, a look-ahead of 0.37 s
RATE = SAMPLE_RATE / HOP
COUNT = 54 * STEP  # 10 s


def follow(
    follower: LoudnessFollower, wanted: np.ndarray, found: np.ndarray, gain_db: float = 0.0, ahead: int = AHEAD
) -> np.ndarray:
    """The gains of all frames, in steps."""
    steps = [slice(start, start + STEP + ahead) for start in range(0, len(wanted), STEP)]
    return np.concatenate([follower.gains(wanted[step], found[step], STEP, gain_db) for step in steps])


def frame_powers(sound: np.ndarray) -> np.ndarray:
    """Mean square of each hop."""
    powers: np.ndarray = np.square(sound).reshape(-1, HOP).mean(1)
    return powers


def notes(seed: int, decay_per_second: float) -> np.ndarray:
    """Ten seconds of noise in notes of half a second, each with a level of its own."""
    generator = np.random.default_rng(seed)
    num_samples = COUNT * HOP
    age = np.arange(num_samples) % (SAMPLE_RATE // 2) / SAMPLE_RATE
    level = np.repeat(generator.uniform(0.03, 0.2, 21), SAMPLE_RATE // 2)[:num_samples]
    sound: np.ndarray = level * np.exp(-decay_per_second * age) * generator.standard_normal(num_samples)
    return sound


def test_it_is_the_gain_of_whole_sounds_as_far_as_the_future_is_known() -> None:
    wanted, found = notes(1, 4.0), notes(2, 0.0)
    powers = frame_powers(wanted), frame_powers(found)
    energy, target = measure_energy(found, SAMPLE_RATE), measure_energy(wanted, SAMPLE_RATE)
    hops = follow_gain(energy, target, gain_db=gain_to(energy, loudness_of(target)))
    curve = gain_at(hops, 0, len(found), SAMPLE_RATE)
    level_db = loudness_of(measure_energy(found * curve, SAMPLE_RATE))
    whole_db = 20 * np.log10(curve.reshape(-1, HOP).mean(1)) + loudness_of(target) - level_db
    errors = {}
    for ahead in (0, AHEAD, 4 * AHEAD):
        live_db = 20 * np.log10(np.maximum(follow(LoudnessFollower(RATE), *powers, ahead=ahead), 1e-3))
        difference = (live_db - whole_db)[round(2 * RATE) :]
        errors[ahead] = float(np.abs(difference).mean())
    assert errors[4 * AHEAD] < 0.5 < errors[AHEAD] < 1.0 < errors[0]  # dB


def test_the_level_of_the_input_is_reached() -> None:
    wanted, found = np.full(COUNT, 1e-2), np.full(COUNT, 4e-2)
    gains = follow(LoudnessFollower(RATE), wanted, found)
    np.testing.assert_allclose(gains[2 * STEP :], 0.5, rtol=0.02)
    raised = follow(LoudnessFollower(RATE), 1e-3 * wanted, found, gain_db=-30.0)
    np.testing.assert_allclose(raised[2 * STEP :], 0.5 * 10**-1.5, rtol=0.05)


def test_closeness_follows_each_moment() -> None:
    wanted = 10 ** (-2 + np.sin(2 * np.pi * np.arange(COUNT) / RATE))  # swells by 20 dB each second
    found = np.full(COUNT, 1e-2)
    loose, close = (follow(LoudnessFollower(RATE, closeness), wanted, found) for closeness in (0.0, 1.0))
    ratio_db = [20 * np.log10(gains[COUNT // 2 :]).std() for gains in (loose, close)]
    assert ratio_db[1] > 4 > 2 * ratio_db[0]


def test_a_gain_is_bounded_and_smooth() -> None:
    generator = np.random.default_rng(3)
    wanted = np.repeat(10 ** generator.uniform(-4, -1, COUNT // STEP), STEP)
    found = np.repeat(10 ** generator.uniform(-4, -1, COUNT // STEP), STEP)
    gains = follow(LoudnessFollower(RATE), wanted, found)
    settled = 20 * np.log10(gains[2 * STEP :])
    assert np.abs(np.diff(settled)).max() < 2.0  # dB from frame to frame, at the edges of steps too
    quiet = follow(LoudnessFollower(RATE), np.full(COUNT, 1e-1), np.full(COUNT, 1e-5))
    assert 20 * np.log10(quiet[: 2 * STEP].max()) < MAX_GAIN_DB + 6.1


def test_silence_gives_silence_soon_and_keeps_the_gain() -> None:
    follower = LoudnessFollower(RATE)
    loud = np.full(COUNT, 1e-2)
    before = follow(follower, loud, 4 * loud)[-1]
    silent = follow(follower, np.zeros(COUNT), loud)
    assert not silent[round(0.5 * RATE) :].any()
    after = follow(follower, loud, 4 * loud)
    np.testing.assert_allclose(after[2 * STEP :], before, rtol=0.05)


def test_nothing_gives_nothing() -> None:
    assert not follow(LoudnessFollower(RATE), np.zeros(COUNT), np.zeros(COUNT)).any()
