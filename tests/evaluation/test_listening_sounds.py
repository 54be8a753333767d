"""The sounds of a listening test are anchors as the standard wants them, equally loud, and unclipped."""

import numpy as np
import pytest

from stylebox.core.audio.loudness import loudness_db
from stylebox.core.evaluation.listening.stimuli import LOW_ANCHOR, MID_ANCHOR, REFERENCE, low_pass, make_trial

RATE = 44100
NOISE = np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)


def change_db(edge_hz: float, hz: float) -> float:
    """By how many dB the anchor's filter changes a sine, away from the ends."""
    sine = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    middle = slice(RATE // 4, 3 * RATE // 4)
    before, after = (np.sqrt(np.mean(x[middle] ** 2)) for x in (sine, low_pass(sine, RATE, edge_hz)))
    return float(20 * np.log10(max(after, 1e-9) / before))


def test_the_anchor_is_flat_to_its_edge_and_gone_soon_after() -> None:
    for hz in (100, 1000, 3000, 3500):
        assert change_db(3500, hz) == pytest.approx(0, abs=0.1)
    assert change_db(3500, 4000) < -25
    assert change_db(3500, 4500) < -50
    assert change_db(7000, 7000) == pytest.approx(0, abs=0.1)
    assert change_db(7000, 8000) < -50
    assert low_pass(NOISE, 8000, 3500.0) is NOISE  # holds nothing above the edge


def test_the_anchor_is_not_delayed() -> None:
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 1
    assert int(np.abs(low_pass(click, RATE, 3500)).argmax()) == RATE // 2


def test_all_sounds_of_a_trial_are_as_long_and_as_loud_as_the_reference() -> None:
    soft, short = NOISE * 2e-3, NOISE[:RATE] * 0.2
    long = np.tile(NOISE, 2)
    trial = make_trial("a", "noise", NOISE * 0.1, {"soft": soft, "short": short, "long": long}, RATE)
    assert [s.system for s in trial.stimuli] == [REFERENCE, LOW_ANCHOR, MID_ANCHOR, "soft", "short", "long"]
    levels = [loudness_db(s.audio, RATE) for s in trial.stimuli]
    assert np.ptp(levels) < 0.3
    assert all(s.audio.shape == NOISE.shape for s in trial.stimuli)
    assert max(np.abs(s.audio).max() for s in trial.stimuli) <= 10 ** (-1 / 20) + 1e-6
    assert all(s.audio[0] == s.audio[-1] == 0 for s in trial.stimuli)


def test_peaks_turn_all_sounds_of_a_trial_down_together() -> None:
    spiky = np.zeros_like(NOISE)
    spiky[2500::5000] = 1
    trial = make_trial("a", "noise", NOISE, {"spiky": spiky}, RATE)
    assert max(np.abs(s.audio).max() for s in trial.stimuli) == pytest.approx(10 ** (-1 / 20), rel=1e-3)
    assert np.ptp([loudness_db(s.audio, RATE) for s in trial.stimuli]) < 0.3
