"""`stylebox build`: what goes in, what is left out and said, what is made again, what outlives a kill."""

import itertools
import random
import re
from collections.abc import Callable
from pathlib import Path

import av
import mido
import numpy as np
import pytest
import soundfile
import torch
from support.recordings import SAMPLE_RATE, melody, tree, write_recording

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.loudness import LOUDNESS_DB, loudness_db, normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram, mel_in_blocks, mel_to_uint8, uint8_to_mel
from stylebox.core.config import MelConfig
from stylebox.core.data.build import build
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.errors import DatasetError
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note
from stylebox.core.progress import Progress
from stylebox.core.sources.sidecar import Sidecar, sidecar_path, write_sidecar

NAMES = ("piano/one.wav", "piano/two.wav", "violin/one.wav", "violin/album/two.wav")


class Killed(BaseException):
    """Stands for SIGKILL: nothing cleans up after it."""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in NAMES:
        write_recording(tmp_path / "sources", name)
    return tmp_path / "sources"


def test_a_build_holds_every_recording(sources: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    report = build(sources, tmp_path / "dataset", jobs=1, progress=seen.append)
    dataset = Dataset.open(tmp_path / "dataset")
    assert {r.source for r in dataset.recordings} == set(NAMES)
    assert dataset.instruments == ("piano", "violin")
    assert report.made == 4
    assert report.recordings == {"piano": 2, "violin": 2}
    assert report.skipped == ()
    assert report.seconds["piano"]["train"] == pytest.approx(2, abs=0.05)
    assert [p.done for p in seen if p.task == "building"] == [1, 2, 3, 4]


def test_arrays_are_what_the_front_end_makes(sources: Path, tmp_path: Path) -> None:
    build(sources, tmp_path / "dataset", jobs=1)
    dataset = Dataset.open(tmp_path / "dataset")
    recording = dataset.recordings[0]
    audio, gain_db = normalise_loudness(load_audio(sources / recording.source), SAMPLE_RATE)
    mel = MelSpectrogram(MelConfig())(torch.from_numpy(audio)).T
    assert recording.gain_db == pytest.approx(gain_db, abs=1e-3)
    assert recording.loudness_db + recording.gain_db == pytest.approx(LOUDNESS_DB, abs=0.5)
    assert recording.samples == len(audio)
    assert recording.seconds == pytest.approx(2)
    half_a_level = 1 / 255
    assert (uint8_to_mel(dataset.mel(recording)) - mel).abs().max() <= half_a_level + 1e-5
    half_a_step = 0.5 * 4 / 32768
    kept = int16_to_audio(dataset.audio(recording))
    assert np.abs(kept - audio).max() <= half_a_step + 1e-7
    assert loudness_db(kept, SAMPLE_RATE) == pytest.approx(LOUDNESS_DB, abs=0.1)


def test_mel_in_blocks_is_the_mel_of_the_whole() -> None:
    audio = melody(3.3, seed=1)
    whole = mel_to_uint8(MelSpectrogram(MelConfig())(torch.from_numpy(audio))).T.astype(int)
    for block_frames in (1, 7, 50, 1000):
        blocks = mel_in_blocks(audio, MelConfig(), block_frames).astype(int)
        assert blocks.shape == whole.shape
        assert np.abs(blocks - whole).max() <= 1  # float rounding at the edge of a level
        assert np.mean(blocks != whole) < 1e-3


def test_a_build_does_not_depend_on_file_order_or_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_recording(tmp_path / "sources", "piano/copy.wav", seed=5)
    write_recording(tmp_path / "sources", "piano/also.wav", seed=5)
    for name in NAMES:
        write_recording(tmp_path / "sources", name)
    first = build(tmp_path / "sources", tmp_path / "first", jobs=1)
    listing = Path.rglob

    def shuffled(self: Path, pattern: str) -> list[Path]:
        paths = sorted(listing(self, pattern))
        random.Random(1).shuffle(paths)
        return paths

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rglob", shuffled)
        second = build(tmp_path / "sources", tmp_path / "second", jobs=2)
    assert tree(tmp_path / "first") == tree(tmp_path / "second")
    assert first.skipped == second.skipped


def test_wav_flac_m4a_and_stereo_build_together(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    write_recording(sources, "piano/one.flac")
    stereo = np.stack([melody(2, 1, 44100), melody(2, 2, 44100)], axis=1)
    soundfile.write(sources / "piano" / "two.wav", stereo, 44100)
    with av.open(str(sources / "piano" / "three.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(melody(2, 3, 44100)[None], format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    report = build(sources, tmp_path / "dataset", jobs=1)
    assert report.skipped == ()
    assert [r.seconds for r in Dataset.open(tmp_path / "dataset").recordings] == pytest.approx([2] * 3, abs=0.1)


def test_what_cannot_be_used_is_skipped_and_reported(sources: Path, tmp_path: Path) -> None:
    (sources / "piano" / "bad.mp3").write_bytes(b"this is no music" * 50)
    (sources / "piano" / "readme.txt").write_text("not sound, and not taken for it")
    write_recording(sources, "piano/short.wav", seconds=0.3)
    soundfile.write(sources / "piano" / "silent.wav", np.zeros(SAMPLE_RATE * 2), SAMPLE_RATE)
    write_recording(sources, "violin/zz_copy.wav", seed=sum(b"piano/one.wav"))
    sidecar_path(write_recording(sources, "violin/sidecar.wav")).write_text("{broken")
    write_recording(sources, "stray.wav")
    report = build(sources, tmp_path / "dataset", jobs=1)
    assert {s.source: s.kind for s in report.skipped} == {
        "piano/bad.mp3": "broken",
        "piano/short.wav": "short",
        "piano/silent.wav": "silent",
        "stray.wav": "misplaced",
        "violin/sidecar.wav": "broken",
        "violin/zz_copy.wav": "duplicate",
    }
    assert {s.source for s in report.broken} == {"piano/bad.mp3", "violin/sidecar.wav"}
    assert all(Path(s.source).stem in s.reason and "\n" not in s.reason for s in report.skipped)
    assert {r.source for r in Dataset.open(tmp_path / "dataset").recordings} == set(NAMES)


def test_suspicious_recordings_are_named_at_every_build(sources: Path, tmp_path: Path) -> None:
    loud = np.clip(melody(2, 1) * 20, -1, 1)
    soundfile.write(sources / "piano" / "clipped.wav", loud, SAMPLE_RATE)
    rest = np.concatenate([melody(1, 2), np.zeros(SAMPLE_RATE * 2, np.float32)])
    soundfile.write(sources / "violin" / "rest.wav", rest, SAMPLE_RATE)
    first, second = (build(sources, tmp_path / "dataset", jobs=1).warnings for _ in range(2))
    assert first == second
    assert len(first) == 2
    assert "clipped.wav" in first[0]
    assert "clipped" in first[0].split(": ")[1]
    assert "rest.wav" in first[1]
    assert "silence" in first[1]


def test_a_recording_is_used_whatever_its_midi_file_holds(sources: Path, tmp_path: Path) -> None:
    (sources / "piano" / "one.mid").write_bytes(b"no MIDI")
    drums = mido.MidiTrack([mido.Message("note_on", channel=9, note=36), mido.Message("note_on", note=60)])
    mido.MidiFile(tracks=[drums]).save(sources / "piano" / "two.MID")
    warnings = build(sources, tmp_path / "dataset", jobs=1).warnings
    dataset = Dataset.open(tmp_path / "dataset")
    assert {r.source: r.has_notes for r in dataset.recordings if r.has_notes} == {"piano/two.wav": True}
    assert len(dataset.recordings) == len(NAMES)
    assert "one.wav: its notes are not used: " in warnings[0]
    assert "two.MID: 1 note left out: drums" in warnings[1]


def test_a_midi_file_without_notes_does_not_say_that_a_recording_has_none(sources: Path, tmp_path: Path) -> None:
    write_midi(sources / "piano" / "one.mid", [])
    drums = mido.MidiTrack([mido.Message("note_on", channel=9, note=36)])
    mido.MidiFile(tracks=[drums]).save(sources / "piano" / "two.mid")
    warnings = build(sources, tmp_path / "dataset", jobs=1).warnings
    assert not any(recording.has_notes for recording in Dataset.open(tmp_path / "dataset").recordings)
    assert re.search(r"its notes are not used: .*one\.mid: has none; export it again or delete it", warnings[0])
    assert re.search(r"its notes are not used: .*two\.mid: has none \(1 note left out: drums", warnings[1])


def test_a_recording_may_have_the_longest_name_that_a_folder_holds(sources: Path, tmp_path: Path) -> None:
    """The names of its sidecar and of most kinds of notes would be too long."""
    write_recording(sources, f"piano/{252 * 'n'}.au", seed=77)
    report = build(sources, tmp_path / "dataset", jobs=1)
    assert not report.skipped
    assert len(Dataset.open(tmp_path / "dataset").recordings) == len(NAMES) + 1


def test_nothing_to_build_from_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        build(tmp_path / "nowhere", tmp_path / "dataset", jobs=1)
    (tmp_path / "sources" / "piano").mkdir(parents=True)
    with pytest.raises(DatasetError, match="no recordings"):
        build(tmp_path / "sources", tmp_path / "dataset", jobs=1)
    (tmp_path / "sources" / "piano" / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(DatasetError, match=rf"1 recording in it lie.* name the folder above, {tmp_path / 'sources'}$"):
        build(tmp_path / "sources" / "piano", tmp_path / "dataset", jobs=1)
    with pytest.raises(DatasetError, match=r"bad\.wav: is a file, not a folder; name the folder that holds"):
        build(tmp_path / "sources" / "piano" / "bad.wav", tmp_path / "dataset", jobs=1)
    with pytest.raises(DatasetError, match=r"none of 1 files is usable.*bad\.wav"):
        build(tmp_path / "sources", tmp_path / "dataset", jobs=1)
    assert not (tmp_path / "dataset").exists()


def test_a_dataset_that_cannot_be_written_is_named(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mels").write_text("in the way")
    with pytest.raises(DatasetError, match="dataset: cannot be written"):
        build(sources, tmp_path / "dataset", jobs=1)


def test_only_what_changed_is_made_again(sources: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    build(sources, folder, jobs=1)
    before = {p: p.stat().st_mtime_ns for p in folder.glob("*/*")}
    assert build(sources, folder, jobs=1).made == 0
    assert {p: p.stat().st_mtime_ns for p in folder.glob("*/*")} == before

    write_recording(sources, "piano/one.wav", seed=99)
    report = build(sources, folder, jobs=1)
    assert (report.made, report.removed) == (1, 1)

    (sources / "violin" / "one.wav").unlink()
    report = build(sources, folder, jobs=1)
    assert (report.made, report.removed) == (0, 1)

    build(sources, tmp_path / "fresh", jobs=1)
    assert tree(folder) == tree(tmp_path / "fresh")


def test_posteriors_of_recordings_that_left_go_with_them(sources: Path, tmp_path: Path) -> None:
    folder, outside = tmp_path / "dataset", tmp_path / "outside"
    build(sources, folder, jobs=1)
    outside.mkdir()
    content = folder / "content" / "0123456789ab"
    content.mkdir(parents=True)
    (folder / "content" / "0a0a0a0a0a0a").symlink_to(outside)
    moved = (folder / "audio").rename(tmp_path / "audio")
    (folder / "audio").symlink_to(moved)
    stems = {path.stem for path in (folder / "mels").iterdir()}
    mine = [folder / "mels" / "take.npy", content / "notes.txt", *(outside / f"{stem}.npy" for stem in stems)]
    mine += moved.iterdir()
    for path in (*mine, *(content / f"{stem}.npy" for stem in stems)):
        path.touch()
    (sources / "violin" / "one.wav").unlink()
    assert build(sources, folder, jobs=1).removed == 1
    left = {path.stem for path in content.glob("*.npy")}
    assert left == {path.stem for path in (folder / "built").iterdir()}
    assert len(left) == len(stems) - 1
    assert all(path.exists() for path in mine)


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda data: b"\x93NUMPY" + data[7:90] + b"#" + data[91:]])
def test_a_damaged_array_is_made_again(sources: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    folder = tmp_path / "dataset"
    build(sources, folder, jobs=1)
    whole = tree(folder)
    path = next((folder / "mels").iterdir())
    path.write_bytes(damage(path.read_bytes()))
    assert build(sources, folder, jobs=1).made == 1
    assert tree(folder) == whole


def test_other_settings_rebuild_everything(sources: Path, tmp_path: Path) -> None:
    build(sources, tmp_path / "dataset", jobs=1)
    report = build(sources, tmp_path / "dataset", mel=MelConfig(floor_db=-60), jobs=1)
    assert (report.made, report.removed) == (4, 4)
    assert Dataset.open(tmp_path / "dataset").mel_config.floor_db == -60


def test_what_lies_beside_a_recording_is_kept(sources: Path, tmp_path: Path) -> None:
    path = sources / "piano" / "one.wav"
    build(sources, tmp_path / "dataset", jobs=1)
    facts = Sidecar(title="Une pièce", url="https://example.org/a", license="CC0", score="s1", timbre="piano/x")
    write_sidecar(path, facts.model_copy(update={"transpose": -12}))
    assert build(sources, tmp_path / "dataset", jobs=1).made == 0
    notes = [Note(0.0, 0.5, 60, 0.5), Note(0.5, 1.0, 64, 0.5)]
    write_midi(path.with_suffix(".mid"), notes)
    assert build(sources, tmp_path / "dataset", jobs=1).made == 1
    dataset = Dataset.open(tmp_path / "dataset")
    recording = next(r for r in dataset.recordings if r.source == "piano/one.wav")
    assert (recording.title, recording.url, recording.license) == (
        "Une pièce",
        "https://example.org/a",
        "CC0",
    )
    assert (recording.score, recording.transpose, recording.timbre) == ("s1", -12, "piano/x")
    kept = dataset.notes(recording)
    assert kept is not None
    np.testing.assert_allclose(kept, np.array([note[:4] for note in notes]), atol=0.01)
    other = next(r for r in dataset.recordings if r.source == "piano/two.wav")
    assert (other.title, other.url, dataset.notes(other)) == ("two", None, None)


def test_a_killed_build_leaves_the_earlier_dataset_and_then_completes_identically(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(sources, tmp_path / "earlier", jobs=1)
    write_recording(sources, "piano/one.wav", seed=99)
    (sources / "violin" / "one.wav").unlink()
    write_recording(sources, "harp/new.wav")
    build(sources, tmp_path / "undisturbed", jobs=1)
    for writes in itertools.count():
        folder = tmp_path / f"killed_after_{writes}"
        for name, content in tree(tmp_path / "earlier").items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        if not _killed_after(writes, sources, folder, monkeypatch):
            break
        dataset = Dataset.open(folder)
        assert {r.source for r in dataset.recordings} == set(NAMES)
        assert all(len(dataset.mel(r)) == r.frames for r in dataset.recordings)
        build(sources, folder, jobs=1)
        assert tree(folder) == tree(tmp_path / "undisturbed")
    assert writes == 2 * 3 + 1  # two recordings of three files each, and the manifest


def _killed_after(writes: int, sources: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Build, and die at the moment when the next file would get its name. Says whether it came to that."""
    replace, left = Path.replace, [writes]

    def replace_or_die(self: Path, target: Path) -> Path:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return replace(self, target)

    def keep(self: Path, missing_ok: bool = False) -> None:
        """The dead delete nothing."""

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_or_die)
        patch.setattr(Path, "unlink", keep)
        try:
            build(sources, folder, jobs=1)
        except Killed:
            return True
    return False


def test_a_recording_counts_for_its_limit_only(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        write_recording(tmp_path / "sources", f"piano/{name}.wav", seconds=6)
    build(tmp_path / "sources", tmp_path / "dataset", jobs=1, max_minutes=0.05)
    dataset = Dataset.open(tmp_path / "dataset")
    for recording in dataset.recordings:
        assert (recording.start_frame, recording.stop_frame) == (0, int(3 * MelConfig().frames_per_second))
        assert len(dataset.mel(recording)) == recording.frames > recording.stop_frame


def test_an_only_recording_is_split_by_time_and_the_report_says_so(tmp_path: Path) -> None:
    write_recording(tmp_path / "sources", "piano/long.wav", seconds=40)
    write_recording(tmp_path / "sources", "violin/brief.wav", seconds=5)
    report = build(tmp_path / "sources", tmp_path / "dataset", jobs=1)
    assert len(report.remarks) == 2
    assert "piano: only one recording" in report.remarks[0]
    assert "split by time" in report.remarks[0]
    assert "violin: only one recording" in report.remarks[1]
    assert "too short" in report.remarks[1]
    assert report.recordings == {"piano": 1, "violin": 1}
    dataset = Dataset.open(tmp_path / "dataset")
    piano = [r for s in ("train", "valid", "test") for r in dataset.split(s) if r.instrument == "piano"]
    assert [r.split for r in piano] == ["train", "valid", "test"]
    assert len({r.id for r in dataset.recordings}) == len(dataset.recordings)
    for before, after in itertools.pairwise(piano):
        assert after.start_frame - before.stop_frame >= 3 * MelConfig().frames_per_second
    assert piano[0].used_frames > 0.75 * 34 * MelConfig().frames_per_second


def test_one_instrument_in_several_folders_is_remarked(tmp_path: Path) -> None:
    for number, folder in enumerate(("Violin", "violín", "Geige", "viola", "reed pipe", "Reed-Pipe")):
        write_recording(tmp_path / "sources", f"{folder}/{number}.wav")
    remarks = [line for line in build(tmp_path / "sources", tmp_path / "dataset", jobs=1).remarks if "folders" in line]
    assert remarks == [
        "the folders 'Geige' and 'Violin' and 'violín' count as 3 instruments; give them one name if they are one",
        "the folders 'Reed-Pipe' and 'reed pipe' count as 2 instruments; give them one name if they are one",
    ]
