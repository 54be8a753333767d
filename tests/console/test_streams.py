"""Streams of any kind: another encoding, a full disk, a reader that has gone, names with control codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.audio_files import SAMPLE_RATE, notes
from support.command_result import CommandResult, Start

from stylebox.console import console as look
from stylebox.console.escaping import encodable
from stylebox.core.audio.io.write import write_audio

NAMES = ("Geige – Bach.wav", "Dvořák.wav", "箏.wav", "🎻.wav", os.fsdecode(b"caf\xe9.wav"))
NOTES = """
import sys, time
from stylebox import cli
from stylebox.console.console import console

def work() -> None:
    time.sleep(0.5)  # until the reader has gone
    for number in range(3):
        console.note(f"note {number}")
    console.result("result")

cli.app.command("work")(cli.run_command(work))
sys.argv = ["stylebox", "work"]
cli.main()
"""
HOSTILE = "a\x1b[31m\x1b]0;title\x07\u202e\u009b2J.wav"


def redirect(monkeypatch: pytest.MonkeyPatch, encoding: str) -> tuple[BytesIO, BytesIO]:
    """Stdout and stderr as Python opens them in that encoding; not a fixture, since pytest sets its own after those."""
    kept = (BytesIO(), BytesIO())
    for name, bytes_written, errors in zip(("stdout", "stderr"), kept, ("strict", "backslashreplace"), strict=True):
        stream = TextIOWrapper(bytes_written, encoding=encoding, errors=errors, write_through=True)
        monkeypatch.setattr(sys, name, stream)
    return kept


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp932", "utf-8"])
def test_every_name_is_written_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = redirect(monkeypatch, encoding)
    console = look.Console()
    for name in NAMES:
        console.result(name)
        console.note(f"{name}: 3.0 s")
        console.table(["name"], [[name]])
    lines = out.getvalue().decode(encoding, "surrogateescape").splitlines()
    assert len(lines) == 3 * len(NAMES)
    assert err.getvalue().count(b"3.0 s") == len(NAMES)
    assert b"caf\xe9.wav" in out.getvalue()  # the bytes of a name that is not Unicode
    for name in NAMES:
        if encodable(name, sys.stdout):
            assert name in lines


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-be"])
def test_a_byte_of_a_name_is_escaped_where_a_single_byte_is_no_text(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = redirect(monkeypatch, encoding)
    console = look.Console()
    for name in NAMES:
        console.result(name)
        console.note(name)
    assert out.getvalue().decode(encoding).splitlines() == [*NAMES[:-1], r"caf\udce9.wav"]
    assert r"caf\udce9.wav" in err.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_json_is_valid_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = redirect(monkeypatch, encoding)
    look.Console().document([*NAMES, HOSTILE])
    assert json.loads(out.getvalue().decode(encoding)) == [*NAMES, HOSTILE]
    assert b"\x1b" not in out.getvalue()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_a_batch_makes_every_file_whatever_the_encoding(encoding: str, tmp_path: Path) -> None:
    """In a process of its own, as started by a Windows console or by a service in the C locale."""
    code = (
        "import sys; from support.fake_transfer import FakeTransfer\n"
        "sys.modules.update(FakeTransfer().modules())\n"
        "from stylebox.cli import main; main()"
    )
    for name in NAMES:
        Path(name).write_text("sound")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ("transfer", *NAMES, "--style", "harp", "--device", "cpu")
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env=environment, check=True)
    assert len(ended.stdout.splitlines()) == len(NAMES)
    assert {path.name for path in tmp_path.glob("*-harp.wav")} == {f"{Path(name).stem}-harp.wav" for name in NAMES}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["--help"]])
def test_a_full_disk_behind_stdout_is_one_line_and_exit_code_1(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "stylebox", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("stylebox: standard output: No space left on device")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals of POSIX")
def test_a_terminal_of_no_columns_shows_what_every_other_shows() -> None:
    """COLUMNS is 0 where a program started the shell that does not know the size of its window."""
    main, other = os.openpty()
    environment = os.environ | {"COLUMNS": "0", "TERM": "xterm"}
    command = [sys.executable, "-m", "stylebox", "info", "nowhere.wav"]
    subprocess.run(command, stderr=other, env=environment, check=False)
    os.close(other)
    assert b"nowhere.wav: no such file" in os.read(main, 1000)
    os.close(main)


def test_a_reader_that_has_gone_does_not_end_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    error = StringIO()
    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(sys, "stderr", error)
    console = look.Console()
    console.result("a.wav")
    console.table(["name"], [["b.wav"]])
    assert console.lost == "Broken pipe"
    assert error.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", Gone())
    console.configure()
    console.note("3.0 s")


def test_a_reader_of_stderr_that_has_gone_does_not_end_the_job(start: Start) -> None:
    """Rich would end the program and drop what it writes to stdout; Python would fail as it flushes at the end."""
    program = start("-c", NOTES)
    assert program.stderr is not None
    program.stderr.close()
    program.stderr = None
    out, _ = program.communicate(timeout=60)
    assert (out, program.returncode) == ("result\n", 0)


@pytest.mark.parametrize("arguments", [["transfer", "-", "-o", "b.wav"], ["transfer", "a.wav", "-o", "-"]])
def test_a_standard_stream_that_is_closed_is_named(
    arguments: list[str], run: Callable[..., CommandResult], tiny_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio("a.wav", notes(), SAMPLE_RATE)
    name = "stdin" if arguments[1] == "-" else "stdout"
    monkeypatch.setattr(sys, "stdin", None)
    if name == "stdout":
        monkeypatch.setattr("stylebox.core.standard_streams.sys", SimpleNamespace(stdin=None, stdout=None))
    code, _, err = run(*arguments, "--style", "reed", "--model", "tiny", "--device", "cpu", "--steps", "0")
    assert code == 1
    assert f"standard {name.removeprefix('std')}put: is closed" in err


def test_streams_that_are_closed_before_the_start_are_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console = look.Console()
    console.result("a.wav")
    console.document({"a": 1})
    console.table(["name"], [["a.wav"]])
    console.error("a.wav: no such file")
    with console.progress() as progress:
        assert callable(progress)


def test_control_codes_in_names_are_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(StringIO):
        def isatty(self) -> bool:
            return True

    screen, plain = Screen(), StringIO()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    console = look.Console()
    console.note(f"{HOSTILE}: 3.0 s")
    console.warning(HOSTILE)
    console.error(HOSTILE)
    console.result(HOSTILE)
    console.document([HOSTILE])
    monkeypatch.setattr(sys, "stdout", plain)
    console.table(["name"], [[HOSTILE], ["two\nlines"], ["[red]a[/]"]])
    assert not {"\x1b", "\x07", "\u202e", "\u009b"} & set(screen.getvalue() + plain.getvalue())
    assert len(plain.getvalue().splitlines()) == 4
    assert "[red]a[/]" in plain.getvalue()


def test_a_pipe_gets_every_name_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = StringIO()
    monkeypatch.setattr(sys, "stdout", plain)
    look.Console().result(HOSTILE)
    assert plain.getvalue() == f"{HOSTILE}\n"
