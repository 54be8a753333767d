"""A dataset as shards: what is written comes back, training sees each part once, and nothing else is taken or kept."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from support.command_result import CommandResult

from stylebox.core.data import streamed
from stylebox.core.data.dataset import Dataset, Window
from stylebox.core.data.shards import ShardIndex, read_index, write_shards
from stylebox.core.data.streamed import StreamedDataset, unpack
from stylebox.core.errors import DatasetError
from stylebox.core.jobs.train import train
from stylebox.core.store.weights import load_weights

PLACE = "memory://shards"
ONE_EACH = 1  # byte after which a shard ends: a recording in each


@pytest.fixture(autouse=True)
def empty_memory() -> Iterator[None]:
    fsspec.filesystem("memory").store.clear()
    yield
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def dataset(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Ten recordings; one second of each timbre is kept at hand, and two shards are a window."""
    monkeypatch.setattr("stylebox.core.data.shards.REFERENCE_SECONDS", 1.0)
    monkeypatch.setattr(streamed, "WINDOW_SHARDS", 2)
    monkeypatch.setattr(streamed, "_WAIT_SECONDS", 0.0)
    return Dataset.open(tiny_home / "dataset")


def epochs(place: str, folder: Path, processes: int, steps: int) -> list[list[Window]]:
    """The windows of each process, in order, until a step."""
    found = []
    for rank in range(processes):
        own, step = StreamedDataset(place, folder, rank, processes), 0
        windows = []
        while step < steps:
            windows.append(own.window(step, 200, 0))
            step = windows[-1].stop
        found.append(windows)
    return found


@pytest.mark.parametrize("place", [PLACE, "folder"])
def test_what_is_written_comes_back(dataset: Dataset, place: str, tmp_path: Path) -> None:
    place = str(tmp_path / "shards") if place == "folder" else place
    index = write_shards(dataset, place, shard_bytes=ONE_EACH)
    assert read_index(place) == index
    assert {files for shard in index.shards for files in shard.files} == {r.files for r in dataset.recordings}
    back = StreamedDataset(place, tmp_path / "cache")
    assert back.fingerprint == dataset.fingerprint
    assert [r.id for r in back.split("train")] == [r.id for r in dataset.split("train")]
    for recording in [*back.split("train"), *back.split("valid")]:
        np.testing.assert_array_equal(back.mel(recording), dataset.mel(recording))
        np.testing.assert_array_equal(back.audio(recording), dataset.audio(recording))
        known = dataset.notes(recording)
        assert known is not None
        np.testing.assert_array_equal(back.notes(recording), known)
    assert write_shards(dataset, place, shard_bytes=ONE_EACH) == index  # the same bytes, the same names


def test_any_tar_reads_a_shard(dataset: Dataset, tmp_path: Path) -> None:
    index = write_shards(dataset, str(tmp_path))
    names = []
    for shard in index.shards:
        with tarfile.open(tmp_path / shard.name) as tar:
            names += tar.getnames()
    assert sorted(names) == sorted(
        path.relative_to(dataset.path).as_posix()
        for folder in ("mels", "audio", "notes", "content")
        for path in (dataset.path / folder).rglob("*.npy")
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_an_epoch_goes_once_through_all_shards(dataset: Dataset, processes: int, tmp_path: Path) -> None:
    index = write_shards(dataset, PLACE, shard_bytes=ONE_EACH)
    train = sorted(shard.name for shard in index.shards if shard.kind in ("train", "reference"))
    windows = epochs(PLACE, tmp_path, processes, 60)
    count = len(train) // 2  # windows in an epoch
    for epoch in range(2):
        taken = [name for own in windows for one in own[epoch * count : (epoch + 1) * count] for name in one.shards]
        assert sorted(taken) == train  # each once, by one process
    for same in zip(*windows, strict=True):
        assert len({(one.first, one.stop, one.all_shards) for one in same}) == 1
        assert sorted(name for one in same for name in one.shards) == sorted(same[0].all_shards)


def test_another_number_of_processes_goes_on_with_the_same_windows(dataset: Dataset, tmp_path: Path) -> None:
    write_shards(dataset, PLACE, shard_bytes=ONE_EACH)
    alone, together = (epochs(PLACE, tmp_path, processes, 60)[0] for processes in (1, 2))
    assert [(w.first, w.stop, w.all_shards) for w in alone] == [(w.first, w.stop, w.all_shards) for w in together]
    orders = [tuple(w.all_shards for w in alone[i : i + 4]) for i in (0, 4)]
    assert orders[0] != orders[1]  # another order in each epoch


def test_only_three_windows_are_kept(dataset: Dataset, tmp_path: Path) -> None:
    write_shards(dataset, PLACE, shard_bytes=ONE_EACH)
    own = StreamedDataset(PLACE, tmp_path)
    own.require([*own.references, *own.split("valid")])
    held = {r.files for r in [*own.references, *own.split("valid")]}
    step, seen = 0, set()
    for _ in range(6):
        window = own.window(step, 200, 0)
        own.prepare(window)
        stems = {path.stem for path in (own.path / "mels").glob("*.npy")}
        assert {r.files for r in window.recordings} <= stems
        assert stems <= held | {r.files for r in window.recordings}
        seen |= stems
        step = window.stop
    assert {r.files for r in own.split("train")} <= seen


@pytest.mark.parametrize("stage", ["content", "ldm"])
def test_a_model_is_trained_from_an_address(stage: str, dataset: Dataset, tiny_home: Path) -> None:
    write_shards(dataset, PLACE, shard_bytes=ONE_EACH)
    common: dict[str, Any] = {"preset": "tiny", "device": "cpu", "name": "tiny", "from_scratch": True}
    train(stage, dataset=PLACE, force=True, max_steps=2, **common)
    result = train(stage, resume=True, **common)  # finds the place again
    assert result.steps == 4
    tensors, card = load_weights(tiny_home / "models" / "tiny" / f"{stage}.safetensors")
    assert card["provenance"]["dataset"] == dataset.fingerprint
    if stage == "ldm":
        assert {"styles.reed.vector", "styles.string.vector"} <= set(tensors)


def test_a_dataset_can_be_written_and_trained_by_commands(
    run: Callable[..., CommandResult], dataset: Dataset, tmp_path: Path
) -> None:
    built = run("build", dataset.path.parent / "sources", "--dataset", dataset.path, "--shards", tmp_path / "out")
    assert built.out.splitlines()[-1] == str(tmp_path / "out")
    done = run("train", "vae", "--preset", "tiny", "--dataset", tmp_path / "out", "--name", "x", "--max-steps", "1")
    assert done.code == 0, done.err


def tampered(index: ShardIndex, content: bytes) -> None:
    """Replace the first shard's file."""
    fsspec.filesystem("memory").pipe_file(f"/shards/{index.shards[0].name}", content)


def test_a_damaged_shard_is_one_line(dataset: Dataset, tmp_path: Path) -> None:
    index = write_shards(dataset, PLACE, shard_bytes=ONE_EACH)
    tampered(index, b"something else")
    own = StreamedDataset(PLACE, tmp_path)
    with pytest.raises(DatasetError, match=rf"{index.shards[0].name}: is damaged; its checksum"):
        own.require([r for r in own.recordings if r.files in index.shards[0].files])
    assert not list(tmp_path.rglob("*.npy"))


@pytest.mark.parametrize("name", ["../../out.npy", "/away/out.npy", "mels/../../x.npy", "mels/other.npy", "run.sh"])
def test_a_shard_writes_nothing_but_its_own_arrays(dataset: Dataset, name: str, tmp_path: Path) -> None:
    """From a stranger, with an index that fits."""
    index = write_shards(dataset, PLACE, shard_bytes=ONE_EACH)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    tampered(index, packed.getvalue())
    text = json.loads(index.model_dump_json())
    text["shards"][0] |= {"sha256": hashlib.sha256(packed.getvalue()).hexdigest()}
    fsspec.filesystem("memory").pipe_file("/shards/shards.json", json.dumps(text).encode())
    own = StreamedDataset(PLACE, tmp_path / "deep" / "cache")
    with pytest.raises(DatasetError, match="does not belong there"):
        own.require([r for r in own.recordings if r.files in index.shards[0].files])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_shard_does_not_write_an_array_again_by_links_to_it(kind: bytes, tmp_path: Path) -> None:
    """A link takes no room in the shard, and any number of them may have names of posteriors."""
    packed = tmp_path / "a.tar"
    with tarfile.open(packed, "w") as tar:
        array = tarfile.TarInfo("mels/a.npy")
        array.size = 1000
        tar.addfile(array, io.BytesIO(bytes(1000)))
        link = tarfile.TarInfo("content/0a/a.npy")
        link.type, link.linkname = kind, "mels/a.npy" if kind == tarfile.LNKTYPE else "../../mels/a.npy"
        tar.addfile(link)
    with pytest.raises(DatasetError, match=r"holds 'content/0a/a\.npy', which does not belong there"):
        unpack(packed, tmp_path / "unpacked", {"a"})


def test_a_place_without_shards_is_one_line(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="memory://nothing: no shards here"):
        StreamedDataset("memory://nothing", tmp_path)
    with pytest.raises(DatasetError, match=r"nowhere://x: cannot be read"):
        StreamedDataset("nowhere://x", tmp_path)
    fsspec.filesystem("memory").pipe_file("/shards/shards.json", b"{}")
    with pytest.raises(DatasetError, match="damaged or of another version"):
        StreamedDataset(PLACE, tmp_path)
    write_shards(dataset, PLACE)
    with pytest.raises(DatasetError, match=r"fewer than the 9 processes; write smaller ones"):
        StreamedDataset(PLACE, tmp_path, 0, 9)
