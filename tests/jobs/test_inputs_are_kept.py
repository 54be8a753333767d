"""What a command reads is never replaced by what it writes, whatever both are called."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stylebox.core.audio.io.write import write_audio
from stylebox.core.errors import StyleboxError
from stylebox.core.jobs.generate import generate_file
from stylebox.core.jobs.outputs import SideOutputs
from stylebox.core.jobs.transcribe import transcribe_file
from stylebox.core.jobs.transfer_file import transfer_file
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

QUICK = TransferOptions("string", seed=7, steps=0, vocoder="harmonic")


@pytest.fixture(scope="module")
def pipeline(trained_home: Path) -> BasePipeline:
    return BasePipeline(str(trained_home / "models" / "tiny"), "cpu")


def test_no_input_is_replaced_by_any_output(pipeline: BasePipeline, tmp_path: Path) -> None:
    """Whatever they are called: the recording, the clip of a style, and the notes that are played."""
    recording, clip = tmp_path / "in.wav", tmp_path / "clip.wav"
    for path in (recording, clip):
        write_audio(path, np.zeros(44100), 44100)
    as_clip = replace(QUICK, style=str(clip))
    lost = "which would be lost; choose another name"
    with pytest.raises(StyleboxError, match=lost):
        transfer_file(recording, clip, as_clip, pipeline, force=True)
    for name, side_output in (("midi", "in.mid"), ("plot", "in.png"), ("report", "in.html")):
        source = tmp_path / side_output
        source.write_bytes(recording.read_bytes())
        with pytest.raises(StyleboxError, match=lost):
            transfer_file(source, tmp_path / "out.wav", QUICK, pipeline, True, SideOutputs(**{name: source}))
        assert source.read_bytes() == recording.read_bytes()
    with pytest.raises(StyleboxError, match=lost):
        transcribe_file(tmp_path / "in.mid", tmp_path / "in.mid", pipeline, force=True)
    notes = tmp_path / "notes.wav"
    write_midi(notes, [Note(0.0, 1.0, 60, 0.8)])
    before = notes.read_bytes()
    with pytest.raises(StyleboxError, match=lost):
        generate_file(notes, QUICK, pipeline, notes=notes, force=True)
    assert notes.read_bytes() == before
