"""Every stage through every fault.

Nothing that existed is damaged, no half-written file bears a final name, and the next run makes what an undisturbed one
makes. `python docs/make_reliability.py` runs this file and writes docs/reliability.md.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import soundfile
from support.faults import (
    Ended,
    Fault,
    Moment,
    cut_short,
    fill_disk,
    hang_up,
    interrupt,
    jump_in_time,
    kill,
    protect,
    run_with_fault,
    snapshot,
    terminate,
    vanish,
)
from support.live_card import DEVICE, plug_in_live_card
from support.microphones import FakeInput, music, two_channels
from support.models import melody, tones, write_sources

from stylebox.core.audio.io.write import write_audio
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork and the capabilities of Linux")

FAULTS: dict[str, Fault] = {
    "kill -9": kill,
    "SIGTERM": terminate,
    "Ctrl-C": interrupt,
    "terminal closed": hang_up,
    "full disk": fill_disk,
    "read-only": protect,
    "clock goes back": jump_in_time,
    "input changes": cut_short,
    "input vanishes": vanish,
    "device vanishes": vanish,
}
LATE = ("kill -9", "full disk")  # tried also after the last file
WHILE_READ = ("input changes", "input vanishes")
AT_THE_END = ("read-only",)  # of a stage that plays: before it writes nothing there


def plug_in_microphone() -> None:
    """A microphone that gives a second of music."""
    from stylebox.core.audio.io.devices import sound_card

    stream = FakeInput(two_channels(music(1.0)))
    setattr(sound_card, "open_input", lambda device=None, channel=None: stream)  # noqa: B010


def without_soundfonts() -> None:
    """As on a machine that has none: the folder of notes plays everything."""
    from stylebox.core.sources.render import soundfont

    setattr(soundfont, "find_soundfonts", list)  # noqa: B010


class Stage(NamedTuple):
    """A command to be disturbed.

    Attributes:
        arguments: Of the command line; the current folder has the material.
        output: Folder that it writes to, below the current one.
        reads: End of the path of a file that it reads; of a device, which is read half-way, if it plays.
        repeats: Whether two undisturbed runs write the same bytes.
        prepare: Called before the command, in its process.
        plays: Whether faults happen while it plays.
    """

    arguments: tuple[str, ...]
    output: str = "out"
    reads: str = ""
    repeats: bool = True
    prepare: Callable[[], None] | None = None
    plays: bool = False

    def run(self, moment: Moment, fault: Fault = kill) -> Ended:
        """Run it with a fault."""
        return run_with_fault(self.arguments, moment, fault, self.prepare)


MODEL = ("--model", "tiny", "--device", "cpu")
STAGES = {
    # One at a time: with two, the index is written once more where the second row is the first to end.
    "fetch": Stage(("fetch", "list.csv", "--to", "out", "--jobs", "1"), reads="b.wav", repeats=False),
    "build": Stage(
        ("build", "sources", "--dataset", "out", "--preset", "tiny", "--jobs", "1"), reads="reed/piece1.wav"
    ),
    "render": Stage(
        (
            *("render", "--samples", "notes", "--midi", "scores", "--minutes", "0.06", "--instruments", "harp"),
            *("--to", "out", "--jobs", "1"),
        ),
        reads="notes/60.wav",
        repeats=False,
        prepare=without_soundfonts,
    ),
    "train": Stage(
        ("train", "vae", "--preset", "tiny", "--dataset", "data", "--name", "out", "--device", "cpu", "--force"),
        "home/models/out",
        reads=".npy",
        repeats=False,
    ),
    "transfer": Stage(
        ("transfer", "a.wav", "b.wav", "--style", "reed", "--seed", "1", "--steps", "2", "-o", "out", *MODEL),
        reads="b.wav",
    ),
    "record": Stage(("record", "--seconds", "1"), "home/recordings", repeats=False, prepare=plug_in_microphone),
    "record --live": Stage(
        (
            *("record", "--live", "--style", "reed", "--seconds", "1", "--steps", "0", "--look-ahead", "0.1"),
            *("-o", "out/live.wav", *MODEL),
        ),
        reads=DEVICE.name,
        repeats=False,
        prepare=plug_in_live_card,
        plays=True,
    ),
    "generate": Stage(
        ("generate", "--style", "reed", "--notes", "a.mid", "--seed", "1", "-o", "out/g.flac", "--force", *MODEL),
        reads="a.mid",
    ),
    "transcribe": Stage(("transcribe", "a.wav", "b.wav", "-o", "out", *MODEL), reads="b.wav"),
    "evaluate": Stage(
        (
            *("evaluate", "--inputs", "a.wav", "--styles", "reed", "--csv", "out/t.csv", "--report", "out/t.html"),
            *("--force", *MODEL),
        ),
        reads="a.wav",
        repeats=False,
    ),
    "styles add": Stage(
        ("styles", "add", "mine", "a.wav", "b.wav", "--like", "harp", "--force"), "home/styles", reads="b.wav"
    ),
}


@pytest.fixture
def material(tmp_path: Path, tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder with recordings, sources, a dataset, a list, notes and settings; the home is in it."""
    shutil.move(tiny_home, tmp_path / "home")
    monkeypatch.setenv("STYLEBOX_HOME", str(tmp_path / "home"))
    shutil.move(tmp_path / "home" / "dataset", tmp_path / "data")
    for number, name in enumerate("ab"):
        write_audio(tmp_path / f"{name}.wav", tones(melody(number, 1.5), 1.5, (1.0, 0.5)), SAMPLE_RATE)
    write_midi(tmp_path / "a.mid", melody(3, 1.5))
    (tmp_path / DEVICE).touch()
    write_sources(tmp_path / "sources", pieces=2)
    rows = [f"reed,{name},{name}.wav" for name in "ab"]
    (tmp_path / "list.csv").write_text("\n".join(["instrument,title,url", *rows]) + "\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "scores").mkdir()
    keys = (60, 64, 67, 72, 76)
    for key in keys:
        note = tones([Note(0.0, 0.4, key, 0.8)], 0.4, (1.0, 0.6, 0.4, 0.3, 0.2))
        write_audio(tmp_path / "notes" / f"{key}.wav", note, SAMPLE_RATE)
    lines = [f"{key}.wav\tharp\t{key}" for key in keys]
    (tmp_path / "notes" / "INDEX.tsv").write_text("\n".join(["file\tinstrument\tmidi_pitch", *lines]) + "\n")
    write_midi(tmp_path / "scores" / "s.mid", [Note(0.3 * i, 0.3 * i + 0.25, keys[i % 5], 0.8) for i in range(12)])
    yield tmp_path
    for folder in [path for path in tmp_path.rglob("*") if path.is_dir()]:
        folder.chmod(0o755)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_survives_every_fault(
    name: str, material: Path, record_property: Callable[[str, object], None]
) -> None:
    """One fault after the other before the first file has its name, in one folder; at the end a run without any."""
    stage = STAGES[name]
    whole = stage.run(Moment(0))
    assert whole.code == 0, whole.text
    made = snapshot(material / stage.output)
    shutil.rmtree(material / stage.output)
    before = snapshot(material)
    record_property("stage", name)
    late = [(fault, Moment(whole.renames, after=True)) for fault in LATE]
    for fault, moment in [(fault, Moment(1, read=_reads(stage, fault))) for fault in _faults_of(stage)] + late:
        kept = _inputs(material, stage) if moment.read else {}
        hit = stage.run(moment, FAULTS[fault])
        assert hit.met, f"{fault}: never came to pass; {hit.text}"
        assert "Traceback" not in hit.text
        _check_left(material, stage, made, same_input=not moment.read)
        _restore(material, stage, kept)
        now = snapshot(material / stage.output)
        assert before.items() <= snapshot(material).items(), f"{fault}: a file that existed has changed"
        assert now or not stage.plays, f"{fault}: what was played is lost"
        if hit.code == 0 and stage.repeats and not moment.read:
            assert now == made, fault
        if now.keys() >= made.keys() or moment.read or name == "record":
            shutil.rmtree(material / stage.output, ignore_errors=True)  # the next one begins with the first file again
        record_property(fault, 1)
    again = stage.run(Moment(0))
    assert again.code == 0, again.text
    now = snapshot(material / stage.output)
    if name == "record":  # a take has the time in its name
        assert len(now) == len(made)
    else:
        assert now == made if stage.repeats else now.keys() >= made.keys()


def _faults_of(stage: Stage) -> list[str]:
    if stage.plays:
        return [fault for fault in FAULTS if fault not in WHILE_READ]
    return [fault for fault in FAULTS if fault != "device vanishes" and (stage.reads or fault not in WHILE_READ)]


def _reads(stage: Stage, fault: str) -> str:
    met = fault not in AT_THE_END if stage.plays else fault in WHILE_READ
    return stage.reads if met else ""


def _check_left(material: Path, stage: Stage, made: dict[str, str], same_input: bool) -> None:
    """What bears a final name is whole."""
    left = snapshot(material / stage.output)
    if stage.repeats and same_input:
        assert left.items() <= made.items(), "a file with a final name is not whole"
    for name in left:
        if Path(name).suffix in (".wav", ".flac"):
            with soundfile.SoundFile(material / stage.output / name) as file:  # one that still grows names no length
                assert len(file.read(1000)), f"{name} is not whole"


def _inputs(material: Path, stage: Stage) -> dict[Path, bytes]:
    """The files whose reading may be disturbed."""
    found = [path for path in material.rglob("*") if path.is_file() and str(path).endswith(stage.reads)]
    return {path: path.read_bytes() for path in found}


def _restore(material: Path, stage: Stage, inputs: dict[Path, bytes]) -> None:
    """Give back what a fault took away on purpose."""
    for path, content in inputs.items():
        path.write_bytes(content)
    folder = material / stage.output
    for path in [material, folder.parent, folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


def test_every_stage_is_tried() -> None:
    """A command that writes files and is not in the table is found here."""
    from stylebox.cli import COMMANDS

    only_read = {"info", "models", "doctor"}
    assert {command.__name__ for command in COMMANDS} - only_read <= set(STAGES)
