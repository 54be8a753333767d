"""What is done to recordings in training: notes stay in place, levels and colours move."""

import numpy as np
import pytest

from stylebox.core.evaluation.metrics.content import pitch_contour
from stylebox.core.training.augment import degrade, transcode, vibrate

RATE = 22_050


def plucked(seconds: float = 2.0) -> np.ndarray:
    """Four struck tones, louder than full scale."""
    t = np.arange(int(seconds * RATE)) / RATE
    since = t % 0.5
    return (1.5 * np.exp(-6 * since) * np.sin(2 * np.pi * 440 * since)).astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_a_codec_keeps_place_and_level_but_not_every_sample(seed: int) -> None:
    audio = plucked()
    coded = transcode(audio, RATE, np.random.default_rng(seed))
    assert coded.shape == audio.shape
    assert coded.dtype == np.float32
    spectrum = np.fft.rfft(coded, 2 * len(audio)) * np.fft.rfft(audio, 2 * len(audio)).conj()
    assert np.argmax(np.fft.irfft(spectrum)) == 0
    error_db = 10 * np.log10(np.square(coded - audio).sum() / np.square(audio).sum())
    assert -60 < error_db < -10


def test_codecs_leave_silence_silent() -> None:
    silence = np.zeros(RATE, np.float32)
    for seed in range(4):
        assert np.abs(transcode(silence, RATE, np.random.default_rng(seed))).max() < 1e-6


def test_degrading_is_reproducible_and_keeps_the_length() -> None:
    audio = plucked()
    first, again = (degrade(audio, RATE, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == audio.shape
    assert np.isfinite(first).all()
    assert not np.array_equal(first, degrade(audio, RATE, np.random.default_rng(4)))


def test_vibrato_sways_about_the_pitch_and_keeps_time() -> None:
    t = np.arange(2 * RATE) / RATE
    audio = (0.3 * np.sin(2 * np.pi * 440 * t) * (t > 1.0)).astype(np.float32)
    swayed = vibrate(audio, RATE, np.random.default_rng(2))
    assert swayed.shape == audio.shape
    hz = pitch_contour(swayed, RATE)[round(1.2 * RATE / 512) : -8]
    cents = 1200 * np.log2(hz / 440)
    assert abs(cents.mean()) < 5
    assert 5 < cents.max() - cents.min() < 85
    begins = [np.flatnonzero(np.abs(x) > 0.05)[0] for x in (audio, swayed)]
    assert abs(begins[0] - begins[1]) < 0.003 * RATE
