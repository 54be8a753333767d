"""A transfer while the music is played: the transfer of the whole, later by the stated latency, without clicks."""

from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

from stylebox.core.audio.io.read import load_audio
from stylebox.core.errors import AudioError, ModelError
from stylebox.core.pipeline.live import LiveTransfer
from stylebox.core.pipeline.live_rate import at_rate
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

EXAMPLE = Path(__file__).parents[2] / "examples" / "piano.flac"
HOP = 512


def play(live: LiveTransfer, audio: np.ndarray, block: int) -> np.ndarray:
    """All that comes out for some audio, without the latency."""
    padded = np.pad(audio, (0, live.latency_samples))
    blocks = [live.process(padded[start : start + block]) for start in range(0, len(padded), block)]
    return np.concatenate(blocks)[live.latency_samples :]


@pytest.fixture(scope="module")
def shipped() -> BasePipeline:
    return BasePipeline()


@pytest.fixture
def tiny(tiny_home: Path) -> BasePipeline:
    return BasePipeline("tiny")


def reed(seconds: float, seed: int = 40) -> np.ndarray:
    return tones(melody(seed, seconds), seconds, PARTIALS["reed"])


@pytest.mark.parametrize("style", ["flute", "harp"])  # sustained, and struck: with steep attacks
def test_it_is_the_transfer_of_the_whole(shipped: BasePipeline, style: str) -> None:
    audio = load_audio(EXAMPLE, shipped.sample_rate)
    options = TransferOptions(style, steps=0, seed=1, transpose=0)
    whole = shipped.transfer(audio, options).audio
    made = play(LiveTransfer(shipped, options, step_frames=16), audio, 5000)
    assert len(made) == len(whole)
    inner = slice(43, len(audio) // HOP - 43)
    first, second = (shipped.mel_transform(torch.from_numpy(x))[:, inner] for x in (whole, made))
    decibels = 45.0 * (first - second).abs()  # a unit of the mel is 45 dB
    assert float(decibels.mean()) < 1.0  # the same transfer, begun at another moment, differs by about 0.9
    assert float(45.0 * (first.mean(1) - second.mean(1)).abs().mean()) < 0.6

    edges = np.arange(16 * HOP, len(made) - 4096, 16 * HOP)
    jump = np.abs(np.diff(made, 2))
    near = np.concatenate([jump[edge - 64 : edge + 64] for edge in edges])
    assert np.percentile(near, 99) < 1.5 * np.percentile(jump, 99)  # a click is a jump


def test_the_size_of_the_blocks_does_not_matter(tiny: BasePipeline) -> None:
    audio, options = reed(2.0), TransferOptions("string", steps=0, seed=1, transpose=0)
    first, second = (play(LiveTransfer(tiny, options), audio, block) for block in (64, 30_000))
    assert np.array_equal(first, second)


def test_silence_and_numbers_that_are_none_give_silence(tiny: BasePipeline) -> None:
    live = LiveTransfer(tiny, TransferOptions("string", steps=0, seed=1))
    silent = np.zeros(3 * SAMPLE_RATE, np.float32)
    assert not play(live, silent, 4096).any()
    for value in (np.nan, np.inf, 1e38):
        assert not play(live, silent + np.float32(value), 4096).any()


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 48000])
def test_a_block_with_channels_is_refused(rate: int, tiny: BasePipeline) -> None:
    """Their samples would be played one after another."""
    live = at_rate(LiveTransfer(tiny, TransferOptions("string", steps=0)), rate)
    with pytest.raises(AudioError, match=r"a block is mono, \(S,\), not \(100, 2\); mix its channels"):
        live.process(np.zeros((100, 2), np.float32))


def test_the_register_is_chosen_once_and_kept(shipped: BasePipeline) -> None:
    options = TransferOptions("flute", steps=0, seed=1)
    low = np.concatenate([load_audio(EXAMPLE, shipped.sample_rate)[: 2 * SAMPLE_RATE], np.zeros(2 * SAMPLE_RATE)])
    live = LiveTransfer(shipped, options)
    live.process(low)
    chosen = live.transpose
    assert chosen is not None
    live.process(low * 0.5)
    assert live.transpose == chosen
    asked = LiveTransfer(shipped, TransferOptions("flute", steps=0, seed=1, transpose=5))
    assert asked.transpose == 5


def held_bytes(thing: object) -> int:
    """Bytes of all arrays and texts that an object holds, networks and models apart."""
    if isinstance(thing, np.ndarray | torch.Tensor):
        return int(thing.nbytes)
    if isinstance(thing, BasePipeline | torch.nn.Module):
        return 0
    if isinstance(thing, list | tuple | deque):
        return sum(8 + held_bytes(item) for item in thing)
    return sum(held_bytes(value) for value in getattr(thing, "__dict__", {}).values())


def test_memory_is_flat(tiny: BasePipeline) -> None:
    live, audio = LiveTransfer(tiny, TransferOptions("string", steps=0, seed=1)), reed(3.0)
    sizes = []
    for _ in range(6):
        live.process(audio)
        sizes.append(held_bytes(live))
    assert sizes[-1] <= max(sizes[:3]) + 20_000  # bytes; a second of audio is 176 thousand
    assert live.load > 0


def test_what_cannot_be_played_live_is_refused(tiny: BasePipeline) -> None:
    with pytest.raises(ModelError, match="--look-ahead 9"):
        LiveTransfer(tiny, TransferOptions("string", steps=0), look_ahead_seconds=9)
    with pytest.raises(ModelError, match="--vocoder harmonic"):
        LiveTransfer(tiny, TransferOptions("string", steps=0, vocoder="harmonic"))
