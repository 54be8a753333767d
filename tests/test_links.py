"""Links at the names of outputs: those that the user names are followed, those in the program's folders replaced."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.command_result import CommandResult

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.write import AudioWriter, write_audio
from stylebox.core.errors import StyleboxError
from stylebox.core.files import atomic_path, file_behind, refuse_overwrite, write_text
from stylebox.core.music.midi.write import write_midi
from stylebox.core.sources.sidecar import Sidecar, sidecar_path, write_sidecar

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
SOUND = np.full(4410, 0.25, np.float32)


def names(folder: Path) -> list[str]:
    """What a folder holds."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """A folder elsewhere, where links lead."""
    folder = tmp_path / "away"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("exists", [True, False])
def test_the_file_where_a_link_leads_is_written_and_the_link_stays(exists: bool, away: Path) -> None:
    if exists:
        (away / "take.wav").write_text("before")
        (away / "take.wav").chmod(0o640)
    Path("between.wav").symlink_to("away/take.wav")
    Path("link.wav").symlink_to(Path("between.wav").absolute())
    with AudioWriter("link.wav", 44100) as writer:
        writer.write(SOUND)
        assert [path.suffix for path in away.iterdir() if path.name != "take.wav"] == [".wav"]  # the unfinished file
        assert names(Path()) == ["away", "between.wav", "link.wav"]
    assert Path("link.wav").is_symlink()
    assert Path("between.wav").is_symlink()
    assert names(away) == ["take.wav"]
    assert len(load_audio(away / "take.wav", 44100)) == len(SOUND)
    assert not exists or (away / "take.wav").stat().st_mode & 0o777 == 0o640


def test_unfinished_files_of_killed_processes_are_removed_where_a_link_leads(away: Path) -> None:
    (away / ".take.4194305.part.wav").touch()
    Path("link.wav").symlink_to(away / "take.wav")
    write_audio("link.wav", SOUND, 44100)
    assert names(away) == ["take.wav"]


def test_every_output_that_a_user_names_may_be_a_link(
    away: Path, run: Callable[..., CommandResult], own_home: Path
) -> None:
    for name in ("notes.mid", "list.csv", "config.toml"):
        (away / name).write_text("")
    Path("notes.mid").symlink_to(away / "notes.mid")
    write_midi(Path("notes.mid"), [])
    Path("list.csv").symlink_to(away / "list.csv")
    Path("urls.csv").symlink_to(away / "list.csv")
    code, _, err = run("fetch", "--example")
    assert (code, err.splitlines()[-1]) == (
        1,
        f"stylebox: urls.csv: leads to {away}/list.csv, which exists already; use --force to replace it, or choose "
        "another name",
    )
    assert run("fetch", "--example", "--force").code == 0
    own_home.mkdir()
    (own_home / "config.toml").symlink_to(away / "config.toml")
    assert run("config", "set", "steps", "3").code == 0
    for path in (Path("notes.mid"), Path("urls.csv"), own_home / "config.toml"):
        assert path.is_symlink()
        assert path.stat().st_size > 0


def test_a_link_that_leads_nowhere_is_one_line(tmp_path: Path) -> None:
    Path("a.wav").symlink_to("b.wav")
    Path("b.wav").symlink_to("a.wav")
    Path("lost.wav").symlink_to(tmp_path / "no" / "folder" / "take.wav")
    for name, said in (
        ("a.wav", "is a link that leads in a circle; delete it"),
        ("lost.wav", rf"is a link to {tmp_path}/no/folder/take\.wav, whose folder does not exist; make it"),
    ):
        for write in (lambda path: refuse_overwrite(path, force=True), lambda path: write_audio(path, SOUND, 44100)):
            with pytest.raises(StyleboxError, match=f"^{name}: {said}"):
                write(Path(name))
    assert names(Path()) == ["a.wav", "b.wav", "lost.wav"]


def test_a_write_protected_folder_where_a_link_leads_is_named(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("link.wav").symlink_to(away / "take.wav")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != away)  # root may do everything
    with pytest.raises(StyleboxError, match=rf"^link\.wav: cannot be written because {away} is write-protected"):
        refuse_overwrite(Path("link.wav"), force=False)


def test_pipes_and_devices_are_never_replaced() -> None:
    os.mkfifo("pipe.wav")
    Path("null.wav").symlink_to(os.devnull)
    for name in ("pipe.wav", "null.wav", os.devnull):
        with pytest.raises(StyleboxError, match=f"^{name}: is a pipe or a device, not a file"):
            refuse_overwrite(Path(name), force=True)
        with pytest.raises(StyleboxError, match="is a pipe or a device"):
            write_text(Path(name), "text", follow_link=True)
    assert Path(os.devnull).is_char_device()


def test_nothing_is_written_through_a_link_in_a_folder_of_the_program(away: Path) -> None:
    """Such a folder may have come from somebody else, as an archive with links that lead to the user's own files."""
    (away / "own.json").write_text("mine")
    recording = Path("sources") / "violin" / "take.flac"
    recording.parent.mkdir(parents=True)
    sidecar_path(recording).symlink_to(away / "own.json")
    write_sidecar(recording, Sidecar(title="Take"))
    recording.symlink_to(away / "new.flac")
    write_audio(recording, SOUND, 44100, follow_link=False)
    with atomic_path(Path("state.json")) as partial:
        partial.write_text("{}")
    assert (away / "own.json").read_text() == "mine"
    assert names(away) == ["own.json"]
    assert not recording.is_symlink()


def test_a_name_that_is_no_link_stands_for_itself(tmp_path: Path) -> None:
    for path in (Path("a.wav"), tmp_path / "no" / "a.wav", tmp_path):
        assert file_behind(path) == path


def test_a_folder_on_a_disk_that_is_not_connected_is_named(
    tmp_path: Path, run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data directory is a link there; its models and styles were taken for none."""
    home = tmp_path / "home"
    home.symlink_to("/media/disk/stylebox")
    monkeypatch.setenv("STYLEBOX_HOME", str(home))
    lost = f"lies in {home}, which is a link to /media/disk/stylebox, which does not exist; correct or delete it"
    for command in (("models",), ("config", "set", "steps", "3")):
        ended = run(*command)
        assert ended.code == 1
        assert lost in ended.err
