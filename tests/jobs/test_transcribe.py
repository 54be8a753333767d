"""`stylebox transcribe`: what is found in tones is known; what a batch writes, skips and reports."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from support.command_result import CommandResult
from support.models import SAMPLE_RATE, tones

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import MelConfig
from stylebox.core.errors import AudioError
from stylebox.core.jobs import input_file
from stylebox.core.jobs.pipelines import load_pipeline
from stylebox.core.jobs.transcribe import transcribe_files
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.notes import Note
from stylebox.core.pipeline import transcribe as transcribing
from stylebox.core.pipeline.recording import ArrayRecording, MonoSource
from stylebox.core.pipeline.transcribe import transcribe
from stylebox.core.pipeline.transcription import Transcription
from stylebox.core.pipeline.work import Work
from stylebox.core.store import library

STEPS = [(0.2 + 0.5 * i, pitch) for i, pitch in enumerate((60, 64, 67, 72, 67, 64))]
MEL = MelConfig()


def played(velocities: list[float]) -> np.ndarray:
    notes = [Note(at, at + 0.45, pitch, velocity) for (at, pitch), velocity in zip(STEPS, velocities, strict=True)]
    return tones(notes, 3.4, (1.0, 0.5, 0.25, 0.12, 0.06))


def found_in(audio: np.ndarray) -> Transcription:
    source = MonoSource(ArrayRecording(audio, SAMPLE_RATE), SAMPLE_RATE)
    score = transcribe(source, library.load_content_encoder("base"), MelSpectrogram(MEL), Work())
    return Transcription.of(score, MEL.frames_per_second, len(audio) / SAMPLE_RATE)


def test_notes_of_tones_are_found_with_velocities_that_follow_their_loudness(tmp_path: Path) -> None:
    rising = [0.1, 0.17, 0.28, 0.45, 0.7, 1.0]
    up, down = found_in(played(rising)), found_in(played(rising[::-1]))
    for found in (up, down):
        assert [note.pitch for note in found.notes] == [pitch for _, pitch in STEPS]
        assert [note.start_seconds for note in found.notes] == pytest.approx([at for at, _ in STEPS], abs=0.04)
    heard = [note.velocity for note in up.notes]
    assert heard == sorted(heard)
    assert all(a.velocity > b.velocity for a, b in zip(up.notes[3:], down.notes[3:], strict=True))
    up.save(tmp_path / "up.mid")
    assert [note.velocity for note in read_midi(tmp_path / "up.mid").notes] == pytest.approx(heard, abs=0.005)


def test_a_louder_recording_of_the_same_notes_has_higher_velocities() -> None:
    soft, loud = (found_in(np.float32(gain) * played([0.5] * 6)).notes for gain in (0.1, 1.0))
    assert [note.pitch for note in soft] == [note.pitch for note in loud]
    assert all(a.velocity < b.velocity for a, b in zip(soft, loud, strict=True))


def test_a_detuned_recording_is_bent_in_the_file(tmp_path: Path) -> None:
    audio = played([0.8] * 6)
    places = np.arange(0, len(audio) - 1, 2 ** (25 / 1200))
    found = found_in(np.interp(places, np.arange(len(audio)), audio).astype(np.float32))
    assert [note.cents for note in found.notes] == pytest.approx([25] * 6, abs=4)
    found.save(tmp_path / "bent.mid")
    found.save(tmp_path / "plain.mid", bends=False)
    assert [note.cents for note in read_midi(tmp_path / "bent.mid").notes] == pytest.approx([25] * 6, abs=6)
    assert [note.cents for note in read_midi(tmp_path / "plain.mid").notes] == [0] * 6
    assert not any(message.type == "pitchwheel" for message in mido.MidiFile(tmp_path / "plain.mid"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.wav", "a.flac", "deep/b.wav"):
        soundfile.write(tmp_path / "in" / name, played([0.8] * 6)[: 2 * SAMPLE_RATE], SAMPLE_RATE)
    (tmp_path / "in" / "bad.wav").write_bytes(b"no sound")
    return tmp_path / "in"


def test_a_batch_keeps_folders_and_goes_on_past_a_bad_file(tiny_home: Path, folder: Path, tmp_path: Path) -> None:
    pipeline = load_pipeline("tiny")
    batch = transcribe_files([folder], tmp_path / "out", pipeline)
    made = ["a.flac.mid", "a.wav.mid", "deep/b.mid"]
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.mid")) == made
    assert len(batch.failed) == 1
    assert "bad.wav" in batch.failed[0]
    assert all(report.seconds == pytest.approx(2) for report in batch.done)
    again = transcribe_files([folder], tmp_path / "out", pipeline)
    assert (again.done, len(again.skipped)) == ([], 3)
    assert len(transcribe_files([folder], tmp_path / "out", pipeline, force=True).done) == 3
    with pytest.raises(AudioError, match=r"notes\.mid: is not a folder"):
        transcribe_files([folder], tmp_path / "notes.mid", pipeline)


def test_recordings_with_names_as_long_as_a_file_may_have_are_transcribed(tiny_home: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for end in "ab":
        soundfile.write(tmp_path / "in" / f"{'x' * 249}{end}.wav", played([0.8] * 6)[:SAMPLE_RATE], SAMPLE_RATE)
    batch = transcribe_files([tmp_path / "in"], tmp_path / "out", load_pipeline("tiny"))
    assert batch.failed == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{'x' * 236}.mid", f"{'x' * 234}-2.mid"}


def test_a_long_recording_is_transcribed_in_parts_and_goes_on_after_a_kill(
    tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcribing, "PART_SECONDS", 0.5)
    pipeline, source = load_pipeline("tiny"), tmp_path / "long.wav"
    soundfile.write(source, played([0.8] * 6), SAMPLE_RATE)
    transcribe_files([source], tmp_path / "short.mid", pipeline)
    monkeypatch.setattr(input_file, "KEPT_SECONDS", 1.0)
    encode, encoded = transcribing._encode, 0  # noqa: SLF001 (a part of a recording)

    def killed(*args: Any) -> Any:
        nonlocal encoded
        encoded += 1
        if encoded == 3:
            raise KeyboardInterrupt
        return encode(*args)

    monkeypatch.setattr(transcribing, "_encode", killed)
    with pytest.raises(KeyboardInterrupt):
        transcribe_files([source], tmp_path / "long.mid", pipeline)
    assert (tmp_path / ".long.mid.work").is_dir()
    (report,) = transcribe_files([source], tmp_path / "long.mid", pipeline).done
    assert report.seconds == pytest.approx(3.4, abs=0.01)
    assert encoded == 8  # of seven parts, the third twice
    assert (tmp_path / "long.mid").read_bytes() == (tmp_path / "short.mid").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*long*")) == ["long.mid", "long.wav"]
    assert not (tmp_path / ".long.mid.work").exists()


def test_what_cannot_be_written_is_refused(tiny_home: Path, folder: Path, tmp_path: Path) -> None:
    pipeline = load_pipeline("tiny")
    for name, reason in (("notes.txt", "end its name with"), ("notes.mid", "use --force")):
        (tmp_path / "notes.mid").write_text("kept")
        assert reason in transcribe_files([folder / "a.wav"], tmp_path / name, pipeline).failed[0]
    assert (tmp_path / "notes.mid").read_text() == "kept"


def test_the_command_prints_files_or_json(
    run: Callable[..., CommandResult], tiny_home: Path, folder: Path, tmp_path: Path
) -> None:
    command = ("transcribe", folder / "a.wav", "--model", "tiny", "--device", "cpu")
    code, out, err = run(*command)
    assert (code, out) == (0, "a.mid\n")
    assert "a.wav: 2.0 s, " in err
    code, out, _ = run(*command, "-o", "b.mid", "--json", "--no-bends")
    (report,) = json.loads(out)["done"]
    assert (code, report["output"], report["seconds"]) == (0, "b.mid", pytest.approx(2))
    assert len(report["notes"]) == len(read_midi(Path("b.mid")).notes)
    assert all(set(note) == {"start", "end", "pitch", "velocity", "cents"} for note in report["notes"])
