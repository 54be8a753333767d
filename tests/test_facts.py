"""Figures that the prose shares with the code: each phrase is made from the code's own constant, and is on the page."""

import re
from pathlib import Path

import pytest

import stylebox
from bench.recipe_times import stretches
from stylebox.core.audio.io.devices.sound_card import HUNG_SECONDS
from stylebox.core.audio.io.read import LONGEST_SECONDS
from stylebox.core.config import SAMPLE_RATE, MelConfig, PaperConfig, load_preset
from stylebox.core.data.streamed import WINDOW_SHARDS
from stylebox.core.evaluation.cases import EXCERPT_SECONDS
from stylebox.core.evaluation.listening import ratings
from stylebox.core.jobs import live as live_job
from stylebox.core.jobs.describe import describe
from stylebox.core.jobs.kept_work import KEPT_SECONDS
from stylebox.core.paper.transfer import OVERLAP_FRAMES, WINDOW_FRAMES
from stylebox.core.pipeline import player, transcribe
from stylebox.core.pipeline.clip_style import LEAST_SECONDS, STYLE_SECONDS
from stylebox.core.pipeline.live import LOOK_AHEAD_SECONDS
from stylebox.core.pipeline.phrases import REST_SECONDS
from stylebox.core.store.library import load_part, shipped_models, style_names

ROOT = Path(stylebox.__file__).parents[1]
NUMBERS = {3: "three", 5: "five"}
FRAME_SECONDS = 1 / MelConfig().frames_per_second
ADAPTED = load_preset("base", adapting=True).stage("ldm")
SHIPPED = sorted(shipped_models().glob("base/*.safetensors"))
INSTRUMENTS = {name for name in style_names(load_part("base", "ldm").tensors) if "/" not in name}

PHRASES = [
    ("README.md", f"trumpet and [{len(INSTRUMENTS) - 8} more]"),
    ("README.md", f"({SAMPLE_RATE / 1000:g} kHz at least;"),
    ("MODEL_CARD.md", f"{len(INSTRUMENTS)} instruments by name"),
    ("MODEL_CARD.md", f"{sum(path.stat().st_size for path in SHIPPED) / 1e6:.0f} MB in half precision"),
    ("SECURITY.md", f"refuses more than {NUMBERS[int(LONGEST_SECONDS / 3600)]} hours"),
    ("docs/architecture.md", f"a recording of more than {KEPT_SECONDS:g} s in a folder beside the output"),
    ("docs/architecture.md", f"with {transcribe.MARGIN_SECONDS:g} s on either side. Posteriors"),
    (
        "docs/architecture.md",
        f"{player.PART_FRAMES * FRAME_SECONDS:.0f} s at a time with {player.MARGIN_FRAMES * FRAME_SECONDS:.0f} s",
    ),
    ("docs/evaluation.md", f"{EXCERPT_SECONDS:g} s of a recording, and a style"),
    ("docs/listening-test.md", f"below {ratings.EXCELLENT:g} in more than {ratings.MOST_MISSED:.0%} of the pages"),
    ("docs/live.md", f"trials of {live_job.TRIAL_SECONDS:g} s of sound"),
    ("docs/live.md", f"less than {live_job.EASY_LOAD:.0%} of its time ({live_job.MOST_LOAD:.0%} for the longest)"),
    ("docs/live.md", f"known {LOOK_AHEAD_SECONDS:g} s beyond it"),
    ("docs/live.md", f"until a rest of {REST_SECONDS:g} s"),
    ("docs/live.md", f"given up after {NUMBERS[int(HUNG_SECONDS)]} seconds"),
    ("docs/paper.md", f"windows of {WINDOW_FRAMES} frames that fade into one another over {OVERLAP_FRAMES}"),
    ("docs/paper.md", f"`--strength` ({PaperConfig().strength:g})"),
    ("docs/scaling.md", f"in windows of {WINDOW_SHARDS}, in an order"),
    ("docs/training.md", f"after {ADAPTED.steps} steps at the latest"),
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


def test_the_steps_of_the_pages_are_those_of_the_recipe() -> None:
    """Of each stretch: in the table of times, and in the model card."""
    times, card = text_of("docs/scaling.md"), text_of("MODEL_CARD.md")
    for stage, name, most in stretches():
        config = load_preset("base", ROOT / "configs" / "base" / f"{name}.toml").stage(stage)
        steps = min(config.steps, most or config.steps)
        assert f"| {name} | {f'{steps:,}'.replace(',', ' ')} x {config.batch_size} |" in times
        assert re.search(rf"\b{steps}(?:, \d+)* x {config.batch_size}\b", card)


def test_half_a_minute_of_clips_is_used_and_a_second_is_enough() -> None:
    assert STYLE_SECONDS == 30
    assert LEAST_SECONDS < 3, "the README says that a few seconds are enough"


def test_the_parameters_of_the_architecture_page_are_those_of_the_preset() -> None:
    rows = re.findall(r"(?m)^\| ([\w ]+) \| (\d\.\d) M \|", (ROOT / "docs" / "architecture.md").read_text("utf-8"))
    names = {"draft network": "draft", "VAE": "vae"}
    counts = {name: part["parameters"] for name, part in describe(preset="base")["components"].items()}
    assert {names.get(name, name.replace(" ", "_")): millions for name, millions in rows} == {
        name: f"{count / 1e6:.1f}" for name, count in counts.items()
    }


def test_the_cards_and_the_attribution_tell_of_the_same_material() -> None:
    data = text_of("docs/data-card.md")
    ((players, minutes),) = re.findall(r"with (\d+) minutes of performances \| (\d+) \|", data)
    assert f"{players} minutes of real players, {minutes} minutes in all" in text_of("MODEL_CARD.md")
    listed = (ROOT / "stylebox" / "weights" / "base" / "ATTRIBUTION.md").read_text("utf-8")
    notes = sum(int(count) for count in re.findall(r"\| (\d+) notes \|", listed))
    assert notes == sum(int(count) for count in re.findall(r"(\d+) single notes of \d+ instruments", data))
    seconds = sum(int(count) for count in re.findall(r"\| (\d+) s \|", listed))
    assert f"{seconds / 60:.0f} minutes of players" in data
