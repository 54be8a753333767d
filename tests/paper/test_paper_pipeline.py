"""The paper's pipeline with untrained networks: length, level, seeds, and options that it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from stylebox.core.audio.loudness import loudness_db
from stylebox.core.config import load_preset
from stylebox.core.errors import ModelError
from stylebox.core.paper.model import PaperModel
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, StyleEncoder
from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.score import NoteScore
from stylebox.core.pipeline.work import Work


@pytest.fixture(scope="module")
def model() -> PaperModel:
    preset = load_preset("paper")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = PaperAutoencoder().eval(), StyleEncoder().eval(), PaperUNet().eval()
    clip = torch.linspace(-1, 0.5, 128).expand(preset.mel.n_mels, 128)
    return PaperModel(*networks, preset.paper, preset.mel, {"reed": clip})


@pytest.fixture
def pipeline(model: PaperModel, monkeypatch: pytest.MonkeyPatch) -> PaperPipeline:
    monkeypatch.setattr("stylebox.core.paper.pipeline.load_paper_model", lambda *_, **__: model)
    return PaperPipeline("paper")


def tone(pipeline: PaperPipeline, seconds: float = 1.5) -> np.ndarray:
    rate = pipeline.sample_rate
    return (0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def test_length_and_loudness_are_the_inputs_and_the_seed_decides(pipeline: PaperPipeline) -> None:
    audio = tone(pipeline)
    first, again, other = (pipeline.transfer(audio, TransferOptions("reed", steps=1, seed=s)) for s in (1, 1, 2))
    assert first.audio.shape == audio.shape
    assert loudness_db(first.audio, pipeline.sample_rate) == pytest.approx(
        loudness_db(audio, pipeline.sample_rate), abs=1.0
    )
    assert np.array_equal(first.audio, again.audio)
    assert not np.array_equal(first.audio, other.audio)
    assert (first.seed, first.transpose, first.notes, first.moved) == (1, 0, [], None)
    assert first.settings.vocoder == "griffin-lim"


def test_silence_stays_silent(pipeline: PaperPipeline) -> None:
    made = pipeline.transfer(np.zeros(20_000, np.float32), TransferOptions("reed", steps=1))
    assert not made.audio.any()
    assert "silent" in made.warnings[0]


def test_a_clip_is_a_style(pipeline: PaperPipeline, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "clip.wav", tone(pipeline, 3.0), pipeline.sample_rate)
    made = pipeline.transfer(tone(pipeline), TransferOptions(str(tmp_path / "clip.wav"), steps=1, seed=1))
    assert made.audio.any()
    with pytest.raises(ModelError, match="theremin"):
        pipeline.transfer(tone(pipeline), TransferOptions("theremin", steps=1))


@pytest.mark.parametrize(
    "asked",
    [
        {"transpose": 12},
        {"vocoder": "neural"},
        {"guidance": 2.0},
        {"follow": 1.0},
        {"bend": 1.0},
        {"vibrato": 1.0},
        {"steps": -1},
        {"strength": 1.5},
    ],
)
def test_options_beyond_these_networks_are_refused(pipeline: PaperPipeline, asked: dict[str, Any]) -> None:
    (name,) = asked
    with pytest.raises(ModelError, match=f"--{name}"):
        pipeline.resolve(TransferOptions("reed", **asked))


def test_it_has_no_notes(pipeline: PaperPipeline) -> None:
    assert not pipeline.has_notes
    with pytest.raises(ModelError, match="preset base"):
        pipeline.transcribe(tone(pipeline))
    with pytest.raises(ModelError, match="preset base"):
        pipeline.play(NoteScore([], 10, 86.0, torch.device("cpu")), TransferOptions("reed"), 4410, Work())
