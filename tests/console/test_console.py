"""The console: live progress, results, colours, and values as JSON."""

import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from support.fake_transfer import Failure

from stylebox.console import console as look
from stylebox.console import progress as progress_module
from stylebox.core.progress import Progress


class Screen(StringIO):
    """A terminal that remembers."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def show_on_screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Stand in for a terminal; not a fixture, since pytest sets its own streams after those."""
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_progress_is_live_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    console = look.Console()
    with console.progress() as progress:
        progress(Progress("working [hard]", 1, 2, "[now]"))
        time.sleep(0.3)
    assert "working [hard]" in screen.getvalue()
    assert "\x1b" in screen.getvalue()

    plain = StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console.progress() as progress:
        progress(Progress("working", 1, 2))
    assert plain.getvalue() == ""
    monkeypatch.setattr(progress_module, "PLAIN_SECONDS", 0.0)
    monkeypatch.delenv("FORCE_COLOR")
    console.configure()
    with console.progress() as progress:
        progress(Progress("working", 1, 2, "loss 3"))
    assert plain.getvalue() == "working: 1/2, loss 3\n"


def test_a_result_stands_above_live_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    monkeypatch.setattr(sys, "stdout", screen)
    console = look.Console()
    with console.progress() as progress:
        progress(Progress("working", 1, 2))
        console.result("out/a:violin:[b].wav")
        time.sleep(0.3)
    assert "\x1b[2Kout/a:violin:[b].wav\n" in screen.getvalue()

    piped = StringIO()
    monkeypatch.setattr(sys, "stdout", piped)
    console.result("out/b.wav")
    assert piped.getvalue() == "out/b.wav\n"


def test_a_remark_is_shown_once_and_stays_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A remark among the steps, such as training without its perceptual terms, outlives the bars."""
    remark = Progress("features", 0, None, "going on without")
    screen = show_on_screen(monkeypatch)
    console = look.Console()
    with console.progress() as progress:
        for report in (Progress("working", 1, 2), remark, remark):
            progress(report)
        time.sleep(0.3)
    assert screen.getvalue().count("features: going on without\n") == 1

    plain = StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    console.configure()
    with console.progress() as progress:
        for report in (Progress("working", 1, 2), remark, remark):
            progress(report)
    assert plain.getvalue() == "features: going on without\n"


def test_quiet_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    console = look.Console()
    console.configure(quiet=True)
    with console.progress() as progress:
        progress(Progress("working", 1, 2))
    console.warning("odd")
    assert screen.getvalue() == ""


def test_no_color_turns_colours_off(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    look.Console().error("a.wav: red")
    assert "\x1b[31m" in screen.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    look.Console().error("b.wav: grey")
    assert screen.getvalue().splitlines()[-1] == "stylebox: b.wav: grey"


def test_values_become_json() -> None:
    import numpy as np

    value = {
        "a": float("nan"),
        2: Path("x/y"),
        "n": np.float32(0.5),
        "t": (1, np.arange(2)),
        "s": Failure("b", "c"),
    }
    assert look.to_json(value) == {
        "a": None,
        "2": str(Path("x/y")),
        "n": 0.5,
        "t": [1, [0, 1]],
        "s": {"source": "b", "reason": "c"},
    }
