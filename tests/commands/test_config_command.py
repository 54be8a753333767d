"""`stylebox config`: defaults are checked, written without loss, and used by the commands."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult
from support.fake_transfer import FakeTransfer

from stylebox.core.errors import ConfigError
from stylebox.core.user_config import typed

Run = Callable[..., CommandResult]


@pytest.fixture
def file(own_home: Path) -> Path:
    """The file of defaults, with a comment of the user."""
    path = own_home / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\nsteps = 7  # quick enough\n", encoding="utf-8")
    return path


def test_a_default_that_is_set_is_read_and_listed_and_comments_stay(run: Run, file: Path) -> None:
    assert run("config", "set", "format", "flac").code == 0
    assert run("config", "set", "transfer.style", "Geige", "harp").code == 0
    assert run("config").out == "steps = 7\nformat = flac\ntransfer.style = Geige harp\n"
    assert json.loads(run("config", "list", "--json").out)["transfer.style"] == ["Geige", "harp"]
    assert run("config", "get", "format").out == "flac\n"
    assert run("config", "set", "transpose", -12).code == 0
    assert run("config", "get", "transpose").out == "-12\n"
    assert run("config", "unset", "format").code == 0
    text = file.read_text("utf-8")
    assert "# mine" in text
    assert "steps = 7  # quick enough" in text
    assert "flac" not in text
    assert run("config", "path").out == f"{file}\n"


@pytest.mark.usefixtures("file")
def test_defaults_apply_and_the_command_line_comes_first(run: Run, transfer: FakeTransfer, piano: Path) -> None:
    for key, *values in (("style", "harp"), ("transfer.guidance", "1.5"), ("guidance", "3"), ("device", "cpu")):
        assert run("config", "set", key, *values).code == 0
    assert run("transfer", piano).code == 0
    assert run("transfer", piano, "--steps", 2, "--style", "cello").code == 0
    first, second = (call["options"] for call in transfer.calls)
    assert (first.style, first.steps, first.guidance) == ("harp", 7, 1.5)
    assert (second.style, second.steps, second.guidance) == ("cello", 2, 1.5)
    assert transfer.calls[0]["pipeline"].device == "cpu"


@pytest.mark.usefixtures("file")
def test_a_default_gives_way_to_what_excludes_it(run: Run, transfer: FakeTransfer, piano: Path, tmp_path: Path) -> None:
    """What the user typed would otherwise be refused for what was set some day."""
    for key, value in (("style", "harp"), ("format", "flac"), ("model", "base"), ("generate.seconds", "3")):
        assert run("config", "set", key, value).code == 0
    assert run("transfer", piano, "-o", tmp_path / "out.wav").code == 0
    assert transfer.calls[0]["output"] == tmp_path / "out.wav"
    assert run("transfer", piano, "-o", tmp_path / "out.wav", "--format", "flac").code == 2
    assert "preset" in run("info", "--preset", "tiny", "--json").out
    assert "use only one" in run("info", "--preset", "tiny", "--model", "base").err
    assert run("generate", "--notes", "nowhere.mid").code == 1
    assert run("generate", "--notes", "nowhere.mid", "--seconds", "2").code == 2
    assert run("config", "set", "record.look-ahead", "1").code == 0
    assert run("record", "-o", "take.txt").code == 1
    assert run("record", "-o", "take.txt", "--look-ahead", "2").code == 2
    assert run("config", "set", "transfer.play", "true").code == 0
    assert run("transfer", piano, "-o", "-").code == 0
    assert "--play needs a file" in run("transfer", piano, "-o", "-", "--play").err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stpes 3", "stpes: no such setting; did you mean steps?"),
        ("steps many", "steps = many"),
        ("steps -1", "steps = -1"),
        ("device abacus", "device = abacus"),
        ("steps 3 4", "takes one value"),
        ("model true", "takes one value"),
        ("force true", "no such setting"),
        ("transfer.force true", "no such setting"),
        ("play.steps 3", "no such setting"),
    ],
)
def test_what_no_command_would_take_is_refused(line: str, said: str, run: Run, file: Path) -> None:
    before = file.read_text("utf-8")
    ended = run("config", "set", *line.split())
    assert ended.code == 1
    assert said in ended.err
    assert file.read_text("utf-8") == before


def test_nothing_is_no_value(run: Run, file: Path) -> None:
    before = file.read_text("utf-8")
    for key in ("model", "style", "format"):
        message = f"stylebox: {key}: is empty; stylebox config unset {key} removes it\n"
        assert run("config", "set", key, "") == CommandResult(1, "", message)
    assert file.read_text("utf-8") == before


def test_a_get_of_what_is_not_set_fails(run: Run) -> None:
    assert run("config", "get", "model") == CommandResult(
        1, "", "stylebox: model: is not set; stylebox config set model VALUE sets it\n"
    )
    assert run("config").out == ""


@pytest.mark.parametrize("text", ["steps = many", "stpes = 3", "steps = 'many'", "[transfer]\nsteps = true"])
def test_a_file_that_is_not_valid_is_one_line_and_can_be_found(
    text: str, run: Run, transfer: FakeTransfer, piano: Path, file: Path
) -> None:
    file.write_text(text, encoding="utf-8")
    ended = run("transfer", piano, "--style", "harp")
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert line.startswith(f"stylebox: {file}: ")
    assert transfer.calls == []
    assert run("config", "path").out == f"{file}\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_files_as_windows_writes_them_are_read(encoding: str, run: Run, file: Path) -> None:
    text = "steps = 4\r\n".encode(encoding)
    file.write_bytes(b"\xff\xfe" + text if encoding == "utf-16-le" else text)
    assert run("config", "get", "steps").out == "4\n"


def test_line_ends_of_an_old_macintosh_are_read_and_the_file_can_be_changed(run: Run, file: Path) -> None:
    file.write_bytes(b"steps = 4\rseed = 5\r")
    assert run("config", "set", "steps", "6").code == 0
    assert (run("config", "get", "steps").out, run("config", "get", "seed").out) == ("6\n", "5\n")


def test_a_full_disk_needs_room_and_no_permissions(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str, follow_link: bool) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("stylebox.core.files.write_text", refuse)
    said = f"stylebox: {file}: cannot be written (No space left on device); make room on the disk and try again\n"
    assert run("config", "set", "steps", "3").err == said


def test_a_folder_in_the_place_of_the_file_is_named(run: Run, file: Path) -> None:
    file.unlink()
    file.mkdir()
    for command in (("models",), ("config", "set", "steps", "3")):
        ended = run(*command)
        assert ended.code == 1
        assert ended.err.splitlines()[-1].startswith(f"stylebox: {file}: is a folder")


def test_a_name_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not Unicode, which a TOML file cannot hold"):
        typed([os.fsdecode(b"caf\xe9.wav")])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_file_that_is_kept_elsewhere_and_linked_stays_a_link(run: Run, file: Path, tmp_path: Path) -> None:
    """As collections of such files are kept, in a repository for example."""
    kept = file.rename(tmp_path / "kept.toml")
    file.symlink_to(kept)
    assert run("config", "set", "steps", "9").code == 0
    assert file.is_symlink()
    assert "steps = 9" in kept.read_text("utf-8")


def test_a_write_protected_file_is_one_line(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str, follow_link: bool) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("stylebox.core.files.write_text", refuse)
    ended = run("config", "set", "steps", "3")
    assert (ended.code, ended.err) == (
        1,
        f"stylebox: {file}: cannot be written (Permission denied); check its permissions, or set STYLEBOX_HOME\n",
    )
