"""What a transfer costs a graphics card, counted without one."""

import time
from pathlib import Path

import pytest

from bench.card import batch_rate, operations
from stylebox.core.pipeline.pipeline import BasePipeline


def test_operations_grow_with_the_sound_and_are_those_of_the_networks(tiny_home: Path) -> None:
    pipeline = BasePipeline("tiny")
    short, long = (operations(pipeline, seconds, style="reed") for seconds in (4.0, 8.0))
    assert long["all"] == pytest.approx(short["all"], rel=0.15)  # per second of sound
    assert 0.7 < sum(count for name, count in long.items() if name != "all") / long["all"] <= 1  # rest: spectrograms
    assert {"draft", "denoiser, all steps", "vocoder", "content encoder"} <= set(long)


def test_a_batch_has_a_rate(tiny_home: Path) -> None:
    begun = time.perf_counter()
    rate = batch_rate(BasePipeline("tiny"), 1, 1.0, style="reed")
    assert rate > 5 / (time.perf_counter() - begun)  # the five files that count, within the time of all
