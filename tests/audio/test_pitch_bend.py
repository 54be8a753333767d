"""Pitch bends are measured from the partials of a recording and applied to the notes of another."""

import numpy as np
import pytest
import torch

from stylebox.core.audio import pitch_bend
from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.audio.pitch_bend import MOST_CENTS, apply_bends, estimate_bends, measure_keys
from stylebox.core.config import MelConfig
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, key_hz

CONFIG = MelConfig()
RATE = CONFIG.sample_rate
SECONDS = np.arange(2 * RATE) / RATE


def tone(pitch: int, cents: np.ndarray | float) -> np.ndarray:
    hz = key_hz(pitch + np.asarray(cents) / 100) * np.ones_like(SECONDS)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    partials: np.ndarray = np.sum([np.sin(h * phase) / h for h in range(1, 10)], axis=0)
    return (0.1 * partials).astype(np.float32)


def sounding(*pitches: int) -> torch.Tensor:
    frame = torch.zeros(NUM_KEYS, 1 + len(SECONDS) // CONFIG.hop_length)
    frame[[pitch - LOWEST_KEY for pitch in pitches]] = 1.0
    return frame


def at_frames(values: np.ndarray, count: int) -> np.ndarray:
    return values[np.minimum(np.arange(count) * CONFIG.hop_length, len(values) - 1)]


@pytest.mark.parametrize("pitch", [43, 57, 69, 88])
@pytest.mark.parametrize("cents", [-30.0, 0.0, 20.0])
def test_the_detuning_of_a_note_is_measured(pitch: int, cents: float) -> None:
    found = estimate_bends(torch.from_numpy(tone(pitch, cents)), sounding(pitch), CONFIG)
    assert found.shape == (NUM_KEYS, 1 + len(SECONDS) // CONFIG.hop_length)
    assert abs(float(found[pitch - LOWEST_KEY, 5:-5].median()) - cents) < 2
    assert not found[pitch - LOWEST_KEY + 1].any()


def test_each_note_of_a_chord_has_its_own_bend() -> None:
    wanted = {60: 15.0, 64: -20.0, 67: 5.0}
    audio = np.sum([tone(pitch, cents) for pitch, cents in wanted.items()], axis=0)
    found = estimate_bends(torch.from_numpy(audio), sounding(*wanted), CONFIG)
    for pitch, cents in wanted.items():
        assert abs(float(found[pitch - LOWEST_KEY, 5:-5].median()) - cents) < 4


@pytest.mark.parametrize("pitch", [45, 69, 93])
def test_the_level_of_a_note_is_its_root_mean_square(pitch: int) -> None:
    sine = 0.1 * np.sin(2 * np.pi * key_hz(pitch) * SECONDS)
    _, levels = measure_keys(torch.from_numpy(sine.astype(np.float32)), sounding(pitch), CONFIG)
    assert float(levels[pitch - LOWEST_KEY, 5:-5].median()) == pytest.approx(0.1 / np.sqrt(2), rel=0.1)
    assert not levels[pitch - LOWEST_KEY + 1].any()


def test_each_note_of_a_chord_has_its_own_level() -> None:
    amplitudes = {60: 1.0, 64: 0.25, 67: 0.5}
    audio = np.sum([height * tone(pitch, 0.0) for pitch, height in amplitudes.items()], axis=0)
    _, levels = measure_keys(torch.from_numpy(audio.astype(np.float32)), sounding(*amplitudes), CONFIG)
    found = {pitch: float(levels[pitch - LOWEST_KEY, 5:-5].median()) for pitch in amplitudes}
    assert found[60] > found[67] > found[64]
    for pitch, height in amplitudes.items():
        assert 20 * np.log10(found[pitch] / found[60] / height) == pytest.approx(0, abs=3)


def test_vibrato_is_followed_in_time() -> None:
    cents = 30 * np.sin(2 * np.pi * 5.5 * SECONDS)
    found = estimate_bends(torch.from_numpy(tone(69, cents)), sounding(69), CONFIG)[69 - LOWEST_KEY].numpy()
    wanted = at_frames(cents, len(found))
    inner = slice(5, -5)
    assert np.corrcoef(found[inner], wanted[inner])[0, 1] > 0.98
    assert 0.7 < found[inner].std() / wanted[inner].std() < 1.05


def test_blocks_give_the_same_bends_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    audio, frame = torch.from_numpy(tone(62, 20 * np.sin(2 * np.pi * 5 * SECONDS))), sounding(62)
    whole = estimate_bends(audio, frame, CONFIG)
    monkeypatch.setattr(pitch_bend, "_BLOCK_FRAMES", 20)
    torch.testing.assert_close(estimate_bends(audio, frame, CONFIG), whole, atol=1e-3, rtol=0)


def test_silence_has_no_bends_and_noise_only_limited_ones() -> None:
    quiet = estimate_bends(torch.zeros(len(SECONDS)), sounding(60), CONFIG)
    assert not quiet.any()
    hiss = torch.randn(len(SECONDS), generator=torch.Generator().manual_seed(0))
    assert estimate_bends(hiss, sounding(60), CONFIG).abs().max() <= MOST_CENTS


@pytest.mark.parametrize("cents", [-40.0, 25.0, 60.0])
def test_a_note_played_with_a_bend_sounds_at_the_bent_pitch(cents: float) -> None:
    audio, frame = tone(64, 0.0), sounding(64)
    mel = MelSpectrogram(CONFIG)(torch.from_numpy(audio))
    requested = torch.zeros_like(frame)
    requested[64 - LOWEST_KEY] = cents
    made = harmonic_inversion(mel, frame, CONFIG, len(audio), requested)
    found = estimate_bends(made, frame, CONFIG)
    assert abs(float(found[64 - LOWEST_KEY, 8:-8].median()) - cents) < 6


@pytest.mark.parametrize("num_samples", [1, 511, 512, 1023, 1024])
def test_a_few_samples_are_long_enough(num_samples: int) -> None:
    audio = torch.from_numpy(tone(69, 0.0)[:num_samples])
    frame = sounding(69)[:, : 1 + num_samples // CONFIG.hop_length]
    cents = estimate_bends(audio, frame, CONFIG)
    assert cents.shape == frame.shape
    assert cents.isfinite().all()


def peak_cents(magnitude: torch.Tensor, pitch: int, partial: int) -> np.ndarray:
    """How far the peak at a partial of a key lies from it, by a parabola through the levels of three bins. ``(T,)``."""
    hz = partial * key_hz(pitch)
    near = round(hz * CONFIG.n_fft / RATE)
    level = magnitude.clamp_min(1e-9).log().numpy()
    highest = near - 3 + level[near - 3 : near + 4].argmax(0)
    before, peak, after = (level[highest + step, np.arange(level.shape[1])] for step in (-1, 0, 1))
    bins = highest + 0.5 * (before - after) / (before - 2 * peak + after)
    return np.asarray(1200 * np.log2(bins * RATE / CONFIG.n_fft / hz))


def test_a_bend_moves_the_partials_of_its_note_alone_and_only_while_it_lasts() -> None:
    audio = torch.from_numpy(tone(69, 0.0) + tone(75, 0.0))
    window = torch.hann_window(CONFIG.n_fft)
    magnitude = torch.stft(audio, CONFIG.n_fft, CONFIG.hop_length, window=window, return_complex=True).abs()
    frame = sounding(69, 75)
    assert torch.equal(apply_bends(magnitude, frame, torch.zeros_like(frame), RATE), magnitude)
    cents = torch.zeros_like(frame)
    middle = frame.shape[1] // 2
    cents[69 - LOWEST_KEY, middle:] = 40.0
    bent = apply_bends(magnitude, frame, cents, RATE)
    torch.testing.assert_close(bent[:, : middle - 1], magnitude[:, : middle - 1])
    for partial in (1, 2):  # the third lies beside one of the other note
        moved = peak_cents(bent, 69, partial) - peak_cents(magnitude, 69, partial)
        assert np.median(moved[middle + 1 : -4]) == pytest.approx(40.0, abs=5.0)
        stays = peak_cents(bent, 75, partial) - peak_cents(magnitude, 75, partial)
        assert abs(np.median(stays[middle + 1 : -4])) < 12.0  # five bins from a bent partial, a little of it remains
