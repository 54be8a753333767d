"""Progress bars as a terminal of 60 columns and more shows them: the bar, the share, the steps, the rate, the time."""

import ast
import math
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import stylebox
from stylebox.console import progress as progress_module
from stylebox.console.bars import TaskBars, download_bars, task_bars
from stylebox.console.progress import LiveDownloads, LiveTasks, SparseLines
from stylebox.console.training_view import TrainingView
from stylebox.core.progress import Progress
from stylebox.core.sources.fetch.report import DownloadProgress
from stylebox.core.training.timer import TrainingProgress

WIDTHS = (60, 80, 120)
BAR = r" [━╸╺]{6,} "
LOSSES = {"loss": 0.3341, "draft": 1.2, "diffusion": 0.41234, "contrast": 0.3, "style": 0.02, "mel": 12.5}
LONG_NAME = "violin/A long title of a recording with many words in it, by a player, live in a hall.flac"


class Screen:
    """A terminal of some width, with a clock that the test moves."""

    def __init__(self, width: int, **options: object) -> None:
        self.now = 0.0
        self.console = Console(
            width=width,
            file=StringIO(),
            force_terminal=True,
            get_time=lambda: self.now,
            **options,  # type: ignore[arg-type]
        )
        self.bars = task_bars(self.console)
        self.tasks = LiveTasks(self.bars, self.console.print)

    def lines(self, bars: TaskBars | None = None) -> list[str]:
        """What the display shows."""
        with self.console.capture() as shown:
            self.console.print((bars or self.bars).get_renderable())
        return re.sub(r"\x1b\[[\d;]*m", "", shown.get()).splitlines()


def task_names() -> list[str]:
    """The tasks that the core reports, as far as their names stand in its source."""
    found: set[str] = set()
    for path in (Path(stylebox.__file__).parent / "core").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Progress":
                given = node.args[0]
                name = constants.get(given.id) if isinstance(given, ast.Name) else getattr(given, "value", None)
                found |= {name} if isinstance(name, str) else set()
    return sorted(found)


def test_the_core_reports_its_long_work() -> None:
    assert {"rendering", "building", "fetching", "transferring", "evaluating"} <= set(task_names())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("task", [*task_names(), "a task with a name far longer than sixty columns, and still a bar"])
def test_every_task_has_a_bar_and_its_facts_in_the_first_line(task: str, width: int) -> None:
    """Also with long names of files, as in `build` and `fetch`."""
    screen = Screen(width)
    for done in range(1, 124):
        screen.now += 0.5
        screen.tasks(Progress(task, done, 412, LONG_NAME))
    first, below = screen.lines()
    assert re.search(BAR, first), first
    assert re.search(r" 29 % 123/412 +2\.0/s +2:25 left *$", first), first
    assert max(map(len, (first, below))) <= width
    assert below.startswith("  violin/A long title of a recording")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("stage", ["vae", "ldm", "content", "vocoder"])
def test_training_shows_the_bar_first_and_its_losses_below(stage: str, width: int) -> None:
    screen = Screen(width)
    view = TrainingView(screen.tasks)
    for step in range(1, 1261):
        screen.now += 0.08
        losses = {**LOSSES, "loss": 3 * math.exp(-step / 300)}
        valid = {"loss": 0.41}
        view(TrainingProgress(stage, 100 * step, 300_000, losses, 409.2, 8645, "NVIDIA H100", valid, 0.395, 0.00031))
    first, *below = screen.lines()
    assert re.search(BAR, first), first
    assert re.search(r" 42 % 126000/300000 +1250/s 2:24:05 left *$", first), first
    for fact in ("draft 1.2", "diffusion 0.4123", "valid 0.41", "best 0.395", "lr 0.00031", "NVIDIA H100"):
        assert any(fact in line for line in below), fact
    assert re.fullmatch(r"  █[▁▂▃▄▅▆▇█]*▁  2\.\d+ to 0\.\d+ *", below[-1]), "the curve of a loss that falls"
    assert max(map(len, (first, *below))) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_download_has_a_bar_its_size_its_speed_and_its_time(width: int) -> None:
    screen = Screen(width)
    bars = download_bars(screen.console)
    downloads = LiveDownloads(bars)
    for number in range(40):
        screen.now += 0.5
        downloads(DownloadProgress("a", LONG_NAME, number * 800_000, 64_000_000))
    (line,) = screen.lines(bars)
    assert re.search(BAR, line), line
    assert re.search(r" 48 % 31\.2/64\.0 MB 1\.6 MB/s +0:21 left *$", line), line
    downloads(DownloadProgress("a", LONG_NAME, 64_000_000, 64_000_000, ended=True))
    assert screen.lines(bars) == []


def test_the_time_that_the_job_knows_comes_before_an_estimate() -> None:
    """A run that ends by `--max-minutes` ends before its steps do."""
    screen = Screen(80)
    for done in (1, 2):
        screen.now += 1.0
        screen.tasks(Progress("train ldm", done, 1000, seconds_left=61.0))
    assert "1:01 left" in screen.lines()[0]


def test_a_task_that_begins_again_starts_from_zero_and_replaces_finished_bars() -> None:
    """The second file of a batch: the bars of the first one do not stay, nor its speed."""
    screen = Screen(80)
    for done in (0, 1):
        screen.tasks(Progress("transcribing", done, 1))
    for done in (1, 2, 3):
        screen.now += 10.0
        screen.tasks(Progress("denoising", done, 3))
    assert [line.split()[0] for line in screen.lines()] == ["transcribing", "denoising"]
    screen.tasks(Progress("transcribing", 0, 1))
    (line,) = screen.lines()
    assert line.startswith("transcribing ")
    assert "%" not in line, "a single step pulses until it is done"


def test_a_name_gives_the_terminal_no_orders() -> None:
    screen = Screen(80)
    screen.tasks(Progress("a\x1b[2J", 3, 12, "[bold]\x1b]0;title\x07\nb.wav"))
    first, below = screen.lines()
    assert first.startswith("a\\x1b[2J ")
    assert below.rstrip() == "  [bold]\\x1b]0;title\\x07\\nb.wav"


def test_without_colours_the_rest_of_the_bar_is_blank() -> None:
    screen = Screen(80, no_color=True)
    screen.tasks(Progress("denoising", 3, 12))
    (line,) = screen.lines()
    bar = line.removeprefix("denoising ").partition(" 25 %")[0]
    assert bar.count("━") + bar.count("╸") == pytest.approx(len(bar) / 4, abs=1)
    assert bar.rstrip(" ━╸") == ""


def test_plain_lines_give_steps_rate_and_time_and_no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a file or a pipe."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    written: list[str] = []
    lines = SparseLines(written.append)
    for done in range(25):
        now[0] += 1.0
        lines(Progress("building", done, 100, "a.flac", details=("loss 0.5",), curve=(2.0, 1.0)))
    assert written == [
        "building: 9/100, 1.0/s, 1:31 left, a.flac, loss 0.5",
        "building: 19/100, 1.0/s, 1:21 left, a.flac, loss 0.5",
    ]
    assert progress_module.PLAIN_SECONDS == 10.0
