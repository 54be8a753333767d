"""The ground of the package: errors in a line, files written completely or not at all, safe file names."""

import errno
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult

from stylebox.core.errors import AudioError, StyleboxError, cannot_read, error_message, error_reason
from stylebox.core.file_names import MAX_BYTES, folded, numbered, safe_name
from stylebox.core.files import atomic_path, file_sha256, refuse_overwrite, remove_partial_files_of, write_text
from stylebox.core.paths import config_file, expanded, home, sources_dir


@pytest.mark.parametrize(
    ("error", "message", "reason"),
    [
        (AudioError("a.wav: is silent"), "a.wav: is silent", "a.wav: is silent"),
        (
            PermissionError(13, "Permission denied", "a.wav"),
            "a.wav: Permission denied; check its permissions, or choose another place",
            "Permission denied",
        ),
        (
            OSError(28, "No space left on device", "a.wav"),
            "a.wav: No space left on device; make room on the disk and try again",
            "No space left on device",
        ),
        (OSError(5, "Input/output error"), "Input/output error", "Input/output error"),
        (
            FileNotFoundError(2, "No such file or directory", "a.mid"),
            "a.mid: No such file or directory; check the name",
            "No such file or directory",
        ),
        (
            FileExistsError(17, "File exists", "list.csv"),
            "list.csv: File exists; a folder is needed there, choose another name",
            "File exists",
        ),
        (ValueError("first\nsecond"), "unexpected ValueError: first", "first second"),
        (RuntimeError(), "unexpected RuntimeError: no message", "RuntimeError"),
    ],
)
def test_every_error_has_a_message_and_a_reason_of_one_line(error: Exception, message: str, reason: str) -> None:
    assert error_message(error) == message
    assert error_reason(error) == reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file"), "a.csv: no such file; check the name"),
        (PermissionError(13, "Permission denied"), "a.csv: cannot be read (Permission denied); check its permissions"),
        (IsADirectoryError(21, "Is a directory"), "a.csv: is a folder; name a file in it"),
        (OSError(5, "Input/output error"), "a.csv: cannot be read (Input/output error); copy it again"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_the_fix(error: OSError, said: str) -> None:
    assert cannot_read("a.csv", error) == said


def test_a_failed_write_leaves_the_earlier_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.txt"
    write_text(path, "before")

    def be_interrupted() -> None:
        with atomic_path(path) as partial:
            partial.write_text("half")
            assert partial.suffix == path.suffix
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_gets_its_name_when_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure a moment later leaves the whole file; a disk that fails at last leaves the earlier one."""
    path = tmp_path / "a.txt"
    steps: list[str] = []
    replace = Path.replace

    def named(source: Path, target: Path) -> Path:
        steps.append("named")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", lambda file: steps.append(f"{os.fstat(file).st_size} bytes on the disk"))
    monkeypatch.setattr(Path, "replace", named)
    write_text(path, "whole")
    assert steps == ["5 bytes on the disk", "named"]

    def fail(number: int) -> None:
        monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError(number, "of the disk")))

    fail(errno.EINVAL)  # a file system that cannot wait for it
    write_text(path, "other")
    fail(errno.EIO)
    with pytest.raises(OSError, match="of the disk") as failed:
        write_text(path, "lost")
    assert failed.value.filename == str(path)
    assert path.read_text() == "other"


@pytest.mark.skipif(os.name == "nt", reason="permissions as POSIX has them")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o664])
def test_a_file_keeps_its_permissions_when_it_is_replaced(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_mode))
    path = tmp_path / "a.txt"
    path.write_text("before")
    path.chmod(mode)
    with atomic_path(path) as partial:
        assert partial.stat().st_mode & 0o077 & ~mode == 0  # no one sees more of it meanwhile
        partial.write_text("after")
        partial.chmod(0o600)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("after", mode)
    assert all(before & stat.S_IWUSR for before in synced)  # only root could open it otherwise


def test_a_disk_without_permissions_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares of networks, memory cards of telephones and Windows disks in Linux refuse to change them."""

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    for text in ("new", "replaced"):
        write_text(tmp_path / "a.txt", text)
        assert (tmp_path / "a.txt").read_text() == text


def test_a_text_with_the_name_of_any_file_can_be_written(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    write_text(tmp_path / "a.json", json.dumps(name, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == name


def test_a_file_is_replaced_only_if_forced_and_only_where_one_can_be(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    refuse_overwrite(path, force=False)
    path.write_text("before")
    with pytest.raises(StyleboxError, match=r"a\.txt: exists already; use --force"):
        refuse_overwrite(path, force=False)
    refuse_overwrite(path, force=True)
    with pytest.raises(StyleboxError, match=r"a\.txt is not a folder; choose another folder"):
        refuse_overwrite(path / "b.txt", force=False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system knows the home of each user")
def test_a_user_without_a_home_has_folders_that_are_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers and services run with a number for a user, whom no list of users names."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "STYLEBOX_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert home().is_absolute()
    assert config_file().is_absolute()
    assert expanded("~/a.wav") == Path("~/a.wav")


def test_a_home_of_another_user_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions do not show it: root may look into every folder."""
    for name in ("STYLEBOX_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "closed" / name)
    (tmp_path / "closed").mkdir()
    assert home() == tmp_path / "closed" / "stylebox"
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "closed")
    assert tmp_path not in home().parents


@pytest.mark.parametrize("command", [("info",), ("styles",), ("transfer", "a.wav", "--style", "harp")])
def test_a_path_of_an_unknown_user_is_a_wrong_name(command: tuple[str, ...], run: Callable[..., CommandResult]) -> None:
    Path("a.wav").touch()
    ended = run(*command, "--model", "~no-such-user/model")
    assert (ended.code, ended.out) == (1, "")
    assert "no model '~no-such-user/model'" in ended.err


def test_the_data_directory_is_the_one_of_the_environment(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home() == own_home
    assert sources_dir() == own_home / "sources"
    monkeypatch.delenv("STYLEBOX_HOME")
    assert home() != own_home


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert file_sha256(path) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../evil", "evil"),
        ("AC/DC: Live?", "AC_DC_ Live_"),
        ("  ", "untitled"),
        ("con", "con_"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a\u202eb\n c", "ab c"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_a_title_becomes_a_safe_file_name(title: str, name: str) -> None:
    assert safe_name(title) == name


def test_a_long_title_is_cut_between_characters() -> None:
    name = safe_name("ö" * 500)
    assert 0 < len(name.encode()) <= MAX_BYTES
    assert set(name) == {"ö"}


def test_names_that_some_system_treats_as_equal_are_equal_when_folded() -> None:
    assert folded("STRASSE") == folded("straße")
    assert folded("e\u0301tude") == folded("\u00c9TUDE")
    assert folded("a") != folded("b")


def test_a_taken_name_gets_the_next_free_number() -> None:
    taken = {"a", "a (2)"}
    assert numbered("a", lambda name: name not in taken) == "a (3)"
    assert numbered("b", lambda name: name not in taken) == "b"


@pytest.mark.parametrize("name", [250 * "n" + ".mid", 83 * "\u66f2" + ".flac", "a" * 200 + ".b.wav"])
def test_a_file_may_have_the_longest_name_that_a_folder_holds(name: str, tmp_path: Path) -> None:
    """Its temporary name is no longer than that."""
    write_text(tmp_path / name, "notes")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(OSError, match="File name too long") as caught:
        write_text(tmp_path / ("nnnnnnn" + 249 * "n"), "notes")
    assert "part" not in str(caught.value.filename)


@pytest.mark.parametrize("name", ["a.wav", 250 * "n" + ".mid", 83 * "\u66f2" + ".flac"])
def test_what_a_killed_process_left_of_a_file_goes_whatever_its_name(name: str, tmp_path: Path) -> None:
    with atomic_path(tmp_path / name) as partial:
        partial.write_text("notes")
    left = partial.with_name(partial.name.replace(str(os.getpid()), "1234567"))
    left.touch()
    remove_partial_files_of(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
