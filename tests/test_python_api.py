"""The Python API: quick to import, the same sounds as the command line, and a page whose code runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

import stylebox
from stylebox.core.jobs.array_recording import array_recording
from stylebox.core.jobs.pipelines import load_pipeline
from stylebox.core.jobs.transfer import transfer_files
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.midi.write import write_midi
from stylebox.core.pipeline.options import TransferOptions

ROOT = Path(stylebox.__file__).parents[1]
PAGE = ROOT / "docs" / "python-api.md"
TUNE = [stylebox.Note(0.0, 0.5, 60), stylebox.Note(0.5, 1.5, 67)]


@pytest.fixture
def recording() -> np.ndarray:
    return tones(melody(40, 1.3), 1.3, PARTIALS["reed"])


@pytest.fixture
def model(tiny_home: Path) -> stylebox.Model:
    return stylebox.load("tiny")


def test_import_is_quick_and_imports_no_torch() -> None:
    """The least of five: a busy machine makes one slow."""
    code = (
        "import sys, time; t = time.perf_counter(); import stylebox; print(time.perf_counter() - t);"
        "assert not {'torch', 'numpy', 'librosa'} & set(sys.modules)"
    )
    seconds = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    assert min(seconds) < 0.05


def test_every_public_name_is_there() -> None:
    assert all(hasattr(stylebox, name) for name in stylebox.__all__)
    assert (ROOT / "stylebox" / "py.typed").is_file()
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        stylebox.lod  # noqa: B018


def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    """All blocks in order, as one program, in a folder that has the example."""
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "piano.flac", tmp_path / "examples")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "theremin" in ended.stdout
    assert soundfile.info(tmp_path / "violin.wav").frames == soundfile.info(tmp_path / "examples/piano.flac").frames
    assert soundfile.info(tmp_path / "random.flac").duration == 2.0


def test_a_saved_result_is_the_commands_file(model: stylebox.Model, recording: np.ndarray, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", recording, SAMPLE_RATE)
    options = TransferOptions("string", seed=3)
    assert not transfer_files([tmp_path / "in.wav"], tmp_path / "command.wav", options, load_pipeline("tiny")).failed
    result = model.transfer(tmp_path / "in.wav", style="string", seed=3)
    result.save(str(tmp_path / "api.wav"))
    assert (tmp_path / "api.wav").read_bytes() == (tmp_path / "command.wav").read_bytes()
    assert (result.seed, result.style, result.model) == (3, "string", "tiny")


def test_arrays_are_files(model: stylebox.Model, recording: np.ndarray, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", recording, SAMPLE_RATE, subtype="FLOAT")
    from_file = model.transfer(str(tmp_path / "in.wav"), style="reed", seed=1).audio
    both = np.stack([recording, recording], 1)
    for array in (recording, recording.astype(np.float64)):
        made = model.transfer(array, sample_rate=SAMPLE_RATE, style="reed", seed=1).audio
        assert np.array_equal(made, from_file)
    wide = model.transfer(both, sample_rate=SAMPLE_RATE, style="reed", seed=1).audio
    assert np.array_equal(wide, np.stack([from_file, from_file], 1))
    folded = model.transfer(both, sample_rate=SAMPLE_RATE, style="reed", seed=1, mono=True, output_rate=48000)
    assert folded.audio.shape == (round(len(recording) * 48000 / SAMPLE_RATE),)
    slow = model.transfer(recording[::2], sample_rate=SAMPLE_RATE // 2, style="reed", seed=1)
    assert slow.seconds == pytest.approx(len(recording) / SAMPLE_RATE, abs=1e-3)


@pytest.mark.parametrize(
    ("array", "sample_rate", "reason"),
    [
        (np.zeros(100), None, "sample_rate"),
        (np.zeros(0), SAMPLE_RATE, r"not \(0,\)"),
        (np.zeros((2, 2, 2)), SAMPLE_RATE, "not"),
        (np.full(100, np.nan), SAMPLE_RATE, "finite"),
        (np.zeros((2, 100)), SAMPLE_RATE, r"not \(2, 100\); give its transpose"),
        (np.zeros(100), 0, "sample_rate 0 is no rate"),
        (np.zeros(100), "44100", "sample_rate '44100' is no rate"),
        (np.zeros(100, complex), SAMPLE_RATE, "not ndarray"),
        (None, SAMPLE_RATE, "not NoneType"),
        (b"RIFF", SAMPLE_RATE, "not bytes"),
        ([[0.0], [0.0, 0.0]], SAMPLE_RATE, "not list"),
    ],
)
def test_an_array_that_is_no_sound_is_refused(array: Any, sample_rate: Any, reason: str) -> None:
    with pytest.raises(stylebox.StyleboxError, match=reason):
        array_recording(array, sample_rate)


def test_integers_are_samples_as_wav_files_hold_them() -> None:
    sound = np.array([0.0, 0.5, -1.0, 0.25], np.float32)
    for kind, full, middle in (("i2", 2**15, 0), ("i4", 2**31, 0), ("u1", 128, 128)):
        whole = (sound * full + middle).astype(kind)
        np.testing.assert_array_equal(array_recording(whole, 44100).audio, sound)


def test_notes_and_a_midi_file_sound_the_same(model: stylebox.Model, tmp_path: Path) -> None:
    write_midi(tmp_path / "tune.mid", TUNE)
    as_filed = read_midi(tmp_path / "tune.mid").notes  # with the file's own rounding
    from_notes = model.generate(style="string", notes=as_filed, seed=1)
    from_file = model.generate(style="string", notes=tmp_path / "tune.mid", seed=1)
    assert np.array_equal(from_notes.audio, from_file.audio)
    assert from_notes.seconds == pytest.approx(2.5, abs=0.01)
    assert model.generate(style="string", seconds=1.0).seconds == pytest.approx(1.0, abs=0.01)
    with pytest.raises(ValueError, match="not both"):
        model.generate(style="string", notes=TUNE, seconds=1.0)
    with pytest.raises(stylebox.StyleboxError, match="no notes"):
        model.generate(style="string", notes=[])


def test_a_transcription_has_frames_and_notes(model: stylebox.Model, recording: np.ndarray) -> None:
    found = model.transcribe(recording, sample_rate=SAMPLE_RATE)
    content = found.content
    frames = 1 + len(recording) // 512
    assert content.frame.shape == content.onset.shape == content.cents.shape == (88, frames)
    assert content.dynamics.shape == (frames,)
    assert all(21 <= note.pitch <= 108 for note in found.notes)
    assert len(found.bends) == len(found.notes)
    found.save("found.mid")
    assert len(read_midi(Path("found.mid")).notes) == len(found.notes)


def test_lists(model: stylebox.Model) -> None:
    assert model.styles == [style.name for style in stylebox.list_styles("tiny")] == ["reed", "string"]
    assert {"base", "tiny"} <= {known.name for known in stylebox.list_models()}
    assert (model.name, model.sample_rate) == ("tiny", SAMPLE_RATE)
    with pytest.raises(stylebox.StyleboxError, match="nowhere"):
        stylebox.load("nowhere")
