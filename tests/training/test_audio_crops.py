"""Crops of audio and their piano rolls: what the recording plays there, at its speed, without a loop over crops."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylebox.core.audio.io.read import resample
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.music.notes import Note, piano_roll
from stylebox.core.training.audio_crops import AudioCrops, resampled
from stylebox.core.training.note_table import NoteTable, rolls

CPU = torch.device("cpu")
FPS = 22_050 / 512


@pytest.fixture
def dataset(tiny_home: Path) -> Dataset:
    """Six-second tones with notes."""
    return Dataset.open(tiny_home / "dataset")


@pytest.mark.parametrize("rate", [44_100, 22_050, 16_000])
@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_an_untouched_crop_is_the_recording_at_its_speed(dataset: Dataset, rate: int, limit: int) -> None:
    recordings = dataset.split("train")
    own, hop = dataset.mel_config.sample_rate, dataset.mel_config.hop_length
    crops = AudioCrops(dataset, recordings, rate // 4, rate)
    crops.place(CPU, limit)
    which, start = np.array([0, 1, 2]), np.array([60, 0, 150])  # the second begins with the recording
    batch = crops.fetch(which, start, np.random.default_rng(0), affected=np.zeros(3, bool))
    made = crops.expand(batch)
    assert made.shape == (3, rate // 4)
    for crop, number, begin, ratio in zip(made.numpy(), which, start, batch["ratio"].tolist(), strict=True):
        assert 2 ** (-30 / 1200) <= ratio <= 2 ** (30 / 1200)
        whole = int16_to_audio(dataset.audio(recordings[number])).astype(np.float64)
        place = begin * hop + np.arange(own // 4) * ratio
        played = resample(np.interp(place, np.arange(len(whole)), whole).astype(np.float32), own, rate)
        inside = slice(rate // 100, -rate // 50)  # at the ends the two filters differ
        error = np.square(crop[inside] - played[: len(crop)][inside]).mean()
        assert played[inside].any()
        assert error < 1e-4 * np.square(played[inside]).mean()


def test_a_crop_depends_on_no_other_crop(dataset: Dataset) -> None:
    crops = AudioCrops(dataset, dataset.split("train"), 5000)
    which, start = np.array([0, 1, 2, 3]), np.array([10, 20, 30, 40])
    whole = crops.expand(crops.fetch(which, start, np.random.default_rng(2)))
    for share in (slice(0, 2), slice(2, 4)):
        part = crops.expand(crops.fetch(which, start, np.random.default_rng(2), share=share))
        torch.testing.assert_close(part, whole[share], rtol=1e-3, atol=1e-4)


def test_resampling_keeps_a_tone_and_removes_what_has_no_place() -> None:
    t = torch.arange(44_100, dtype=torch.float64) / 44_100
    low, high = (torch.sin(2 * torch.pi * hz * t).float()[None] for hz in (1000, 15_000))
    expected = low[:, ::2]
    torch.testing.assert_close(resampled(low + high, 44_100, 22_050), expected, rtol=0, atol=1e-3)
    assert resampled(low, 44_100, 44_100) is low


def drawn_one_by_one(notes: np.ndarray, begin: float, speed: float, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The rolls of one crop as the docstrings describe them, note by note."""
    seconds = (num_frames - 1) / FPS * speed
    inside = [n for n in notes if n[1] > begin and n[0] < begin + seconds]
    moved = [Note((float(n[0]) - begin) / speed, (float(n[1]) - begin) / speed, int(n[2])) for n in inside]
    whole = [n._replace(start_seconds=max(0.0, n.start_seconds)) for n in moved]
    begun = [n for n, before in zip(whole, moved, strict=True) if before.start_seconds >= -0.5 / FPS]
    return piano_roll(whole, num_frames, FPS)[0].T, piano_roll(begun, num_frames, FPS)[1].T


def test_rolls_of_a_batch_are_those_of_single_crops(dataset: Dataset) -> None:
    recordings = dataset.split("train")
    table, rng, count = NoteTable(dataset, recordings), np.random.default_rng(0), 60
    which, begin = rng.integers(len(recordings), size=count), rng.uniform(-0.2, 3.2, count)
    speed = rng.uniform(0.98, 1.02, count)
    frame, onset = rolls(table.fetch(which, begin, speed, 40, FPS), 40)
    for number in range(count):
        notes = dataset.notes(recordings[which[number]])
        assert notes is not None
        wanted = drawn_one_by_one(notes, begin[number], speed[number], 40)
        np.testing.assert_array_equal(frame[number].numpy(), wanted[0])
        np.testing.assert_array_equal(onset[number].numpy(), wanted[1])
    assert onset.sum() > count


class Noted:
    """Stands for a dataset: recordings are their own notes."""

    @staticmethod
    def notes(recording: np.ndarray | None) -> np.ndarray | None:
        return recording


def test_long_early_and_missing_notes_are_found() -> None:
    pedal = [0.0, 9.0, 30, 1.0]  # sounds below all the others
    many = np.array([pedal, *([x, x + 0.4, 60, 1.0] for x in np.arange(0.5, 8, 0.5))], np.float32)
    outside = np.array([[1.0, 2.0, 3, 1.0], [1.0, 2.0, 120, 1.0]], np.float32)  # beyond the 88 keys
    table = NoteTable(Noted(), [many, None, outside])  # type: ignore[arg-type, list-item]
    notes = table.fetch(np.array([0, 1, 2]), np.array([7.2, 1.0, 0.5]), np.ones(3), 30, FPS)
    frame, onset = rolls(notes, 30)
    assert frame[0, 30 - 21].all()
    assert not onset[0, 30 - 21].any()  # it began before the crop
    assert onset[0, 60 - 21].sum() == 2
    assert not frame[1:].any()
    none = NoteTable(Noted(), [None])  # type: ignore[arg-type, list-item]
    assert not rolls(none.fetch(np.array([0]), np.array([0.0]), np.ones(1), 30, FPS), 30)[0].any()
