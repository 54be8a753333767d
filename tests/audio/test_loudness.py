"""Loudness against physics: sines of known level, crescendi, silences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylebox.core.audio.energy import measure_energy
from stylebox.core.audio.loudness import (
    LOUDNESS_DB,
    follow_gain,
    gain_at,
    loudness_contour,
    loudness_db,
    match_loudness,
    normalise_loudness,
)

SAMPLE_RATE = 44100


def _sine(level_db: float | np.ndarray, seconds: float = 2.0, hz: float = 330.0) -> np.ndarray:
    """A sine whose RMS is `level_db` dBFS."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sine: np.ndarray = np.sqrt(2) * 10 ** (np.asarray(level_db) / 20) * np.sin(2 * np.pi * hz * t)
    return sine.astype(np.float32)


def follow_loudness(audio: np.ndarray, reference: np.ndarray, sample_rate: int, closeness: float = 0.0) -> np.ndarray:
    """A sound with the level of another one over time."""
    curve = follow_gain(measure_energy(audio, sample_rate), measure_energy(reference, sample_rate), closeness)
    followed: np.ndarray = audio * gain_at(curve, 0, len(audio), sample_rate)
    return followed


def _crescendo(from_db: float, to_db: float, seconds: float = 4.0, hz: float = 330.0) -> np.ndarray:
    return _sine(np.linspace(from_db, to_db, round(seconds * SAMPLE_RATE)), seconds, hz)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def _noise(level_db: float, seconds: float) -> np.ndarray:
    white = np.random.default_rng(3).standard_normal(round(seconds * SAMPLE_RATE))
    return (white * 10 ** (level_db / 20)).astype(np.float32)


@pytest.mark.parametrize("level_db", [-50.0, -23.0, -3.0103, 6.0])
def test_a_sine_has_its_level(level_db: float) -> None:
    assert loudness_db(_sine(level_db), SAMPLE_RATE) == pytest.approx(level_db, abs=0.02)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.41, 1.234])
def test_short_sounds_have_a_level(seconds: float) -> None:
    assert loudness_db(_sine(-20, seconds), SAMPLE_RATE) == pytest.approx(-20, abs=0.2)


def test_rests_do_not_count() -> None:
    with_rests = np.concatenate([_sine(-20, 4), _silence(10), _sine(-55, 10), _sine(-20, 4)])
    assert loudness_db(with_rests, SAMPLE_RATE) == pytest.approx(-20, abs=0.5)


def test_a_sound_at_the_very_end_counts() -> None:
    assert loudness_db(np.concatenate([_silence(0.42), _sine(-10, 0.07)]), SAMPLE_RATE) > -25


@pytest.mark.parametrize("audio", [_silence(0), _silence(0.1), _silence(3), _sine(-70)])
def test_silence_is_minus_infinity_and_stays(audio: np.ndarray) -> None:
    assert loudness_db(audio, SAMPLE_RATE) == -np.inf
    same, gain_db = normalise_loudness(audio, SAMPLE_RATE)
    assert gain_db == 0
    np.testing.assert_array_equal(same, audio)


@settings(max_examples=25, deadline=None)
@given(st.floats(-55, 10), st.floats(-40, 0))
def test_normalising_reaches_the_target(level_db: float, target_db: float) -> None:
    normalised, gain_db = normalise_loudness(_sine(level_db, 1.0), SAMPLE_RATE, target_db)
    assert loudness_db(normalised, SAMPLE_RATE) == pytest.approx(target_db, abs=0.01)
    assert gain_db == pytest.approx(target_db - level_db, abs=0.05)


def test_normalising_reaches_the_target_when_a_gain_lifts_parts_over_the_gate() -> None:
    audio = np.concatenate([_sine(-58, 2), _sine(-64, 6)])
    normalised, _ = normalise_loudness(audio, SAMPLE_RATE)
    assert loudness_db(normalised, SAMPLE_RATE) == pytest.approx(LOUDNESS_DB, abs=0.05)


def test_matching_is_one_gain() -> None:
    audio = _crescendo(-50, -30) + _sine(-60, 4, hz=990)
    matched = match_loudness(audio, _sine(-14, 7), SAMPLE_RATE)
    assert loudness_db(matched, SAMPLE_RATE) == pytest.approx(-14, abs=0.01)
    gain = np.dot(matched, audio) / np.dot(audio, audio)
    np.testing.assert_allclose(matched, gain * audio, atol=1e-6)


def test_matching_a_silence_gives_silence_and_silence_stays() -> None:
    assert not match_loudness(_sine(-20), _silence(1), SAMPLE_RATE).any()
    assert not match_loudness(_silence(1), _sine(-20), SAMPLE_RATE).any()


@pytest.mark.parametrize("num_samples", [0, 1, 1023, 1024, 50_000])
def test_the_contour_has_a_frame_a_hop(num_samples: int) -> None:
    audio = _sine(-12, 3)[:num_samples]
    assert loudness_contour(audio).shape == (1 + num_samples // 1024,)


def test_the_contour_is_the_level_everywhere_even_at_the_ends() -> None:
    contour = loudness_contour(_sine(-12, 3))
    np.testing.assert_allclose(contour, -12, atol=0.2)
    np.testing.assert_allclose(loudness_contour(_silence(1), floor_db=-80), -80)


def test_the_contour_draws_a_crescendo() -> None:
    contour = loudness_contour(_crescendo(-50, -10))
    straight = np.linspace(-50, -10, len(contour))
    assert np.abs(contour - straight)[2:-2].max() < 0.5


def test_following_oneself_changes_nothing() -> None:
    music = np.concatenate([_crescendo(-45, -15, 2), _sine(-30, 1, 700), _crescendo(-20, -50, 2)])
    np.testing.assert_allclose(follow_loudness(music, music, SAMPLE_RATE), music, atol=1e-6)


def test_a_crescendo_makes_a_crescendo() -> None:
    reference, flat = _crescendo(-45, -20), _sine(-23, 4, hz=660) + _noise(-40, 4)
    wanted = loudness_contour(reference)
    for closeness, most_db in ((0.0, 4.0), (1.0, 1.0)):  # a phrase's ends are nearer its middle
        got = loudness_contour(follow_loudness(flat, reference, SAMPLE_RATE, closeness))
        assert np.abs(wanted - got).max() < most_db
        assert np.corrcoef(wanted, got)[0, 1] > 0.99 > np.corrcoef(wanted, loudness_contour(flat))[0, 1]


@pytest.mark.parametrize("closeness", [0.0, 0.5, 1.0])
def test_a_phrase_is_as_loud_as_it_was(closeness: float) -> None:
    followed = follow_loudness(_sine(-20), _sine(-30), SAMPLE_RATE, closeness)
    assert loudness_db(followed, SAMPLE_RATE) == pytest.approx(-30, abs=0.1)


def test_notes_keep_their_own_shape_unless_moments_are_followed() -> None:
    t = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    held = _sine(-20, 4, hz=440)
    dying = (held * 10 ** (-(t % 0.5) * 30 / 20)).astype(np.float32)  # eight notes, each falls by 15 dB

    def falls(audio: np.ndarray) -> float:
        notes = np.square(audio).reshape(8, -1)[1:-1]  # the first and last are half a phrase's
        early, late = (notes[:, part].mean() for part in (slice(1500, 3000), slice(-3000, -1500)))
        return float(10 * np.log10(early / late))

    kept, taken = (falls(follow_loudness(held, dying, SAMPLE_RATE, x)) for x in (0.0, 1.0))
    assert kept < 1.0
    assert taken > 8.0


def test_where_the_reference_is_silent_the_result_is_silent_after_a_tail() -> None:
    reference = np.concatenate([_sine(-20, 1), _silence(2), _sine(-20, 1)])
    followed = follow_loudness(_sine(-20, 4, hz=500), reference, SAMPLE_RATE)
    rest = slice(round(1.45 * SAMPLE_RATE), round(2.8 * SAMPLE_RATE))
    assert not followed[rest].any()
    assert followed[: SAMPLE_RATE // 2].any()
    tail = np.abs(followed[round(1.1 * SAMPLE_RATE) : round(1.15 * SAMPLE_RATE)]).max()
    assert 0 < tail < 0.1, "a reverberation may ring, below the note"
    assert not follow_loudness(_sine(-20), _silence(2), SAMPLE_RATE).any()


@pytest.mark.parametrize("seconds", [0.5, 30.0])
def test_a_long_silence_stays_exactly_zero(seconds: float) -> None:
    """The release adds and takes off a ramp that grows with time; rounding must not open the gate."""
    for sample_rate in (16000, 22050, 44100):
        followed = follow_loudness(_noise(-30, seconds), _silence(seconds), sample_rate)
        assert not followed.any()


def test_an_attack_after_silence_is_kept() -> None:
    pluck = _sine(0, 2) * np.exp(-np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE * 3).astype(np.float32)
    music = np.concatenate([_silence(1), pluck])
    np.testing.assert_allclose(follow_loudness(music, music, SAMPLE_RATE), music, atol=1e-6)


def test_noise_is_not_blown_up() -> None:
    hiss = _noise(-60, 3)
    followed = follow_loudness(hiss, _sine(-10, 3), SAMPLE_RATE)
    assert loudness_contour(followed, floor_db=-90).max() < -58
    quiet = follow_loudness(_sine(-45, 3), _sine(-10, 3), SAMPLE_RATE)
    assert loudness_db(quiet, SAMPLE_RATE) == pytest.approx(-33, abs=0.1), "the boost is capped"


def test_following_makes_no_clicks() -> None:
    """A gain that jumps would show in the second difference, and as sound far above a low tone."""
    tone = _sine(-20, 5, hz=220)
    reference = np.concatenate([_sine(-10, 1), _silence(1), _sine(-40, 1), _sine(-12, 1), _silence(1)])
    followed = follow_loudness(tone, reference, SAMPLE_RATE)
    loudest = np.abs(followed).max() / np.abs(tone).max()
    assert np.abs(np.diff(followed, 2)).max() < 1.1 * loudest * np.abs(np.diff(tone, 2)).max()
    inside = followed * np.hanning(len(followed))
    power = np.abs(np.fft.rfft(inside)) ** 2
    above = power[np.fft.rfftfreq(len(inside), 1 / SAMPLE_RATE) > 1000].sum()
    assert 10 * np.log10(above / power.sum()) < -60


def test_a_shorter_reference_is_silent_beyond_its_end() -> None:
    followed = follow_loudness(_sine(-20, 3), _sine(-20, 1), SAMPLE_RATE)
    assert len(followed) == 3 * SAMPLE_RATE
    assert not followed[round(1.5 * SAMPLE_RATE) :].any()
    assert len(follow_loudness(_sine(-20, 1), _sine(-20, 3), SAMPLE_RATE)) == SAMPLE_RATE
