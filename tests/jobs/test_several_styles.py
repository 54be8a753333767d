"""Several styles of one recording: it is read and its notes are found once, and the bytes are those of one style alone.

By a tiny model.
"""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.models import PARTIALS, melody, tones

from stylebox.core.audio.io.read import AudioReader
from stylebox.core.jobs import file_recording, input_file
from stylebox.core.jobs.batch import Naming
from stylebox.core.jobs.outputs import SideOutputs
from stylebox.core.jobs.transfer import transfer_files
from stylebox.core.jobs.transfer_outcome import TransferBatch
from stylebox.core.pipeline import player, recording, transcribe
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

RATE = 22050
STYLES = ("string", "reed", "string:0.5,reed:0.5")


@pytest.fixture(scope="module")
def pipeline(trained_home: Path) -> BasePipeline:
    return BasePipeline(str(trained_home / "models" / "tiny"), "cpu")


@pytest.fixture
def song() -> Path:
    """Two seconds."""
    path = Path("song.wav")
    soundfile.write(path, tones(melody(40, 2.0), 2.0, PARTIALS["reed"]), RATE)
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a recording was measured, and a part of one transcribed."""
    counted = {"measure": 0, "_encode": 0}
    for module, name in ((recording, "measure"), (transcribe, "_encode")):
        called = getattr(module, name)

        def count(*args: object, name: str = name, called: object = called) -> object:
            counted[name] += 1
            assert callable(called)
            return called(*args)

        monkeypatch.setattr(module, name, count)
    return counted


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat it as a long recording of several parts."""
    monkeypatch.setattr(input_file, "KEPT_SECONDS", 1.0)
    monkeypatch.setattr(player, "PART_FRAMES", 128)
    monkeypatch.setattr(player, "MARGIN_FRAMES", 32)
    monkeypatch.setattr(transcribe, "PART_SECONDS", 0.5)


def run(
    pipeline: BasePipeline, source: Path | str, to: str, styles: tuple[str, ...] = STYLES, mix: float = 1.0
) -> TransferBatch:
    options = TransferOptions(styles[0], seed=7, steps=0, vocoder="harmonic", mix=mix)
    side = SideOutputs(midi=Path(to) / "midi")
    return transfer_files([Path(source)], Path(to), options, pipeline, styles=styles, side_outputs=side)


def content(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize("long", [False, True])
def test_notes_are_found_once_and_the_bytes_are_those_of_one_style_alone(
    pipeline: BasePipeline, song: Path, calls: dict[str, int], long: bool, request: pytest.FixtureRequest
) -> None:
    if long:
        request.getfixturevalue("on_disk")
    Path("apart").mkdir()
    for number, style in enumerate(STYLES, 1):
        name = f"song-{style.replace(':0.5', '').replace(',', '+')}"
        options = TransferOptions(style, seed=7, steps=0, vocoder="harmonic", mix=0.6)
        side = SideOutputs(midi=Path("apart", f"{name}.mid"))
        transfer_files([song], Path("apart", f"{name}.wav"), options, pipeline, side_outputs=side)
        assert calls["measure"] == number
    alone = dict(calls)
    batch = run(pipeline, song, "together", mix=0.6)
    assert len(batch.done) == 3
    assert calls["measure"] - alone["measure"] == 1
    assert calls["_encode"] - alone["_encode"] == alone["_encode"] / 3
    assert (alone["_encode"] > 3) == long
    assert content("together") == content("apart")
    assert len(content("together")) == 6


def test_a_recording_is_read_as_often_as_the_documentation_says(
    pipeline: BasePipeline, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured and transcribed, whatever the number of styles; once more for pages; twice per style for --mix."""
    reads, iterate = 0, AudioReader.__iter__

    def counted(reader: AudioReader) -> Iterator[np.ndarray]:
        nonlocal reads
        reads += 1
        return iterate(reader)

    monkeypatch.setattr(AudioReader, "__iter__", counted)
    monkeypatch.setattr(file_recording, "_KEPT_BYTES", 0)  # a long one, which is not kept in memory
    options = TransferOptions("string", seed=7, steps=0, vocoder="harmonic")
    counts = []
    shown = SideOutputs(plot=Path("plots"), report=Path("page.html"))
    for side, mix in ((SideOutputs(), 1.0), (shown, 1.0), (SideOutputs(), 0.5)):
        reads, asked = 0, replace(options, mix=mix)
        transfer_files([song], Path("out"), asked, pipeline, styles=STYLES[:2], side_outputs=side, force=True)
        counts.append(reads)
    assert counts == [2, 3, 2 + 2 * 2], "see docs/architecture.md"
    assert len(list(Path("plots").iterdir())) == 2
    assert Path("page.html").read_text("utf-8").count("<audio ") == 3


@pytest.mark.usefixtures("on_disk")
def test_after_a_kill_the_notes_are_not_found_again(
    pipeline: BasePipeline, song: Path, calls: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(pipeline, song, "whole")
    play, played = player.Player.play, 0

    def killed(*args: object) -> object:
        nonlocal played
        played += 1
        if played == 2:
            raise KeyboardInterrupt
        return play(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(player.Player, "play", killed)
    with pytest.raises(KeyboardInterrupt):
        run(pipeline, song, "out")
    assert Path("out/.song-string.wav.notes.work").is_dir()
    before = calls["_encode"]
    batch = run(pipeline, song, "out")
    assert (len(batch.done), len(batch.skipped)) == (2, 1)
    assert calls["_encode"] == before
    assert content("out") == content("whole")
    assert [path.name for path in Path("out").iterdir() if path.name.startswith(".")] == []
    assert len(whole.done) == 3


@pytest.mark.usefixtures("on_disk")
def test_recordings_of_one_name_keep_notes_apart(
    pipeline: BasePipeline, song: Path, calls: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes may work on them at once."""
    for folder in ("in/a", "in/b"):
        Path(folder).mkdir(parents=True)
        shutil.copy(song, folder)
    options, naming = TransferOptions("string", seed=7, steps=0, vocoder="harmonic"), Naming("{style}/{stem}")

    def made() -> TransferBatch:
        return transfer_files([Path("in")], Path("out"), options, pipeline, styles=STYLES[:2], naming=naming)

    with monkeypatch.context() as patch:
        patch.setattr(player.Player, "play", lambda *args: (_ for _ in ()).throw(OSError(5, "of the disk")))
        assert len(made().failed) == 2
    before = dict(calls)
    assert len(made().done) == 4
    assert calls["_encode"] == before["_encode"]
    assert calls["measure"] > before["measure"]


def test_several_styles_of_a_pipe(pipeline: BasePipeline, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        @property
        def buffer(self) -> "Pipe":
            return self

    monkeypatch.setattr("sys.stdin", Pipe(song.read_bytes()))
    batch = run(pipeline, "-", "piped", STYLES[:2])
    assert batch.failed == []
    sounds = [soundfile.read(report.output)[0] for report in batch.done]
    assert len(sounds) == 2
    assert not np.array_equal(*sounds)


def test_a_recording_that_cannot_be_read_is_one_failure(pipeline: BasePipeline) -> None:
    Path("bad.wav").write_bytes(b"RIFF, but no more")
    batch = run(pipeline, "bad.wav", "out")
    assert len(batch.failed) == 1
    assert "bad.wav" in batch.failed[0].reason
