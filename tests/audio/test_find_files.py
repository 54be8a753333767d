"""Finding sound files: the same ones for every command, through links, without what systems leave beside them."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stylebox.core.audio.io.files import find_audio, is_audio_file
from stylebox.core.audio.io.read import load_audio
from stylebox.core.data.scan import find_sources
from stylebox.core.errors import AudioError, DatasetError
from stylebox.core.jobs.inputs import find_inputs
from stylebox.core.sources.render import scores


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"anything")


def below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_audio(folder).files]


def test_sound_files_are_known_by_their_suffix(tmp_path: Path) -> None:
    suffixes = "wav WAV flac mp3 mp2 ogg opus m4a aif aiff aifc w64 rf64 caf ts avi 3gp wv"
    names = sorted(f"a.{suffix}" for suffix in suffixes.split())
    touch(tmp_path, *names)
    assert below(tmp_path) == names


def test_what_stands_beside_sounds_is_passed_over(tmp_path: Path) -> None:
    beside = "._a.wav .hidden.wav __MACOSX/a.wav .git/a.wav .DS_Store Thumbs.db a.asd a.wav.reapeaks a.cue a.m3u a.lrc"
    beside += " a.musicxml a.mid a.json a.jpg a.txt a.wav.part desktop.ini sub/._b.wav"
    beside += " a.wav~ #recycle/a.wav @Recycle/a.wav $Recycle.Bin/a.wav RECYCLER/a.wav @eaDir/a.wav"
    touch(tmp_path, *beside.split(), "a.wav", "sub/b.WAV")
    found = find_audio(tmp_path)
    assert below(tmp_path) == ["a.wav", "sub/b.WAV"]
    assert (found.problems, found.others) == ({}, [])


def test_recordings_that_are_in_icloud_only_are_named(tmp_path: Path) -> None:
    """A hidden placeholder is in their place, as macOS leaves it."""
    touch(tmp_path, "a.wav", ".b.wav.icloud", "sub/.c.MP3.icloud", ".d.txt.icloud", ".icloud", ".hidden.wav")
    found = find_audio(tmp_path)
    assert below(tmp_path) == ["a.wav"]
    why = "is in iCloud and not on this computer; download it in the Finder"
    paths = [str(tmp_path / name) for name in ("b.wav", "sub/c.MP3")]
    assert found.problems == {path: f"{path}: {why}" for path in paths}
    assert found.others == []
    with pytest.raises(AudioError, match=rf"b\.wav: {why}"):
        load_audio(tmp_path / "b.wav", 8000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files")
def test_pipes_named_like_sounds_are_not_opened_and_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav")
    os.mkfifo(tmp_path / "b.wav")
    found = find_audio(tmp_path)
    assert below(tmp_path) == ["a.wav"]
    assert found.passed_over == "1 file is no sound file (1 .wav)"


def test_other_suffixes_are_decided_by_the_first_bytes(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "take.xyz", np.zeros(10), 8000, format="FLAC")
    soundfile.write(tmp_path / "take", np.zeros(10), 8000, format="WAV")
    touch(tmp_path, "take.raw")
    found = find_audio(tmp_path)
    assert below(tmp_path) == ["take", "take.xyz"]
    assert found.others == [tmp_path / "take.raw"]


def test_links_are_followed_without_going_in_circles_and_broken_ones_are_named(tmp_path: Path) -> None:
    library, sources = tmp_path / "library", tmp_path / "sources"
    touch(library, "one.wav", "deep/two.wav")
    touch(sources, "own/three.wav")
    (library / "deep" / "up").symlink_to(library)
    (sources / "violin").symlink_to(library)
    (sources / "fiddle").symlink_to("violin")
    (sources / "own" / "four.wav").symlink_to(library / "one.wav")
    (sources / "own" / "all").symlink_to(sources)
    (sources / "self.wav").symlink_to("self.wav")
    (sources / "lost").symlink_to(tmp_path / "nowhere")
    (sources / "own" / "gone.wav").symlink_to("nothing.wav")
    (sources / "own" / "gone.txt").symlink_to("nothing.txt")
    assert below(sources) == [
        *("fiddle/deep/two.wav", "fiddle/one.wav", "own/four.wav", "own/three.wav"),
        *("violin/deep/two.wav", "violin/one.wav"),
    ]
    problems = find_audio(sources).problems
    assert list(problems) == [str(sources / name) for name in ("lost", "own/gone.wav", "self.wav")]
    assert "is a link to nothing.wav, which does not exist" in problems[str(sources / "own/gone.wav")]


def test_many_links_among_folders_end(tmp_path: Path) -> None:
    for here in range(12):
        touch(tmp_path, f"{here}/a.wav")
        for there in range(12):
            (tmp_path / str(here) / f"to-{there}").symlink_to(tmp_path / str(there))
    assert len(below(tmp_path)) == 12 * 12


def test_every_command_finds_the_same(tmp_path: Path) -> None:
    touch(tmp_path, "violin/a.ts", "violin/._a.wav", "violin/b.aifc", "violin/a.asd", "x.bin")
    (tmp_path / "violin" / "gone.wav").symlink_to("nothing.wav")
    names = ["a.ts", "b.aifc"]
    search, inputs = find_sources(tmp_path), find_inputs([tmp_path])
    assert [file.path.name for file in search.files] == names
    assert [recording.path.name for recording in inputs.recordings] == names
    assert [path.name for path in search.others] == ["x.bin"]
    assert list(search.problems) == [str(tmp_path / "violin" / "gone.wav")]
    assert inputs.problems == search.problems


@pytest.mark.skipif(os.name == "nt", reason="names have no colon, and links need a privilege")
def test_a_problem_has_its_path_whatever_is_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "Bach: Sonatas"
    touch(folder, "a.wav")
    (folder / "gone.wav").symlink_to("nothing.wav")
    assert list(find_inputs([folder]).problems) == [str(folder / "gone.wav")]


def test_midi_files_behind_links_become_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "elsewhere/song.MID", "midi/._song.mid")
    (tmp_path / "midi" / "more").symlink_to(tmp_path / "elsewhere")
    read: list[Path] = []
    monkeypatch.setattr(scores, "read_midi", read.append)
    with pytest.raises(AttributeError):
        scores.midi_scores(tmp_path / "midi", 10.0)
    assert read == [tmp_path / "midi" / "more" / "song.MID"]


def test_names_in_other_encodings_are_found_and_written_readably(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/fl\xfbte"
    os.mkdir(folder)  # noqa: PTH102 (a name that is not UTF-8)
    for name in (b"caf\xe9.wav", "caf\u00e9.wav".encode(), "cafe\u0301.wav".encode()):
        (Path(os.fsdecode(folder)) / os.fsdecode(name)).write_bytes(b"")
    found = find_sources(tmp_path).files
    assert len({file.id for file in found}) == 3
    assert "fl\\xfbte/caf\\xe9.wav" in [file.source for file in found]
    assert all(is_audio_file(file.path) and file.path.is_file() for file in found)


def test_a_folder_of_broken_links_alone_says_so(tmp_path: Path) -> None:
    (tmp_path / "violin").mkdir()
    (tmp_path / "violin" / "a.wav").symlink_to("nothing.wav")
    with pytest.raises(DatasetError, match=r"no recordings; .*a\.wav: is a link to nothing\.wav"):
        find_sources(tmp_path)
