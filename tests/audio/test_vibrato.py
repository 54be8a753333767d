"""Instruments play a vibrato of their own, and take on of the input's pitch what they can play."""

import numpy as np
import pytest
import torch

from stylebox.core.audio.phase import magnitude_to_audio
from stylebox.core.audio.pitch_bend import apply_bends, estimate_bends
from stylebox.core.audio.vibrato import (
    INTONATION,
    STRUCK,
    SUSTAINED,
    add_vibrato,
    carried_bends,
    intonation,
    played_bends,
    vibrato_depth,
)
from stylebox.core.config import MelConfig
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note

CONFIG = MelConfig(sample_rate=22050)  # what bends are measured at
RATE = CONFIG.frames_per_second
PITCH, KEY = 69, 69 - LOWEST_KEY
COUNT = round(4 * RATE)
SECONDS = np.arange(COUNT) / RATE
LONG = Note(0.5, 3.5, PITCH)


def bends(curve: np.ndarray | float, key: int = KEY) -> torch.Tensor:
    cents = torch.zeros(NUM_KEYS, COUNT)
    cents[key] = torch.from_numpy(curve * np.ones(COUNT)).float()
    return cents


def swing(rate_hz: float, depth_cents: float) -> np.ndarray:
    return depth_cents * np.sin(2 * np.pi * rate_hz * SECONDS) + 0.01  # a sounding key is never exactly at 0


def rate_of(curve: np.ndarray, frames_per_second: float) -> float:
    """Hz of the strongest swing."""
    spectrum = np.abs(np.fft.rfft((curve - curve.mean()) * np.hanning(len(curve)), 4096))
    return float(spectrum.argmax() * frames_per_second / 4096)


def test_a_steady_note_gets_the_vibrato_that_is_asked_for() -> None:
    depths, rates = [], []
    for seed in range(20):
        curve = add_vibrato(bends(0.0), [LONG], RATE, 6.0, 20.0, seed)[KEY].numpy()
        inner = curve[round(1.1 * RATE) : round(3.3 * RATE)]
        depths.append(vibrato_depth(inner, RATE))
        rates.append(rate_of(inner, RATE))
    assert abs(np.mean(rates) - 6.0) < 0.2
    assert 0.05 < np.std(rates) < 0.5
    assert abs(np.mean(depths) - 20.0) < 3
    assert 1 < np.std(depths) < 6


def test_it_begins_late_and_stays_in_its_note() -> None:
    cents = add_vibrato(bends(0.0), [LONG], RATE, 6.0, 20.0, seed=0)
    assert not cents[:KEY].any()
    assert not cents[KEY + 1 :].any()
    curve = cents[KEY].abs().numpy()
    assert not curve[: round(0.59 * RATE)].any()
    assert not curve[round(3.52 * RATE) :].any()
    assert curve[round(1.0 * RATE) : round(3.4 * RATE)].max() > 12


def test_short_notes_have_none() -> None:
    notes = [Note(0.1 + i * 0.4, 0.45 + i * 0.4, PITCH) for i in range(8)]
    assert not add_vibrato(bends(0.0), notes, RATE, 6.0, 20.0, seed=0).any()


def test_a_note_that_has_a_vibrato_gets_no_other() -> None:
    given = bends(swing(5.0, 12.0))
    torch.testing.assert_close(add_vibrato(given, [LONG], RATE, 6.0, 20.0, seed=0), given)
    slide = bends(np.linspace(-30, 30, COUNT))
    assert (add_vibrato(slide, [LONG], RATE, 6.0, 20.0, seed=0) - slide).abs().max() > 12


def test_the_seed_and_the_note_say_all() -> None:
    other = Note(0.2, 2.0, PITCH + 4)
    alone = add_vibrato(bends(0.0), [LONG], RATE, 6.0, 20.0, seed=3)
    together = add_vibrato(bends(0.0), [other, LONG], RATE, 6.0, 20.0, seed=3)
    torch.testing.assert_close(alone[KEY], together[KEY])
    assert not torch.equal(alone, add_vibrato(bends(0.0), [LONG], RATE, 6.0, 20.0, seed=4))


@pytest.mark.parametrize("rate_hz", [4.5, 6.5])
def test_it_sounds_as_it_was_asked_for(rate_hz: float) -> None:
    sample_rate, hop, n_fft = CONFIG.sample_rate, 256, 1024
    seconds = np.arange(4 * sample_rate) / sample_rate
    partials = [0.1 / h * np.sin(2 * np.pi * 440 * h * seconds) for h in range(1, 9)]
    tone = np.sum(partials, axis=0).astype(np.float32)
    magnitude = torch.stft(
        torch.from_numpy(tone), n_fft, hop, window=torch.hann_window(n_fft), pad_mode="constant", return_complex=True
    ).abs()
    frame = bends(1.0)
    cents = add_vibrato(bends(0.0), [LONG], RATE, rate_hz, 20.0, seed=1)
    made = magnitude_to_audio(apply_bends(magnitude, frame, cents, sample_rate), n_fft, hop, len(tone))
    inner = slice(round(1.1 * RATE), round(3.3 * RATE))
    found, asked = estimate_bends(made, frame, CONFIG)[KEY, inner].numpy(), cents[KEY, inner].numpy()
    assert abs(rate_of(found, RATE) - rate_of(asked, RATE)) < 0.15
    assert 0.6 < vibrato_depth(found, RATE) / vibrato_depth(asked, RATE) < 1.05


def test_errors_of_measurement_are_not_carried_over() -> None:
    tremble = np.random.default_rng(0).normal(size=COUNT) * 1.6 + 7.0
    carried = carried_bends(bends(tremble), RATE)[KEY].numpy()
    assert carried.std() < 0.6
    assert abs(carried.mean() - 7.0) < 0.3
    fast = carried_bends(bends(swing(13.0, 20.0)), RATE)[KEY, 10:-10].numpy()
    assert np.abs(fast).max() < 3


def test_slides_and_vibrato_are_carried_over() -> None:
    slide = np.linspace(-40, 40, COUNT)
    np.testing.assert_allclose(carried_bends(bends(slide), RATE)[KEY, 10:-10], slide[10:-10], atol=1.5)
    for rate_hz in (4.5, 5.5, 6.5):
        carried = carried_bends(bends(swing(rate_hz, 20.0)), RATE)[KEY].numpy()
        # deeper than it was heard, by what the windows of 93 ms took from it
        assert 20 < vibrato_depth(carried[20:-20], RATE) < 30
        assert abs(rate_of(carried, RATE) - rate_of(swing(rate_hz, 20.0), RATE)) < 0.1


def test_a_measured_vibrato_is_carried_over_as_deep_as_it_was_played() -> None:
    seconds = np.arange(4 * CONFIG.sample_rate) / CONFIG.sample_rate
    cents = 20 * np.sin(2 * np.pi * 5.5 * seconds)
    phase = 2 * np.pi * np.cumsum(440 * 2 ** (cents / 1200)) / CONFIG.sample_rate
    tone = np.sum([0.1 / h * np.sin(h * phase) for h in range(1, 9)], axis=0).astype(np.float32)
    heard = estimate_bends(torch.from_numpy(tone), bends(1.0), CONFIG)
    carried = carried_bends(heard, RATE)[KEY, 20:-20].numpy()
    assert vibrato_depth(heard[KEY, 20:-20].numpy(), RATE) < 18
    assert abs(vibrato_depth(carried, RATE) - 20) < 2


def test_a_vibrato_can_be_made_narrower() -> None:
    carried = carried_bends(bends(swing(5.5, 40.0)), RATE, widest_cents=12.0)[KEY, 20:-20].numpy()
    assert abs(vibrato_depth(carried, RATE) - 12.0) < 2


def test_carried_in_pieces_as_whole() -> None:
    curve = swing(5.5, 15.0) * np.linspace(0, 2, COUNT) + np.random.default_rng(1).normal(size=COUNT)
    whole, piece = carried_bends(bends(curve), RATE), carried_bends(bends(curve)[:, 40:140], RATE)
    torch.testing.assert_close(piece[:, 35:-35], whole[:, 75:105], atol=1e-4, rtol=0)


def test_a_vibrato_is_the_same_in_a_part_of_the_music() -> None:
    whole = add_vibrato(bends(0.0), [LONG], RATE, 6.0, 20.0, seed=3)
    first = 30  # the note began before it
    part = add_vibrato(bends(0.0)[:, first:], [LONG], RATE, 6.0, 20.0, seed=3, start_seconds=first / RATE)
    torch.testing.assert_close(part, whole[:, first:], atol=1e-3, rtol=0)


def test_instruments_differ() -> None:
    assert set(INTONATION) <= set(INSTRUMENTS)
    played = {}
    for name in ("violin", "flute", "clarinet", "piano", "organ"):
        playing = intonation(name, INSTRUMENTS[name].sustained)
        played[name] = [
            vibrato_depth(played_bends(bends(curve), [LONG], RATE, playing, seed=0)[KEY, 30:-30].numpy(), RATE)
            for curve in (0.01, swing(5.5, 40.0))
        ]
    assert played["violin"][0] > played["flute"][0] > 3 > played["clarinet"][0]
    assert played["violin"][1] > 35 > 22 > played["flute"][1] > 10 > played["clarinet"][1]
    assert played["piano"] == played["organ"] == [0.0, 0.0]
    assert intonation("theremin") == SUSTAINED
    assert intonation("theremin", sustained=False) == STRUCK


def test_bend_and_vibrato_can_be_chosen() -> None:
    wide, violin = bends(swing(5.5, 30.0)), INTONATION["violin"]
    assert not played_bends(wide, [LONG], RATE, violin, seed=0, bend=0.0, vibrato=0.0).any()
    assert played_bends(wide, [LONG], RATE, STRUCK, seed=0, bend=1.0).abs().max() > 25
    half, full = (
        played_bends(bends(0.0), [LONG], RATE, violin, seed=0, vibrato=share).abs().max() for share in (0.5, 1.0)
    )
    assert abs(half / full - 0.5) < 1e-3


def test_nothing_and_single_frames() -> None:
    nothing = torch.zeros(NUM_KEYS, 0)
    assert played_bends(nothing, [LONG], RATE, INTONATION["violin"], seed=0).shape == nothing.shape
    cents = torch.zeros(NUM_KEYS, 5)
    cents[KEY, 2] = 10.0
    assert torch.isfinite(played_bends(cents, [LONG, Note(0.0, 0.1, 5)], RATE, INTONATION["flute"], seed=0)).all()
