"""Batches of training material: the same from the device's memory as from disk, and drawn as described."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.datasets import NUMBER_STEP, write_dataset

from bench.data_loading import STAGES, measure, stage_of
from stylebox.core.config import load_preset
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import ExampleSampler, Groups
from stylebox.core.errors import DatasetError
from stylebox.core.jobs.train import make_stage
from stylebox.core.models.content_encoder import shift_keys
from stylebox.core.progress import silent
from stylebox.core.store.library import load_content_encoder
from stylebox.core.training.crops import MelCrops, mel_store, onset_marks, read_mel
from stylebox.core.training.examples import shift_each

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", STAGES)
def test_a_batch_is_the_same_from_the_devices_memory_as_from_disk(name: str, tiny_home: Path) -> None:
    def stage() -> Any:
        return make_stage(name, load_preset("tiny"), Dataset.open(tiny_home / "dataset"), "tiny", "cpu", silent)

    mapped, resident = stage(), stage()
    resident.place_data(CPU, limit=1 << 30)
    assert sum(value.nbytes for value in resident.batch(0).values()) < 1 << 14  # numbers only, no frames
    for step in range(3):
        from_disk = mapped.expand(mapped.batch(step))
        gathered = resident.expand(resident.batch(step))
        assert from_disk.keys() == gathered.keys()
        for key, value in from_disk.items():
            assert torch.equal(gathered[key], value), key


def test_what_does_not_fit_stays_on_disk(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    store = mel_store(dataset, dataset.split("train"))
    assert store.nbytes == sum(r.frames for r in dataset.split("train")) * dataset.mel_config.n_mels
    store.place(CPU, limit=store.nbytes - 1)
    assert store.fetch(np.array([0]), np.array([0]), 4).dtype == torch.uint8
    store.place(CPU)
    assert store.fetch(np.array([0]), np.array([0]), 4).dtype == torch.uint8
    store.place(CPU, limit=store.nbytes)
    assert store.fetch(np.array([0]), np.array([0]), 4).dtype == torch.int64


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_section_equals_the_recording_and_is_silent_beyond_it(tmp_path: Path, limit: int) -> None:
    dataset = write_dataset(tmp_path)
    crops = MelCrops(dataset, dataset.split("train"), 40)
    crops.store.place(CPU, limit)
    which, start = np.array([0, 3, 1, 2]), np.array([5, 140, 0, -10])
    drawn = crops.expand({"mel": crops.store.fetch(which, start, 40)})["mel"]
    for crop, number, begin in zip(drawn[:3], which, start, strict=False):
        assert torch.equal(crop, read_mel(dataset, crops.recordings[number], int(begin), 40))
    assert (drawn[1, :, 10:] == -1).all()
    assert (drawn[3, :, :10] == -1).all()
    assert torch.equal(drawn[3, :, 10:], read_mel(dataset, crops.recordings[2], 0, 30))
    assert drawn[2, 0, 0] == pytest.approx(1 * NUMBER_STEP / 127.5 - 1)


def test_posteriors_in_8_bits_are_the_encoders(tiny_home: Path) -> None:
    """Once resampled to the mel's frames they are rounded to 8 bits, as the file is: half a step at most."""
    from stylebox.core.audio.frames import resample_frames

    dataset, encoder = Dataset.open(tiny_home / "dataset"), load_content_encoder("tiny")
    cache = ContentCache(dataset, encoder)
    recording = dataset.split("train")[0]
    cache.fill([recording], CPU)
    stored = torch.from_numpy(np.load(cache.path(recording)).astype(np.float32) / 255)
    rate = dataset.mel_config.frames_per_second
    whole = resample_frames(stored, encoder.frames_per_second, rate, recording.frames)
    assert whole.max() > 0
    for start in (0, 7, 50):
        read = cache.read(recording, start, 30)
        assert (read - whole[..., start : start + 30]).abs().max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("found", [np.zeros((2, 88, 3), np.uint8), np.zeros((2, 88, 300)), np.zeros(5, np.uint8)])
def test_posteriors_of_something_else_are_one_line_and_are_made_again(tiny_home: Path, found: np.ndarray) -> None:
    dataset = Dataset.open(tiny_home / "dataset")
    cache, recording = ContentCache(dataset, load_content_encoder("tiny")), dataset.split("train")[0]
    cache.path(recording).parent.mkdir(parents=True, exist_ok=True)
    np.save(cache.path(recording), found)
    with pytest.raises(DatasetError, match=rf"{recording.files}.npy: (holds|is not of)"):
        cache.read(recording, 0, 30)
    cache.fill([recording], CPU)
    assert cache.read(recording, 0, 30).shape == (2, 88, 30), "they are made again"


def test_onsets_of_a_section_are_those_of_the_whole(tiny_home: Path) -> None:
    dataset = Dataset.open(tiny_home / "dataset")
    recording = next(r for r in dataset.split("train") if r.has_notes)
    whole = onset_marks(dataset, recording, 0, recording.frames)
    assert whole.sum() == 2 * len(dataset.notes(recording))  # type: ignore[arg-type]
    for start in range(0, recording.frames - 20, 7):
        np.testing.assert_array_equal(onset_marks(dataset, recording, start, start + 20), whole[start : start + 20])


def test_each_content_is_moved_as_if_alone() -> None:
    content = torch.rand(5, 2, 88, 6)
    moves = torch.tensor([0, 3, -12, 40, -88])
    for moved, one, semitones in zip(shift_each(content, moves), content, moves.tolist(), strict=True):
        assert torch.equal(moved, shift_keys(one, semitones))


def recordings() -> list[Recording]:
    """Eleven recordings: of two instruments, three timbres and five scores; one is alone in everything."""
    rows: list[tuple[str, str | None, str | None]] = [("a", "a/x", score) for score in "123"]
    rows += [("a", "a/y", "1"), ("a", "a/y", "2")]
    rows += [("b", "b/x", "1"), ("b", "b/x", "2"), ("b", "b/x", "3"), ("b", "b/x", None), ("b", "b/x", None)]
    rows += [("c", None, "4")]
    return [
        Recording(
            id=str(n), files=str(n), instrument=instrument, source="", sha256="", title="", seconds=1, samples=1,
            frames=100 + n, loudness_db=0, gain_db=0, score=score, timbre=timbre, start_frame=n, stop_frame=100 + n,
        )
        for n, (instrument, timbre, score) in enumerate(rows)
    ]  # fmt: skip


def drawn_one_by_one(known: list[Recording], rng: np.random.Generator, count: int) -> list[tuple[int, ...]]:
    """The examples as the sampler's docstring describes them, one after the other."""
    made: list[tuple[int, ...]] = []
    names = sorted({r.instrument for r in known})
    while len(made) < count:
        name = names[rng.integers(len(names))]
        own = [r for r in known if r.instrument == name]
        for _ in range(2):
            target = content = own[rng.integers(len(own))]
            paired = [r for r in known if r.score and r.score == target.score and r is not target]
            if paired and rng.random() < 0.8:
                content = paired[rng.integers(len(paired))]
            alike = [r for r in known if (r.timbre or r.instrument) == (target.timbre or target.instrument)]
            others = [r for r in alike if r is not target]
            style = others[rng.integers(len(others))] if others else target
            start = rng.integers(
                max(target.start_frame, content.start_frame), min(target.stop_frame, content.stop_frame) - 30
            )
            begin = rng.integers(style.start_frame, style.stop_frame - 50)
            made.append((known.index(target), known.index(content), known.index(style), int(start), int(begin)))
    return made


def test_examples_are_drawn_as_they_are_one_by_one() -> None:
    """The distribution of a batch drawn with arrays is that of the plain loop."""
    known, count = recordings(), 8_000
    drawn = ExampleSampler(known, 30, 50).draw(np.random.default_rng(0), count)
    arrays = np.array([drawn.target, drawn.content, drawn.style, drawn.start_frame, drawn.style_frame])
    plain = np.array(drawn_one_by_one(known, np.random.default_rng(1), count)).T
    assert (np.diff(arrays[0].reshape(-1, 2) // 5) == 0).all()  # two per instrument
    for first, second in ((0, 1), (0, 2), (1, 2)):
        shares = [
            np.histogram2d(x[first], x[second], bins=11, range=[[0, 11], [0, 11]])[0] / count for x in (arrays, plain)
        ]
        np.testing.assert_array_equal(shares[0] > 0, shares[1] > 0)
        assert np.abs(shares[0] - shares[1]).max() < 0.02  # three standard deviations of the most frequent pair
    for row in (3, 4):
        edges = [np.quantile(x[row], [0, 0.25, 0.5, 0.75, 1]) for x in (arrays, plain)]
        assert np.abs(edges[0] - edges[1]).max() <= 2


def test_groups_of_one_and_of_none() -> None:
    groups = Groups(["x", None, "y", "x", None])
    chance = np.linspace(0, 0.999, 50)
    assert set(groups.member(np.zeros(50, int), chance)) == {0, 3}
    assert set(groups.other(np.zeros(50, int), chance)) == {3}
    for alone in (1, 2, 4):
        assert set(groups.other(np.full(50, alone), chance)) == {alone}


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_the_loader_keeps_up_with_a_device_of_ten_milliseconds(name: str, limit: int, tiny_home: Path) -> None:
    """A thousand crops per second on an idle machine (`bench/data_loading.py`); the bound allows a busy one."""
    stage = stage_of(name, "tiny", Dataset.open(tiny_home / "dataset"), "tiny", batch_size=10)
    stage.place_data(CPU, limit)
    speed = measure(stage.batch, 10, 0.01, 0.3)
    assert speed.milliseconds < 10.0
