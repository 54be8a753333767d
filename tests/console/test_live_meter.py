"""The meter of a live transfer: latency, load and gaps beside the level, at every width and without a terminal."""

import sys
from dataclasses import replace
from io import StringIO

import pytest

from stylebox.console import progress
from stylebox.console.console import console
from stylebox.console.live_meter import live_line, live_meter, state_words
from stylebox.core.jobs.live import LiveState
from stylebox.core.sources.record.recorder import Level

STATE = LiveState(latency_seconds=1.44, load=0.46, underruns=1, left_out=0)
LEVEL = Level(72.4, -30.0, -15.0, 0)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("seconds", [72.4, 3600 * 2 + 7.0])
@pytest.mark.parametrize(
    "state", [STATE, replace(STATE, load=2.33, underruns=12), replace(STATE, latency_seconds=None)]
)
def test_latency_load_gaps_and_level_fit_every_width(state: LiveState, seconds: float, width: int) -> None:
    """Nothing is cut off, and a bar is there."""
    line = live_line(replace(LEVEL, seconds=seconds), state, width)
    assert len(line) <= width
    assert line.startswith(f"{state_words(state)}  {int(seconds) // 60}:")
    assert "━" in line
    assert line.endswith("-30 dB, peak -15 dB" if width == 120 else "-30 dB")


def test_lines_without_a_terminal_name_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", plain := StringIO())
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    console.configure()
    with live_meter(lambda: STATE) as meter:
        meter(Level(3.0, 0.0, 0.0, 12))
    assert plain.getvalue().splitlines() == [
        "warning: clips at 0:03; turn the input down",
        "live: 3 s, peak 0 dB, latency 1.4 s, load 46 %, 1 gap",
    ]
