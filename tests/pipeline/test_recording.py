"""Recordings in blocks: measured once, folded to the model's mono, cut into spans."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylebox.core.audio.loudness import LOUDNESS_DB, loudness_db
from stylebox.core.pipeline.recording import ArrayRecording, MonoSource, fitted, measure, spans_of


def noise(num_samples: int, channels: int) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((num_samples, channels)).astype(np.float32) * np.float32(0.1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=10), st.data())
def test_spans_are_those_of_the_whole(lengths: list[int], data: st.DataObject) -> None:
    whole = np.arange(sum(lengths))
    starts = sorted(data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)))
    spans = [(start, data.draw(st.integers(start + 1, len(whole)))) for start in starts]
    found = list(spans_of(iter(np.split(whole, np.cumsum(lengths)[:-1])), spans))
    assert [piece.tolist() for piece in found] == [list(range(*span)) for span in spans]


@pytest.mark.parametrize("num_samples", [3, 10, 17])
def test_fitting_cuts_and_pads(num_samples: int) -> None:
    made = np.concatenate(list(fitted([np.ones((4, 2)), np.ones((6, 2))], num_samples, 2)))
    assert made.shape == (num_samples, 2)
    assert made.sum() == 2 * min(num_samples, 10)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_mono_source_has_the_common_loudness_and_the_length(rate: int, channels: int) -> None:
    audio = noise(rate, channels) + np.float32(0.2)
    source = MonoSource(ArrayRecording(audio, rate), 44100)
    mono = np.concatenate(list(source.blocks()))
    assert len(mono) == source.num_samples == 44100
    assert abs(mono.mean()) < 1e-3 * np.abs(mono).max()  # no offset
    assert loudness_db(mono, 44100) == pytest.approx(LOUDNESS_DB, abs=0.6)


@pytest.mark.parametrize(("rate", "pilot_hz"), [(44100, 21_000), (48000, 21_000), (96_000, 30_000)])
def test_ultrasound_does_not_count(rate: int, pilot_hz: int) -> None:
    """A pilot tone or the noise of a converter."""
    sound = np.repeat(noise(rate // 2, 2), 2, 0)
    pilot = np.sin(2 * np.pi * pilot_hz / rate * np.arange(len(sound))) * np.hanning(len(sound))
    beyond = 0.5 * pilot[:, None].astype(np.float32)
    audible, both = (measure(ArrayRecording(audio, rate)) for audio in (0.1 * sound, 0.1 * sound + beyond))
    assert both.num_samples == len(sound)
    assert both.gain_db == pytest.approx(audible.gain_db, abs=0.1)


def test_opposite_channels_do_not_vanish() -> None:
    left = noise(44100, 1)
    source = MonoSource(ArrayRecording(np.concatenate([left, -left], 1), 44100), 44100)
    assert loudness_db(np.concatenate(list(source.blocks())), 44100) == pytest.approx(LOUDNESS_DB, abs=0.1)
