"""Guidance pulls towards the style and strength away from the draft: measured with the model that ships."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from torch import Tensor

from stylebox.core import device
from stylebox.core.audio.io.read import load_audio
from stylebox.core.evaluation.metrics.instrument import instrument_probabilities
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.draft import draft
from stylebox.core.pipeline.options import Settings, TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.vocode import mel_to_audio
from stylebox.core.store import library

PIANO = Path(__file__).parents[2] / "examples" / "piano.flac"
RATE, SECONDS = 44100, 3


@cache
def pipeline() -> BasePipeline:
    return BasePipeline("base", "cpu")


@cache
def content() -> Content:
    """The first seconds of the example, an octave higher: in the range of flute and violin."""
    return pipeline().transcribe(load_audio(PIANO, RATE)[: SECONDS * RATE]).transposed(12)


def draft_in(style: str) -> Tensor:
    return draft(pipeline().draft_network, content(), pipeline().named_styles[style])


def settings(style: str) -> Settings:
    return replace(pipeline().resolve(TransferOptions(style, seed=1)), steps=4)


@pytest.mark.parametrize("style", ["flute", "violin"])
def test_guidance_moves_a_piano_draft_towards_the_style(style: str) -> None:
    """The mean spectrum nears that of the style's own draft, and the classifier names the style more surely."""
    target, named = draft_in(style), pipeline().named_styles[style]
    distances, probabilities = [], []
    for guidance in (0.0, 1.0, 2.0, 4.0):
        chosen = replace(settings(style), guidance=guidance, strength=1.0)
        mel = pipeline().refiner.refine(draft_in("piano"), content(), named, chosen)
        audio = mel_to_audio(
            mel, content(), pipeline().mel_config, SECONDS * RATE, method="neural", vocoder=pipeline().vocoder
        )
        distances.append(float((mel.mean(1) - target.mean(1)).abs().mean()))
        probabilities.append(instrument_probabilities(library.shipped_classifier(), audio, RATE)[style])
    assert all(nearer < farther for farther, nearer in pairwise(distances)), distances
    assert all(surer > less_sure for less_sure, surer in pairwise(probabilities)), probabilities
    assert probabilities[-1] > 3 * probabilities[1]


@pytest.mark.parametrize("style", ["flute", "guitar"])
def test_a_lower_strength_stays_nearer_to_the_draft(style: str) -> None:
    start, named = draft_in(style), pipeline().named_styles[style]
    distances = []
    for strength in (0.2, 0.6, 1.0):
        mel = pipeline().refiner.refine(start, content(), named, replace(settings(style), strength=strength))
        distances.append(float((mel - start).abs().mean()))
    assert distances == sorted(distances)
    assert distances[0] < 0.7 * distances[-1]


def test_bfloat16_changes_a_latent_by_little_and_leaves_quiet_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies at the floor of the mel is silent: a decoder that rounds would silence what is a little above it."""

    def autoencoded(in_bfloat16: bool) -> Tensor:
        monkeypatch.setattr(device, "computes_in_bfloat16", lambda _: in_bfloat16)
        refiner = pipeline().refiner
        return refiner.decode(refiner.encode(start), start.shape[1])

    start = draft_in("piano")
    exact, rough = autoencoded(False), autoencoded(True)
    assert 0 < (rough - exact).pow(2).mean() < 0.05 * (exact - start).pow(2).mean()
    quiet = (exact < -0.9) & (exact > -0.99)  # 4 dB and less above the floor
    assert (rough - exact)[quiet].abs().mean() < 0.002
    assert abs(float((rough <= -1).float().mean() - (exact <= -1).float().mean())) < 0.01  # 0.006 with PyTorch 2.4


def test_bfloat16_finds_the_same_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    def notes(in_bfloat16: bool) -> list[int]:
        monkeypatch.setattr(device, "computes_in_bfloat16", lambda _: in_bfloat16)
        return [note.pitch for note in pipeline().transcribe(load_audio(PIANO, RATE)[: SECONDS * RATE]).notes]

    assert notes(True) == notes(False)
