"""Opening a dataset: what is refused, what a pickled one does, pictures and pairs."""

import csv
import json
import pickle
import shutil
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.recordings import SAMPLE_RATE, melody, tree, write_recording

from stylebox.core.audio.mel import MelSpectrogram, mel_to_uint8
from stylebox.core.config import MelConfig, load_preset
from stylebox.core.data.build import build
from stylebox.core.data.dataset import Dataset, audio_to_int16, int16_to_audio
from stylebox.core.errors import DatasetError
from stylebox.core.paper.chunks import find_chunks, sounding_range
from stylebox.core.paper.images import export_images
from stylebox.core.paper.pairs import Pair, make_pairs, write_pairs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three instruments, three recordings each."""
    folder = tmp_path_factory.mktemp("built")
    for instrument in ("harp", "piano", "violin"):
        for name in ("one", "two", "three"):
            write_recording(folder / "sources", f"{instrument}/{name}.wav", seconds=7)
    rests = np.zeros(SAMPLE_RATE, np.float32)
    audio = np.concatenate([rests, melody(7, seed=3), rests])
    soundfile.write(folder / "sources" / "harp" / "one.wav", audio, SAMPLE_RATE)
    build(folder / "sources", folder / "dataset", jobs=1)
    return folder / "dataset"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(built, tmp_path / "dataset"))


def test_a_missing_dataset_names_folder_and_mend(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere: no dataset here.*stylebox build"):
        Dataset.open(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "mel": {}, "surplus": 1}'])
def test_a_damaged_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match=r"manifest\.json: .*stylebox build"):
        Dataset.open(folder)


def test_another_format_is_refused_with_both_numbers(folder: Path) -> None:
    values = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**values, "format": 999}))
    with pytest.raises(DatasetError, match="format 999, this stylebox reads 1"):
        Dataset.open(folder)


def test_other_mel_settings_are_refused_with_both_values(built: Path) -> None:
    dataset = Dataset.open(built)
    dataset.require_mel(MelConfig())
    with pytest.raises(DatasetError, match=r"hop_length is 512, 256 is asked for"):
        dataset.require_mel(MelConfig(hop_length=256))


def test_missing_and_mismatched_arrays_are_refused(folder: Path) -> None:
    dataset = Dataset.open(folder)
    first, second = dataset.recordings[:2]
    (folder / "mels" / f"{first.files}.npy").unlink()
    np.save(folder / "audio" / f"{second.files}.npy", np.zeros(5, np.int16))
    with pytest.raises(DatasetError, match=r"cannot be read.*stylebox build"):
        dataset.mel(first)
    with pytest.raises(DatasetError, match=r"holds int16 of shape \(5,\)"):
        dataset.audio(second)
    np.save(folder / "mels" / f"{second.files}.npy", np.zeros((second.frames, 80)))
    with pytest.raises(DatasetError, match=r"holds float64 of shape .* not uint8"):
        dataset.mel(second)


def test_arrays_are_mapped_and_not_pickled(built: Path) -> None:
    dataset = Dataset.open(built)
    recording = dataset.recordings[0]
    mel, audio = dataset.mel(recording), dataset.audio(recording)
    assert isinstance(mel, np.memmap)
    assert isinstance(audio, np.memmap)
    assert (mel.dtype, audio.dtype) == (np.uint8, np.int16)
    sent = pickle.dumps(dataset)
    assert len(sent) < mel.nbytes
    np.testing.assert_array_equal(pickle.loads(sent).mel(recording), mel)


@given(st.lists(st.floats(-3.875, 3.875, width=32), min_size=1, max_size=50))
def test_int16_audio_is_within_half_a_step(samples: list[float]) -> None:
    audio = np.array(samples, np.float32)
    assert np.abs(int16_to_audio(audio_to_int16(audio)) - audio).max() <= 0.5 * 4 / 32768 + 1e-6


def test_int16_full_scale_is_plus_12_db_and_saturates() -> None:
    values = audio_to_int16(np.array([1.0, -1.0, 4.0, -4.0, 9.0]))
    assert values.tolist() == [8192, -8192, 32767, -32768, 32767]


def test_sounding_range_is_librosas() -> None:
    for seed in range(5):
        rest = np.random.default_rng(seed).normal(0, 1e-3, 20000).astype(np.float32)
        audio = np.concatenate([rest, melody(2, seed), rest[:9000]])
        _, (start, stop) = librosa.effects.trim(audio, top_db=20)
        ours = sounding_range(audio)
        assert abs(ours[0] - start) <= 512
        assert abs(ours[1] - stop) <= 512
    assert sounding_range(np.zeros(5000, np.int16)) == (0, 0)
    assert sounding_range(np.zeros(10, np.int16)) == (0, 0)


def test_chunks_keep_to_their_split_and_leave_silence_out(built: Path) -> None:
    dataset = Dataset.open(built)
    chunks = [c for s in ("train", "valid", "test") for c in find_chunks(dataset, s)]
    assert len({c.name for c in chunks}) == len(chunks) == 9 * 2
    quiet_start = next(c for c in chunks if c.recording.source == "harp/one.wav" and c.number == 0)
    assert abs(quiet_start.start_sample - SAMPLE_RATE) < 2048


def test_the_papers_pictures_are_128_by_130_and_equal_the_mel(built: Path, tmp_path: Path) -> None:
    config = load_preset("paper").mel
    build(built.with_name("sources"), tmp_path / "dataset", mel=config, jobs=1)
    dataset, rate = Dataset.open(tmp_path / "dataset"), config.sample_rate
    counts = export_images(dataset, tmp_path / "images")
    chunks = find_chunks(dataset, "train")
    assert sum(counts.values()) == len(chunks) == len(list((tmp_path / "images" / "train").glob("*/*.png")))
    for chunk in chunks[::3]:
        instrument = chunk.recording.instrument
        with Image.open(tmp_path / "images" / "train" / instrument / f"{chunk.name}.png") as picture:
            assert picture.mode == "L"
            assert (picture.height, picture.width) == (128, 130)
            pixels = np.asarray(picture)
        audio = int16_to_audio(dataset.audio(chunk.recording)[chunk.start_sample :][: 3 * rate])
        mel = mel_to_uint8(MelSpectrogram(config)(torch.from_numpy(audio)))
        assert np.abs(pixels[::-1].astype(int) - mel).max() <= 1  # low notes below; batched sums may round apart
        assert pixels.max() > 100


def test_exporting_again_drops_our_stale_pictures_only(built: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(built)
    export_images(dataset, tmp_path / "images")
    before = tree(tmp_path / "images")
    piano = tmp_path / "images" / "train" / "piano"
    (piano / "piano-0123456789ab_0007.png").write_bytes(b"of a recording that is gone")
    (piano / ".piano-0123456789ab_0007.99.part.png").write_bytes(b"half a picture")
    (piano / "holiday.png").write_bytes(b"not ours")
    export_images(dataset, tmp_path / "images")
    assert tree(tmp_path / "images") == {**before, "train/piano/holiday.png": b"not ours"}


def test_pairs_are_reproducible_distinct_and_of_two_instruments(built: Path) -> None:
    pairs = make_pairs(Dataset.open(built), 20)
    assert pairs == make_pairs(Dataset.open(built), 20)
    assert pairs != make_pairs(Dataset.open(built), 20, seed=43)
    assert len(set(pairs)) == 20
    assert all(p.content_instrument != p.style_instrument for p in pairs)
    names = {c.name for c in find_chunks(Dataset.open(built), "train")}
    assert all(f"{p.content_id}_{p.content_chunk:04d}" in names for p in pairs)
    assert all(p.style_id.startswith(p.style_instrument) for p in pairs)


def test_all_pairs_are_there_and_no_more_are_invented(built: Path) -> None:
    dataset = Dataset.open(built)
    chunks = find_chunks(dataset, "train")
    expected = {
        (a.recording.id, a.number, b.recording.id, b.number)
        for a in chunks
        for b in chunks
        if a.recording.instrument != b.recording.instrument
    }
    pairs = make_pairs(dataset, len(expected))
    assert {(p.content_id, p.content_chunk, p.style_id, p.style_chunk) for p in pairs} == expected
    with pytest.raises(DatasetError, match=f"has {len(expected)} pairs"):
        make_pairs(dataset, len(expected) + 1)


def test_pairs_as_csv(built: Path, tmp_path: Path) -> None:
    pairs = make_pairs(Dataset.open(built), 3)
    write_pairs(tmp_path / "pairs.csv", pairs)
    with (tmp_path / "pairs.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == Pair._fields
    assert rows == [[str(value) for value in pair] for pair in pairs]
