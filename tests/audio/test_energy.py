"""Energy over time: the same however a sound is cut into blocks, and comparable between rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylebox.core.audio.energy import HOPS_PER_SECOND, EnergyMeter, measure_energy
from stylebox.core.audio.loudness import loudness_db, loudness_of


def noise(num_samples: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((num_samples, channels)).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([8000, 11025, 44100, 96000]), st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_blocks_of_any_length_give_the_energy_of_the_whole(sample_rate: int, lengths: list[int]) -> None:
    audio, meter = noise(sum(lengths)), EnergyMeter(sample_rate)
    for block in np.split(audio, np.cumsum(lengths)[:-1]):
        meter.add(block)
    whole, pieces = measure_energy(audio, sample_rate), meter.energy()
    np.testing.assert_array_equal(pieces.samples, whole.samples)
    np.testing.assert_allclose(pieces.squares, whole.squares, rtol=1e-9)
    assert whole.samples.sum() == len(audio)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100, 48000, 192_000])
def test_hops_keep_time_at_every_rate(sample_rate: int) -> None:
    """After an hour the grid is where it must be: a hop of a whole number of samples would be seconds off."""
    seconds, meter = 20, EnergyMeter(sample_rate)
    for _ in range(seconds):
        meter.add(np.zeros(sample_rate, np.float32))
    assert len(meter.energy().samples) == seconds * HOPS_PER_SECOND


def test_an_offset_has_no_energy() -> None:
    audio = noise(9000) * np.float32(0.01)
    shifted = measure_energy(audio + np.array([0.5, -0.2], np.float32), 8000)
    assert shifted.squares.sum() == pytest.approx(np.square(audio, dtype=np.float64).sum(), rel=0.02)


def test_the_loudness_of_two_channels_is_that_of_their_mean_power() -> None:
    left = noise(44100, 1)[:, 0] * np.float32(0.1)
    hard_left = measure_energy(np.stack([left, 0 * left], 1), 44100)
    assert loudness_of(hard_left) == pytest.approx(loudness_db(left, 44100) - 10 * np.log10(2), abs=0.01)
