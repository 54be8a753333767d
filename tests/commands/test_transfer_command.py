"""`stylebox transfer`: results, notes, failures of a batch, and how options reach the job."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult
from support.fake_transfer import FakeTransfer, Report

from stylebox.core import device


def test_a_batch_continues_after_a_failure_and_lists_failures_last(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    code, out, err = run("transfer", "gone.wav", piano, "lost.wav", "--style", "harp", "--device", "cpu")
    assert code == 1
    assert out == "piano-harp.wav\n"
    assert err.splitlines()[-2:] == ["stylebox: gone.wav: no such file", "stylebox: lost.wav: no such file"]
    assert Path("piano-harp.wav").read_text() == "harp"


def test_an_output_is_replaced_only_with_force(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    arguments = ("transfer", piano, "--device", "cpu", "-o", "out.wav", "--style")
    assert run(*arguments, "harp").code == 0
    refused = run(*arguments, "violin")
    assert refused.code == 1
    assert "out.wav: exists already; use --force" in refused.err
    assert Path("out.wav").read_text() == "harp"
    assert run(*arguments, "violin", "--force").code == 0
    assert Path("out.wav").read_text() == "violin"


def test_results_go_to_stdout_and_notes_to_stderr(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    transfer.report = Report(
        "", "", transpose=12, moved="moved up one octave", warnings=("hardly any notes",), clipped_db=1.25
    )
    arguments = ("transfer", piano, "--style", "harp", "--device", "cpu", "--force")
    _, out, err = run(*arguments)
    assert out == "piano-harp.wav\n"
    assert "piano.wav: moved up one octave\n" in err
    assert "seed 7\n" in err
    assert "warning: piano.wav: hardly any notes" in err
    assert "turned down by 1.2 dB" in err
    assert "0.50 s of computation" not in err
    assert "0.50 s of computation" in run(*arguments, "-v").err
    assert run(*arguments, "--quiet") == CommandResult(0, "piano-harp.wav\n", "")
    assert run("-q", *arguments) == CommandResult(0, "piano-harp.wav\n", "")


def test_a_requested_transposition_is_shown_in_semitones(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    transfer.report = Report("", "", transpose=-5)
    err = run("transfer", piano, "--style", "harp", "--device", "cpu").err
    assert "seed 7, moved by -5 semitones\n" in err
    assert "register" not in err


def test_with_output_dash_nothing_else_goes_to_stdout(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    transfer.report = Report("", "", midi="n.mid")
    assert run("transfer", piano, "--style", "harp", "--device", "cpu", "-o", "-").out == ""


def test_every_written_file_is_a_result(run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path) -> None:
    transfer.report = Report("", "", midi="n.mid", plot="p.png", report="r.html")
    ended = run("transfer", piano, "--style", "harp", "--device", "cpu")
    assert ended.out.splitlines() == ["piano-harp.wav", "n.mid", "p.png", "r.html"]


def test_an_emoji_code_in_a_file_name_stays_unchanged(
    run: Callable[..., CommandResult], transfer: FakeTransfer
) -> None:
    assert "a:violin:.wav: no such file" in run("transfer", "a:violin:.wav", "--style", "harp", "--device", "cpu").err


def test_finished_files_are_shown_even_if_the_rest_is_interrupted(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(sources: list[Path], *_: object, made: Callable[[Report], None], **__: object) -> None:
        made(Report("piano.wav", "piano-harp.wav"))
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["stylebox.core.jobs.transfer"], "transfer_files", interrupted)
    ended = run("transfer", piano, piano, "--style", "harp", "--device", "cpu")
    assert (ended.code, ended.out) == (130, "piano-harp.wav\n")


def test_options_reach_the_job(run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path) -> None:
    wanted = "--steps 4 --guidance 1.5 --strength 0.25 --seed 3 --transpose -12 --vocoder griffin-lim"
    kept = "--follow 0.5 --bend 0.2 --midi n.mid --plot p.png --report r.html"
    assert run("transfer", piano, "--style", "a:0.7,b:0.3", "--device", "cpu", *f"{wanted} {kept}".split()).code == 0
    (call,) = transfer.calls
    options = call["options"]
    assert (options.style, options.steps, options.guidance, options.strength) == ("a:0.7,b:0.3", 4, 1.5, 0.25)
    assert (options.seed, options.transpose, options.vocoder) == (3, -12, "griffin-lim")
    assert (options.follow, options.bend) == (0.5, 0.2)
    assert call["side_outputs"].paths() == [Path("n.mid"), Path("p.png"), Path("r.html")]
    assert (call["force"], call["output"]) == (False, None)
    assert (call["pipeline"].model, call["pipeline"].device) == ("base", "cpu")


def test_without_cuda_one_line_names_the_device_used_once_per_machine(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "resolve_device", lambda choice: ("cpu", f"{choice}: using the CPU"))
    arguments = ("transfer", piano, "--style", "harp", "--force")
    assert run(*arguments).err.splitlines()[0].startswith("auto: using the CPU")
    assert "using the CPU" not in run(*arguments).err
    assert "auto: using the CPU\n" in run(*arguments, "-v").err
    monkeypatch.setattr(device, "resolve_device", lambda choice: ("cpu", "the card is gone"))
    assert "the card is gone" in run(*arguments).err


def test_json_of_a_transfer_lists_successes_and_failures(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    ended = run("transfer", piano, "gone.wav", "--style", "harp", "--device", "cpu", "--json")
    document = json.loads(ended.out)
    assert ended.code == 1
    assert [(made["output"], made["seed"]) for made in document["done"]] == [("piano-harp.wav", 7)]
    assert document["failed"] == [{"source": "gone.wav", "reason": "gone.wav: no such file"}]
