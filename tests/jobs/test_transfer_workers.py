"""A batch by several processes gives what one process gives. By a tiny model."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
import torch
from support.models import PARTIALS, melody, tones

from stylebox.core.jobs import transfer_workers
from stylebox.core.jobs.batch import Task
from stylebox.core.jobs.inputs import InputPath
from stylebox.core.jobs.outputs import FileReport, SideOutputs
from stylebox.core.jobs.transfer import transfer_files
from stylebox.core.jobs.transfer_outcome import TransferBatch
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.progress import Progress

RATE = 22050
STYLES = ("string", "reed")


@pytest.fixture
def songs() -> Path:
    """A folder with three recordings, one of them broken, and a text."""
    folder = Path("songs")
    folder.mkdir()
    for number, seconds in enumerate((0.5, 1.5, 1.0)):
        sound = tones(melody(40 + number, seconds), seconds, PARTIALS["reed"])
        soundfile.write(folder / f"{number}.wav", sound, RATE)
    (folder / "bad.wav").write_text("no sound")
    (folder / "a.txt").write_text("text")
    return folder


@pytest.fixture
def one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def outcome(batch: TransferBatch, folder: str) -> str:
    """All that a batch reports, without its times and the name of its folder."""
    facts = json.dumps(batch, default=vars, indent=1).replace(folder, "FOLDER")
    return "\n".join(line for line in facts.splitlines() if "real_time_factor" not in line)


@pytest.mark.usefixtures("one_thread")
def test_several_processes_make_the_files_and_reports_of_one(trained_home: Path, songs: Path) -> None:
    pipeline = BasePipeline(str(trained_home / "models" / "tiny"), "cpu")
    options = TransferOptions(STYLES[0], seed=7, steps=0, vocoder="harmonic")
    outcomes, contents = [], []
    for jobs in (1, 2):
        folder, made, steps = f"by-{jobs}", list[FileReport](), list[Progress]()
        batch = transfer_files(
            [songs],
            Path(folder),
            options,
            pipeline,
            styles=STYLES,
            side_outputs=SideOutputs(midi=Path(folder, "midi")),
            jobs=jobs,
            made=made.append,
            progress=steps.append,
        )
        assert sorted(made, key=str) == sorted(batch.done, key=str)
        assert len(batch.done) == 6
        assert len(batch.failed) == 1
        assert {step.total for step in steps} == {8}
        done = [step.done for step in steps]
        assert done == sorted(done)
        assert len(set(done)) > 8, "steps within the files"
        outcomes.append(outcome(batch, folder))
        contents.append({path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*.[wm]*")})
    assert outcomes[0] == outcomes[1]
    assert contents[0] == contents[1]


def test_processes_share_the_threads_and_leave_nothing_where_they_are_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[int, set[int]]] = []
    Path(".a-reed.4711.part.wav").touch()

    def interrupted(_: object, work: Sequence[Any], jobs: int, heard: object) -> Iterator[Any]:
        given.append((jobs, {job.threads for job in work}))
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer_workers, "run_all", interrupted)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    options = TransferOptions("reed")
    recordings = [
        [Task(InputPath(Path(f"{name}.wav")), Path(f"{name}-reed.wav"), options, SideOutputs())] for name in "ab"
    ]
    model = SimpleNamespace(model="base", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        transfer_workers.transfer_in_workers(recordings, model, 16, False, None)  # type: ignore[arg-type]
    assert given == [(2, {4})]
    assert list(Path().iterdir()) == []


def test_processes_share_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(transfer_workers, "load_pipeline", lambda *which: None)
    for number in range(3):
        monkeypatch.setattr(transfer_workers, "worker_number", lambda number=number: number)
        for device in ("cuda", "cpu"):
            transfer_workers.pipeline_of_worker.__wrapped__("base", device, 1)
    assert used == [0, 1, 0]
