"""Blocks at the rate of the host: as many samples out as in, and the stated latency."""

import numpy as np
import pytest

from stylebox.core.pipeline.live_rate import AtRate, at_rate


class Echo:
    """Repeats its input after 1000 samples at 44.1 kHz."""

    latency_samples, load, sample_rate = 1000, 0.0, 44100

    def __init__(self) -> None:
        self.waiting = np.zeros(1000, np.float32)

    def process(self, block: np.ndarray) -> np.ndarray:
        self.waiting = np.append(self.waiting, block)
        out, self.waiting = self.waiting[: len(block)], self.waiting[len(block) :]
        return out


@pytest.mark.parametrize("rate", [8000, 16000, 48000, 96000, 192000])
def test_a_tone_comes_back_after_the_latency(rate: int) -> None:
    rng, tone = np.random.default_rng(0), np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate).astype(np.float32)
    echo, blocks, start = AtRate(Echo(), rate), [], 0
    while start < len(tone):
        block = tone[start : start + int(rng.integers(1, rate // 10))]
        blocks.append(echo.process(block))
        assert len(blocks[-1]) == len(block)
        start += len(block)
    delayed = np.concatenate(blocks)[echo.latency_samples :]
    inner = slice(rate // 10, len(delayed) - 10)
    assert (
        np.abs(delayed - tone[: len(delayed)])[inner].max() < np.pi * 440 / rate * 1.1
    )  # the latency is rounded to a sample


def test_at_its_own_rate_a_processor_stays_as_it_is() -> None:
    echo = Echo()
    assert at_rate(echo, 44100) is echo
    assert at_rate(echo, 48000).sample_rate == 48000
