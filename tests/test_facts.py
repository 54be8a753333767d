"""Figures that the prose shares with the code: each phrase is made from the code's own constant, and is on the page."""

import re
from pathlib import Path

import pytest

import stylebox
from stylebox.core.audio.io.sound_card import HUNG_SECONDS
from stylebox.core.jobs import live as live_job
from stylebox.core.pipeline.live import LOOK_AHEAD_SECONDS
from stylebox.core.pipeline.phrases import REST_SECONDS

ROOT = Path(stylebox.__file__).parents[1]
NUMBERS = {5: "five"}

PHRASES = [
    ("docs/live.md", f"trials of {live_job.TRIAL_SECONDS:g} s of sound"),
    ("docs/live.md", f"less than {live_job.EASY_LOAD:.0%} of its time ({live_job.MOST_LOAD:.0%} for the longest)"),
    ("docs/live.md", f"known {LOOK_AHEAD_SECONDS:g} s beyond it"),
    ("docs/live.md", f"until a rest of {REST_SECONDS:g} s"),
    ("docs/live.md", f"given up after {NUMBERS[int(HUNG_SECONDS)]} seconds"),
]


def text_of(page: str) -> str:
    """A page with one blank between words, and none before the sign of a share, as Python writes it."""
    return re.sub(r" (?=%)", "", " ".join((ROOT / page).read_text("utf-8").split()))


@pytest.mark.parametrize(("page", "phrase"), PHRASES)
def test_the_figures_of_a_page_are_those_of_the_code(page: str, phrase: str) -> None:
    assert phrase in text_of(page)


def test_the_latencies_of_the_page_are_those_of_the_program() -> None:
    rows = re.findall(
        r"(?m)^\| (0\.\d\d) \| (\d\.\d\d) \| (\d\.\d\d) \|$", (ROOT / "docs" / "live.md").read_text("utf-8")
    )
    model = stylebox.load("base")
    found = []
    for frames in live_job.STEPS_FRAMES:
        live = [model.live(style=style, seed=1, step_frames=frames) for style in ("violin", "piano")]
        seconds = [frames * 512 / model.sample_rate, *(one.latency_samples / model.sample_rate for one in live)]
        found.append(tuple(f"{value:.2f}" for value in seconds))
    assert rows == found
