"""Attacks are made steep again where windows have smeared them; what is steady, slow or low stays."""

import numpy as np
import pytest
import torch
from scipy import signal

from stylebox.core.audio.attacks import sharpen_attacks
from stylebox.core.audio.phase import magnitude_to_audio

RATE = 44100
SECONDS = np.arange(RATE) / RATE
ONSET = 0.5
HIGH = signal.butter(3, 2000, "highpass", fs=RATE, output="sos")


def level(*audio: np.ndarray) -> np.ndarray:
    """Root mean square above 2 kHz over 3 ms, of several sounds together."""
    window = np.hanning(0.003 * RATE)
    power = sum(signal.sosfiltfilt(HIGH, x.astype(float)) ** 2 for x in audio)
    level: np.ndarray = np.sqrt(np.maximum(signal.fftconvolve(power, window / window.sum(), "same"), 0))
    return level


def times(*audio: np.ndarray) -> np.ndarray:
    """When 10, 50 and 90 % of the rise about the onset are reached, in ms from it."""
    around = level(*audio)[round((ONSET - 0.05) * RATE) : round((ONSET + 0.04) * RATE)]
    before, after = around[: RATE // 50].mean(), around[round(0.07 * RATE) :].mean()
    return np.array(
        [np.argmax(around > before + part * (after - before)) / RATE * 1e3 - 50 for part in (0.1, 0.5, 0.9)]
    )


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(len(SECONDS)) * 0.1


def rising(seconds: float) -> np.ndarray:
    """Half a cosine about the onset."""
    return 0.5 + 0.5 * np.sin(np.pi * np.clip((SECONDS - ONSET) / seconds, -0.5, 0.5))


def decibels(changed: np.ndarray, original: np.ndarray) -> float:
    return float(10 * np.log10(np.mean((changed - original) ** 2) / np.mean(original**2) + 1e-12))


def test_a_smeared_step_is_steep_again_at_its_time() -> None:
    smeared = [noise(seed) * (0.03 + rising(0.027)) for seed in range(12)]
    begin, middle, end = times(*smeared)
    sharp_begin, sharp_middle, sharp_end = times(*(sharpen_attacks(x, [ONSET], RATE) for x in smeared))
    assert end - begin > 12
    assert sharp_end - sharp_begin < 0.65 * (end - begin)
    assert begin < -7 < -5 < sharp_begin
    assert abs(sharp_middle - middle) < 2


def test_what_sounded_before_the_note_sounds_on() -> None:
    tone = 0.05 * np.sin(2 * np.pi * 3000 * SECONDS)
    sharp = sharpen_attacks(tone + noise() * rising(0.027), [ONSET], RATE)
    early = level(sharp)[round((ONSET - 0.02) * RATE) : round((ONSET - 0.008) * RATE)]
    assert abs(20 * np.log10(early.mean() / level(tone)[RATE // 4])) < 3


@pytest.mark.parametrize("mark", [-0.01, 0.0, 0.01])
def test_marks_need_not_be_exact(mark: float) -> None:
    smeared = [noise(seed) * (0.03 + rising(0.027)) for seed in range(12)]
    assert times(*smeared)[0] < -7.5 < -6 < times(*(sharpen_attacks(x, [ONSET + mark], RATE) for x in smeared))[0]


def test_a_reconstructed_pluck_begins_at_its_time() -> None:
    seconds = np.maximum(SECONDS - ONSET, 0)
    partials = [np.sin(2 * np.pi * h * 330 * seconds + h * h) * np.exp(-4 * seconds) / h**0.5 for h in range(1, 50)]
    pluck = (0.1 * sum(partials) * (SECONDS >= ONSET)).astype(np.float32)
    spectrum = torch.stft(
        torch.from_numpy(pluck), 2048, 512, window=torch.hann_window(2048), pad_mode="constant", return_complex=True
    )
    made = magnitude_to_audio(spectrum.abs(), 2048, 512, len(pluck)).numpy()
    sharp = sharpen_attacks(made, [ONSET], RATE)
    before = slice(round((ONSET - 0.02) * RATE), round((ONSET - 0.003) * RATE))
    assert np.mean(level(sharp)[before] ** 2) < 0.25 * np.mean(level(made)[before] ** 2)
    assert abs(times(sharp)[1] - times(pluck)[1]) < 3


@pytest.mark.parametrize(
    "steady",
    [
        noise(2),
        0.1 * np.sin(2 * np.pi * 3000 * SECONDS),
        0.1 * np.sin(2 * np.pi * 440 * SECONDS) * (1 + 0.2 * np.sin(2 * np.pi * 5 * SECONDS)),
        noise(3) * rising(0.2),
        0.1 * np.sin(2 * np.pi * 110 * SECONDS) * rising(0.02),
    ],
    ids=["noise", "tone", "tremolo", "slow", "low"],
)
def test_steady_slow_and_low_sounds_stay(steady: np.ndarray) -> None:
    assert decibels(sharpen_attacks(steady, [0.2, ONSET, 0.7], RATE), steady) < -22


def test_nothing_changes_away_from_onsets() -> None:
    smeared = (noise() * (0.03 + rising(0.027))).astype(np.float32)
    sharp = sharpen_attacks(smeared, [ONSET], RATE)
    assert not np.array_equal(sharp, smeared)
    for far in (slice(0, round((ONSET - 0.06) * RATE)), slice(round((ONSET + 0.05) * RATE), None)):
        np.testing.assert_array_equal(sharp[far], smeared[far])
    np.testing.assert_array_equal(sharpen_attacks(smeared, [], RATE), smeared)


def test_a_piece_equals_the_whole() -> None:
    onsets = np.array([0.01, 0.3, 0.305, 0.33, 0.5, 0.52, 0.9, 0.999, 1.2])
    bursts = sum(np.exp(-30 * np.abs(SECONDS - onset)) for onset in onsets)
    audio = (noise(4) * bursts).astype(np.float32)
    whole = sharpen_attacks(audio, onsets, RATE)
    first, last = round(0.2 * RATE), round(0.8 * RATE)
    piece = sharpen_attacks(audio[first:last], onsets - first / RATE, RATE)
    inner = slice(round(0.07 * RATE), -round(0.07 * RATE))
    np.testing.assert_allclose(piece[inner], whole[first:last][inner], atol=1e-6)


@pytest.mark.parametrize("sample_rate", [16000, 22050, 48000])
@pytest.mark.parametrize("length", [0, 1, 500, 5000])
def test_any_length_and_rate(sample_rate: int, length: int) -> None:
    audio = noise()[:length]
    sharp = sharpen_attacks(audio, [-1.0, 0.0, 0.05, 7.0], sample_rate)
    assert sharp.shape == audio.shape
    assert sharp.dtype == np.float32
    assert np.isfinite(sharp).all()
