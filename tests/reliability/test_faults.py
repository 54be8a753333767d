"""Every stage through every fault.

Nothing that existed is damaged, no half-written file bears a final name, and the next run makes what an undisturbed one
makes. `python docs/make_reliability.py` runs this file and writes docs/reliability.md.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support.faults import (
    Fault,
    Moment,
    fill_disk,
    hang_up,
    interrupt,
    jump_in_time,
    kill,
    run_with_fault,
    snapshot,
    terminate,
)
from support.models import melody, tones, write_sources

from stylebox.core.audio.io.write import write_audio
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.music.midi.write import write_midi

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FAULTS: dict[str, Fault] = {
    "kill -9": kill,
    "SIGTERM": terminate,
    "Ctrl-C": interrupt,
    "terminal closed": hang_up,
    "full disk": fill_disk,
    "clock goes back": jump_in_time,
}


class Stage(NamedTuple):
    """A command to be disturbed.

    Attributes:
        arguments: Of the command line; the current folder has the material.
        again: Added on the second run if the first one made every file.
        output: Folder that it writes to, below the current one.
        repeats: Whether two undisturbed runs write the same bytes.
    """

    arguments: tuple[str, ...]
    output: str
    again: tuple[str, ...] = ()
    repeats: bool = True


MODEL = ("--model", "tiny", "--device", "cpu")
STAGES = {
    "fetch": Stage(("fetch", "list.csv", "--to", "out"), "out", repeats=False),
    "build": Stage(("build", "sources", "--dataset", "out", "--preset", "tiny", "--jobs", "1"), "out"),
    "transfer": Stage(
        ("transfer", "a.wav", "b.wav", "--style", "reed", "--seed", "1", "--steps", "2", "-o", "out", *MODEL),
        "out",
        again=("--force",),
    ),
    "generate": Stage(
        ("generate", "--style", "reed", "--notes", "a.mid", "--seed", "1", "-o", "out/g.flac", *MODEL),
        "out",
        again=("--force",),
    ),
    "transcribe": Stage(("transcribe", "a.wav", "b.wav", "-o", "out", *MODEL), "out", again=("--force",)),
}


@pytest.fixture
def material(tmp_path: Path, tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with recordings, sources, a dataset, a list and settings; the home is in it."""
    shutil.move(tiny_home, tmp_path / "home")
    monkeypatch.setenv("STYLEBOX_HOME", str(tmp_path / "home"))
    shutil.move(tmp_path / "home" / "dataset", tmp_path / "data")
    for number, name in enumerate("ab"):
        write_audio(tmp_path / f"{name}.wav", tones(melody(number, 1.5), 1.5, (1.0, 0.5)), SAMPLE_RATE)
    write_midi(tmp_path / "a.mid", melody(3, 1.5))
    write_sources(tmp_path / "sources", pieces=2)
    rows = [f"reed,{name},{name}.wav" for name in "ab"]
    (tmp_path / "list.csv").write_text("\n".join(["instrument,title,url", *rows]) + "\n")
    return tmp_path


def undisturbed(folder: Path, name: str) -> tuple[dict[str, str], int]:
    """What a stage writes when nothing happens, and the number of its renames; computed once, then deleted."""
    if name not in _UNDISTURBED:
        stage = STAGES[name]
        ended = run_with_fault(stage.arguments, Moment(0), kill)
        assert ended.code == 0, ended.text
        _UNDISTURBED[name] = snapshot(folder / stage.output), ended.renames
        shutil.rmtree(folder / stage.output)
    return _UNDISTURBED[name]


_UNDISTURBED: dict[str, tuple[dict[str, str], int]] = {}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", STAGES)
def test_a_stage_survives_a_fault(
    name: str, fault: str, material: Path, record_property: Callable[[str, object], None]
) -> None:
    stage = STAGES[name]
    made, renames = undisturbed(material, name)
    before = snapshot(material)
    moments = {Moment(1), Moment(renames, after=True)}
    for moment in sorted(moments):
        hit = run_with_fault(stage.arguments, moment, FAULTS[fault])
        assert "Traceback" not in hit.text
        left = snapshot(material / stage.output)
        if stage.repeats:
            assert left.items() <= made.items(), "a file with a final name is not whole"
        assert before.items() <= snapshot(material).items(), "a file that existed has changed"
        more = stage.again if left.keys() == made.keys() else ()
        again = run_with_fault([*stage.arguments, *more], Moment(0), kill)
        assert again.code == 0, f"{moment}: {again.text}"
        now = snapshot(material / stage.output)
        assert now == made if stage.repeats else now.keys() == made.keys()
        shutil.rmtree(material / stage.output)
    record_property("stage", name)
    record_property("fault", fault)
    record_property("tried", len(moments))
