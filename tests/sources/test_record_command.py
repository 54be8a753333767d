"""`stylebox record` with a fake microphone, and its level meter."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.command_result import CommandResult
from support.microphones import RATE, FakeInput, PlugIn, music, takes, two_channels

from stylebox.console import console as look
from stylebox.console import level_meter, progress
from stylebox.core.audio.io.devices import sound_card as sound_card_module
from stylebox.core.data.scan import find_sources
from stylebox.core.sources.record.recorder import Level
from stylebox.core.sources.sidecar import read_sidecar


def test_an_unplugged_device_keeps_the_take_so_far(
    run: Callable[..., CommandResult], plug_in: PlugIn, own_home: Path
) -> None:
    stream = plug_in(FakeInput(two_channels(music(2.5))))
    code, out, err = run("record", "--seconds", 60)
    assert code == 1
    assert takes(own_home) == [Path(out.strip())]
    assert soundfile.info(out.strip()).frames == 2.5 * RATE
    assert (
        "stylebox: fake microphone: stopped sending audio after 2.5 s; the take up to there is kept" in err.splitlines()
    )
    assert stream.closed


def test_ctrl_c_ends_the_take_but_not_the_program(
    run: Callable[..., CommandResult], plug_in: PlugIn, own_home: Path
) -> None:
    def press() -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    plug_in(FakeInput(two_channels(music(2.0)), at_end=press))
    before = signal.getsignal(signal.SIGINT)
    code, out, _ = run("record", "--json")
    assert code == 0
    take = json.loads(out)["take"]
    assert (take["ended_by"], take["seconds"]) == ("interrupt", 2.0)  # with all that was still on its way
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name == "nt", reason="terminals as POSIX has them")
def test_enter_stops_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(keyboard, b"\n")  # from before: does not count
        time.sleep(0.05)
        with level_meter.stop_request() as stop:
            assert stop() is None
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            os.write(keyboard, b"oops")
            assert stop() is None
            os.write(keyboard, b"\n")
            assert wait_for(stop) == "enter"
        assert termios.tcgetattr(terminal)[3] & termios.ECHO
    os.close(keyboard)
    monkeypatch.setattr(sys, "stdin", StringIO("\n"))
    with level_meter.stop_request() as stop:
        assert stop() is None


def wait_for(answer: Callable[[], str | None]) -> str | None:
    for _ in range(100):
        if (given := answer()) is not None:
            return given
        time.sleep(0.02)
    return None


class Screen(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_meter_is_live_on_a_terminal_and_plain_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = Level(61.0, 0.0, 0.0, 12)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    look.console.configure()
    with level_meter.level_meter() as meter:
        meter(loud)
    assert "1:01" in screen.getvalue()
    assert "CLIPPED" in screen.getvalue()
    assert "\x1b" in screen.getvalue()

    monkeypatch.setattr(sys, "stderr", plain := StringIO())
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    look.console.configure()
    with level_meter.level_meter() as meter:
        meter(loud)
        meter(Level(62.0, -30.0, -6.0, 14))
    assert plain.getvalue().splitlines() == [
        "warning: clips at 1:01; turn the input down",
        "recording: 1:01, peak 0 dB",
        "recording: 1:02, peak -6 dB",
    ]
    monkeypatch.setattr(sys, "stderr", silent := StringIO())
    look.console.configure(quiet=True)
    with level_meter.level_meter() as meter:
        meter(loud)
    look.console.configure()
    assert silent.getvalue() == ""


@pytest.mark.parametrize(("level_db", "cells"), [(0.0, 40), (-30.0, 20), (-60.0, 0), (float("-inf"), 0), (6.0, 40)])
def test_the_bar_is_as_long_as_the_level(level_db: float, cells: int) -> None:
    assert level_meter.meter_line(Level(0.0, level_db, -200.0, 0)).count("━") == cells


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_meter_fits_the_terminal(width: int) -> None:
    line = level_meter.meter_line(Level(7200.0, -1.0, -45.0, 3), width)
    assert len(line) <= width
    assert line.endswith("-1 dB, peak -45 dB, CLIPPED")
    assert line.count("━") >= 18


def test_a_take_is_copied_to_the_training_material_of_its_instrument(
    run: Callable[..., CommandResult], plug_in: PlugIn, own_home: Path
) -> None:
    plug_in(FakeInput(two_channels(music(2.0))))
    code, out, err = run("record", "--seconds", 2, "--instrument", "Oboe d'amore")
    assert code == 0, err
    take = Path(out.strip())
    search = find_sources(own_home / "sources")
    (found,), misplaced = search.files, search.misplaced
    assert misplaced == []
    assert (found.instrument, found.path.read_bytes()) == ("Oboe d'amore", take.read_bytes())
    sidecar = read_sidecar(found.path)
    assert sidecar is not None
    assert (sidecar.title, sidecar.duration_seconds) == (f"Take {take.stem}", 2.0)
    assert sidecar.sha256 is not None


@pytest.mark.parametrize(
    "line",
    ["record --midi n.mid", "record --play -o -", "record --json -o -", "record --seconds 0", "record --channel 0"],
)
def test_wrong_usage_records_nothing(line: str, run: Callable[..., CommandResult], own_home: Path) -> None:
    assert run(*line.split()).code == 2
    assert takes(own_home) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "there.wav"),
        ("-o", "take.xyz"),
        ("--instrument", "../x"),
        ("-s", "a", "--midi", "there.wav"),
        ("-s", "a", "--midi", "notes"),
        ("-s", "violn"),
        ("-s", "violin", "--model", "nonesuch"),
    ],
)
def test_an_impossible_output_is_refused_before_recording(
    arguments: tuple[str, ...],
    run: Callable[..., CommandResult],
    plug_in: PlugIn,
    own_home: Path,
) -> None:
    Path("there.wav").write_text("mine")
    plug_in(FakeInput(two_channels(music(1.0))))
    assert run("record", "--seconds", 1, *arguments).code == 1
    assert takes(own_home) == []
    assert Path("there.wav").read_text() == "mine"


def test_the_take_stays_when_the_transfer_fails(
    run: Callable[..., CommandResult], plug_in: PlugIn, own_home: Path
) -> None:
    plug_in(FakeInput(two_channels(music(1.0))))
    Path("style.wav").write_text("no sound")
    code, out, err = run("record", "--seconds", 1, "--style", "style.wav", "--device", "cpu")
    assert code == 1
    assert err.splitlines()[-1].startswith("stylebox: ")
    assert takes(own_home) == [Path(out.strip())]


def test_ctrl_c_during_playback_ends_only_the_playback(
    run: Callable[..., CommandResult],
    plug_in: PlugIn,
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(audio: np.ndarray, sample_rate: int) -> None:
        assert (len(audio), sample_rate) == (RATE, RATE)
        raise KeyboardInterrupt

    plug_in(FakeInput(two_channels(music(1.0))))
    monkeypatch.setattr(sound_card_module, "check_output", lambda: None)
    monkeypatch.setattr(sound_card_module, "play", interrupted)
    code, _, err = run("record", "--seconds", 1, "--play")
    assert (code, err.splitlines()[-1]) == (0, "playback stopped")


def test_the_command_reports_input_clipping_and_removed_silence(
    plug_in: PlugIn, run: Callable[..., CommandResult]
) -> None:
    loud = np.clip(4 * music(1.0), -1, 1)
    plug_in(FakeInput(two_channels(np.zeros(RATE), loud)))
    result = run("record", "--seconds", 2)
    assert "recording from fake microphone at 8000 Hz; Enter or Ctrl-C ends the take" in result.err
    assert "samples at full scale); turn the input down" in result.err
    assert "peak 0.0 dBFS, 0.9 s of silence at the start removed" in result.err
