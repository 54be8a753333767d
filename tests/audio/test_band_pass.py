"""The band-pass of loudness: what is inaudible goes, what is audible stays, however the sound is cut into blocks."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt
from support.audio_files import tone

from stylebox.core.audio.band_pass import BandPass
from stylebox.core.audio.loudness import loudness_db, normalise_loudness


@pytest.mark.parametrize("sample_rate", [4000, 22050, 36001, 37800, 44100, 48000, 72_000, 96_000, 192_000])
def test_it_is_the_butterworth_filter_in_blocks_of_any_length(sample_rate: int) -> None:
    noise = np.random.default_rng(0).standard_normal((sample_rate // 2, 2))
    noise[0] = 0
    sections = butter(8, 20, "highpass", fs=sample_rate, output="sos")
    if sample_rate > 36000:
        order = 8 if sample_rate < 50000 else 24
        sections = np.concatenate([sections, butter(order, 18000, "lowpass", fs=sample_rate, output="sos")])
    band_pass = BandPass(sample_rate)
    pieces = np.split(noise, [1, 7, 500, sample_rate // 3])
    np.testing.assert_allclose(
        np.concatenate([band_pass.apply(piece) for piece in pieces]), sosfilt(sections, noise, axis=0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("hz", "lowest_db", "highest_db"),
    [
        (8, -99, -25),
        (15, -99, -18),
        (27.5, -0.1, 0.01),
        (440, -0.01, 0.01),
        (16_000, -0.5, 0.01),
        (19_500, -99, -30),
        (21_000, -99, -60),
    ],
)
def test_inaudible_sound_has_no_loudness(hz: float, lowest_db: float, highest_db: float) -> None:
    found = loudness_db(tone(hz, 44100, 5.0), 44100)
    wanted = 20 * np.log10(0.5 / np.sqrt(2))
    assert not np.isfinite(found) or lowest_db < found - wanted < highest_db


@pytest.mark.parametrize("hz", [20_000, 21_500, 30_000])
@pytest.mark.parametrize("sample_rate", [88_200, 96_000, 192_000])
def test_ultrasound_has_no_loudness_at_high_rates(sample_rate: int, hz: float) -> None:
    """As of switched power supplies and presence detectors, at full scale beside music 20 dB below it."""
    music = tone(440, sample_rate, 2.0, 0.1)
    both = music + tone(hz, sample_rate, 2.0, 0.9)
    assert loudness_db(both, sample_rate) == pytest.approx(loudness_db(music, sample_rate), abs=2.0)


@pytest.mark.parametrize(
    "inaudible",
    [
        2.0 * tone(8, 22050, 3.0),
        1.0 * tone(0.3, 22050, 3.0),
        np.full(3 * 22050, 0.7, np.float32),
        2.0 * tone(7, 22050, 3.0) * np.hanning(22050)[np.arange(3 * 22050) % 22050],
    ],
    ids=["rumble", "drift", "offset", "rumble now and then"],
)
def test_music_is_as_loud_as_without_what_cannot_be_heard(inaudible: np.ndarray) -> None:
    music = tone(440, 22050, 3.0, 0.02)
    assert loudness_db(music + inaudible, 22050) == pytest.approx(loudness_db(music, 22050), abs=1.0)
    assert normalise_loudness(music + inaudible, 22050)[1] == pytest.approx(
        normalise_loudness(music, 22050)[1], abs=1.0
    )
