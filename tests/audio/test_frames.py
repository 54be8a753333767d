"""Frames at two rates: centres that coincide keep their values, and every part of a recording reads as the whole."""

import numpy as np
import pytest
import torch

from stylebox.core.audio.frames import resample_frames
from stylebox.core.config import ContentEncoderConfig, MelConfig


def test_doubling_keeps_every_frame_and_puts_means_between() -> None:
    values = torch.tensor([[0.0, 1.0, 3.0]])
    doubled = resample_frames(values, ContentEncoderConfig().frames_per_second, MelConfig().frames_per_second, 6)
    assert doubled.tolist() == [[0.0, 0.5, 1.0, 2.0, 3.0, 3.0]]


@pytest.mark.parametrize("rates", [(43.0, 86.0), (40.0, 100.0), (100.0, 30.0), (50.0, 50.0)])
def test_a_straight_line_stays_a_straight_line(rates: tuple[float, float]) -> None:
    from_rate, to_rate = rates
    line = torch.arange(200, dtype=torch.float32) / from_rate  # the time of each frame
    frames = int(199 / from_rate * to_rate)
    seen = resample_frames(line, from_rate, to_rate, frames)
    np.testing.assert_allclose(seen, np.arange(frames) / to_rate, atol=1e-5)


def test_a_part_equals_the_whole_there() -> None:
    values = torch.rand(2, 88, 100, generator=torch.Generator().manual_seed(0))
    whole = resample_frames(values, 43.0, 100.0, 200)
    first = 71
    start = first * 43.0 / 100.0
    part = resample_frames(values[..., int(start) :], 43.0, 100.0, 50, start - int(start))
    torch.testing.assert_close(part, whole[..., first : first + 50], atol=1e-5, rtol=0)
