"""Measures of sound, on sounds whose texture, treble, bandwidth, noisiness and attacks are known."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import stylebox

BENCH = Path(stylebox.__file__).parents[1] / "bench"
RATE = 44100


@pytest.fixture
def signal() -> ModuleType:
    return import_module("bench.signal_measures")


def tone(hz: float, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def clicks(onsets: list[float], rise_seconds: float = 0.0, rate: int = RATE) -> np.ndarray:
    """Bursts of noise that rise linearly from each onset and die away in some 100 ms."""
    noise = np.random.default_rng(0).standard_normal(3 * rate)
    seconds = np.arange(3 * rate) / rate
    level = np.full(3 * rate, 1e-4)
    for onset in onsets:
        since = seconds - onset
        risen = np.clip(since / rise_seconds, 0, 1) if rise_seconds else (since >= 0)
        level += np.where(since >= 0, risen * np.exp(-np.maximum(0, since - rise_seconds) / 0.05), 0)
    sound: np.ndarray = 0.1 * noise * level
    return sound


def pulses(seconds: float = 4.0) -> np.ndarray:
    """One every hop of the mel: partials in every band, and every frame the same."""
    sound = np.zeros(round(seconds * RATE))
    sound[::512] = 0.5
    return sound


def test_texture_of_steady_sound_is_nothing_and_of_noise_is_more_in_narrow_bands(signal: ModuleType) -> None:
    assert max(signal.texture_db(pulses(), RATE)) < 0.1  # the first and the last frame are cut
    low, middle, high = signal.texture_db(np.random.default_rng(0).standard_normal(2 * RATE) * 0.1, RATE)
    assert low > middle > high > 0.5


def test_texture_is_the_mean_slope_of_a_tremolo(signal: ModuleType) -> None:
    sound = pulses()
    seconds = np.arange(len(sound)) / RATE
    for depth_db in (4.0, 8.0):
        level_db = depth_db * np.sin(2 * np.pi * 3 * seconds)
        slope_db = 4 * 3 * depth_db * 512 / RATE  # there and back twice a turn, three turns a second
        assert signal.texture_db(sound * 10 ** (level_db / 20), RATE) == pytest.approx([slope_db] * 3, rel=0.12)


def test_texture_of_what_a_lower_rate_cannot_hold_does_not_count(signal: ModuleType) -> None:
    assert np.isnan(signal.texture_db(tone(500), RATE)[2])


def test_treble_share_of_two_tones(signal: ModuleType) -> None:
    share_db = signal.treble_share_db(tone(1000) + 0.1 * tone(12000), RATE)
    assert share_db == pytest.approx(-20 - 10 * np.log10(1.01), abs=0.1)
    assert signal.treble_share_db(tone(1000, rate=22050), 22050) == signal.SILENT_TREBLE_DB
    assert signal.treble_share_db(tone(12000), RATE) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("made_rate", [22050, 44100])
@pytest.mark.parametrize("lead_ms", [-5, 0, 10])
def test_attack_lead_of_clicks(signal: ModuleType, lead_ms: int, made_rate: int) -> None:
    onsets = [0.5, 1.0, 1.73, 2.4]
    given = signal.attack_rises(clicks(onsets), RATE, onsets)
    early = clicks([onset - lead_ms / 1000 for onset in onsets], rate=made_rate)
    figures = signal.attack_figures(given, signal.attack_rises(early, made_rate, onsets))
    assert len(figures["lead_10"]) == len(onsets)
    assert np.mean(figures["lead_10"]) == pytest.approx(lead_ms, abs=1.0)
    assert np.mean(figures["lead_50"]) == pytest.approx(lead_ms, abs=1.0)


def test_rise_time_is_four_fifths_of_a_linear_rise(signal: ModuleType) -> None:
    onsets = [0.5, 1.2, 2.0]
    rises = [
        float(np.mean(signal.attack_figures(found, found)["rise"]))
        for found in (signal.attack_rises(clicks(onsets, rise), RATE, onsets) for rise in (0.02, 0.04))
    ]
    assert rises[0] == pytest.approx(16, abs=5)
    assert rises[1] == pytest.approx(32, abs=8)


def test_attacks_that_are_cut_off_or_do_not_rise_are_left_out(signal: ModuleType) -> None:
    sound = clicks([0.5])
    assert signal.attack_rises(sound, RATE, [0.01, 1.5, 2.99]) == [None, None, None]
    assert signal.attack_figures([None], signal.attack_rises(sound, RATE, [0.5]))["lead_10"] == []


def test_chords_are_one_onset_and_near_ones_are_left_out(signal: ModuleType) -> None:
    assert signal.lone_onsets([2.0, 0.5, 0.51, 1.0, 1.1]) == [0.5, 2.0]
    assert signal.lone_onsets([]) == []


def test_bandwidth_ends_with_the_highest_strong_partial(signal: ModuleType) -> None:
    sound = tone(1000) + 0.1 * tone(9000) + 1e-4 * tone(15000)
    assert signal.bandwidth_hz(sound, RATE) == pytest.approx(9000, abs=60)


def test_noise_is_noisier_than_a_tone_in_noise_and_level_does_not_count(signal: ModuleType) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)
    assert signal.noisiness(noise, RATE) == pytest.approx(-2.5, abs=0.3)  # of exponential power: log of Euler's gamma
    mixed = signal.noisiness(0.01 * noise + tone(3000), RATE)
    assert mixed < -15
    assert signal.noisiness(0.1 * (0.01 * noise + tone(3000)), RATE) == pytest.approx(mixed, abs=0.1)


def test_panels_are_drawn(tmp_path: Path) -> None:
    panels = [("a", tone(440), RATE), ("b", tone(440, rate=22050), 22050)]
    import_module("bench.spectrograms").draw(panels, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
