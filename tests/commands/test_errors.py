"""Errors and interrupts of a command: one line, an exit code, no partial file."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult
from support.fake_transfer import FakeTransfer

from stylebox.core.errors import AudioError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            AudioError("a.wav: is silent\nthroughout; choose another"),
            "a.wav: is silent throughout; choose another",
        ),
        (
            PermissionError(13, "Permission denied", "out.wav"),
            "out.wav: Permission denied; check its permissions, or choose another place",
        ),
        (ValueError("first\nsecond"), "unexpected ValueError: first; add --debug for the traceback"),
        (RuntimeError(), "unexpected RuntimeError: no message; add --debug for the traceback"),
        (AudioError("a [red]b.wav: is silent"), "a [red]b.wav: is silent"),
        (AudioError("long" * 100), "long" * 100),
    ],
)
def test_an_error_is_one_line_on_stderr_with_exit_code_1(
    error: Exception,
    said: str,
    run: Callable[..., CommandResult],
    transfer: FakeTransfer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules["stylebox.core.jobs.transfer"], "transfer_files", fail)
    arguments = ("transfer", "a.wav", "--style", "violin", "--device", "cpu")
    assert run(*arguments) == CommandResult(1, "", f"stylebox: {said}\n")
    assert run("-q", *arguments) == CommandResult(1, "", f"stylebox: {said}\n")
    with_traceback = run(*arguments, "--debug")
    assert with_traceback.code == 1
    assert "Traceback" in with_traceback.err
    assert with_traceback.err.endswith(f"stylebox: {said}\n")


def test_ctrl_c_exits_with_130_and_leaves_no_file(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, tmp_path: Path
) -> None:
    transfer.hindrance = KeyboardInterrupt()
    code, out, err = run("transfer", piano, "--style", "harp", "--device", "cpu")
    assert (code, out, err) == (130, "", "interrupted\n")
    assert list(tmp_path.iterdir()) == [tmp_path / piano]


class Interrupted:
    """Python can only report what a finaliser raises: a traceback would be shown, and the work would go on."""

    def __del__(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_in_a_finaliser_is_not_lost(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        Interrupted()
        time.sleep(30)

    monkeypatch.setattr(sys.modules["stylebox.core.jobs.transfer"], "transfer_files", work)
    before = sys.unraisablehook
    assert run("transfer", piano, "--style", "harp", "--device", "cpu") == (130, "", "interrupted\n")
    assert sys.unraisablehook is before


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("info gone.wav", "gone.wav"),
        ("info noise.wav", "noise.wav"),
        ("info noise.safetensors", "noise.safetensors"),
        ("info --model unknown_model", "unknown_model"),
        ("info --preset nothing", "nothing"),
        ("styles --model unknown_model", "unknown_model"),
        ("build gone", "gone"),
        ("build empty", "empty"),
        ("build noise.wav", "noise.wav"),
        ("train vae --dataset gone --preset tiny --device cpu", "gone"),
        ("train vae --preset nothing --device cpu", "nothing"),
        ("train vae --config noise.wav --preset tiny --device cpu", "noise.wav"),
        ("train vae --config gone.toml --preset tiny --device cpu", "gone.toml"),
        ("render --instruments kazoo", "kazoo"),
        ("render --soundfont gone.sf2 --instruments harp --minutes 0.05 --to out", "gone.sf2"),
        ("render --samples gone --instruments harp --minutes 0.05 --to out", "gone"),
        ("render --midi gone --instruments harp --minutes 0.05 --to out", "gone"),
        ("transfer noise.wav --style violin --model unknown_model --device cpu", "unknown_model"),
        ("generate --style violin --model unknown_model --device cpu", "unknown_model"),
    ],
)
def test_bad_input_is_one_line_that_names_it(line: str, named: str, run: Callable[..., CommandResult]) -> None:
    Path("empty").mkdir()
    for name in ("noise.wav", "noise.safetensors"):
        Path(name).write_bytes(bytes(range(256)) * 4)
    code, out, err = run(*line.split())
    assert code == 1
    assert out == ""
    assert "unexpected" not in err
    (said,) = err.splitlines()
    assert said.startswith("stylebox: ")
    assert named in said
