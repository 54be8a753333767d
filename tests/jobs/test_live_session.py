"""How a machine plays live: the step that it computes in time, or phrase by phrase; the output that is kept."""

import errno
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from stylebox.core.audio.io.growing_flac import GrowingFlac
from stylebox.core.audio.io.read import load_audio
from stylebox.core.jobs import live
from stylebox.core.jobs.live import LiveSession, choose_processor
from stylebox.core.jobs.live_output import KeptOutput
from stylebox.core.pipeline.live import LiveTransfer
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

RATE = 44100


@pytest.fixture
def tiny(tiny_home: Path) -> BasePipeline:
    return BasePipeline("tiny")


def with_load(monkeypatch: pytest.MonkeyPatch, draft: float, diffusion: float) -> None:
    """A machine that needs so long for steps of 16 frames, and half of it for steps of twice the length."""

    def measured(transfer: Any) -> float:
        load = diffusion if transfer.diffuses else draft
        return load * 16 / float(transfer.step_frames)

    def planned(pipeline: Any, options: TransferOptions, ahead: float, step_frames: int) -> SimpleNamespace:
        return SimpleNamespace(diffuses=options.steps != 0, step_frames=step_frames)

    monkeypatch.setattr(live, "measure_load", measured)
    monkeypatch.setattr(live, "LiveTransfer", planned)


@pytest.mark.parametrize(
    ("draft", "diffusion", "chosen"),
    [
        (0.1, 0.3, (True, 16)),
        (0.1, 2.0, (True, 64)),
        (0.4, 9.0, (False, 16)),
        (1.0, 9.0, (False, 32)),
        (3.0, 9.0, (False, 64)),
        (4.0, 9.0, None),
    ],
)
def test_the_shortest_step_in_time_is_chosen_and_diffusion_where_it_is_possible(
    draft: float, diffusion: float, chosen: tuple[bool, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_load(monkeypatch, draft, diffusion)
    found: Any
    found, _ = choose_processor(None, TransferOptions("harp"), 0.4)  # type: ignore[arg-type]
    assert (found and (found.diffuses, found.step_frames)) == chosen
    found, _ = choose_processor(None, TransferOptions("harp", steps=0), 0.4)  # type: ignore[arg-type]
    assert found is None or not found.diffuses


def test_a_slow_machine_plays_phrase_by_phrase_and_says_so(tiny: BasePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(live, "measure_load", lambda transfer: 3.21)
    session = LiveSession(tiny, TransferOptions("string", steps=0), RATE, say=said.append)
    assert said == [
        "this machine needs 3.2 s to play 1 s live: playing phrase by phrase instead; leave a rest after each phrase"
    ]
    assert session.state.latency_seconds is None
    assert session.transpose is None
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert not session.process(np.append(tone, np.zeros(RATE))).any()
    played = np.concatenate(list(session.tail()))
    assert len(played) >= RATE  # as long as the phrase


def test_gaps_in_the_output_lead_to_phrases(tiny: BasePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(live, "measure_load", lambda transfer: 0.1)
    session = LiveSession(tiny, TransferOptions("string", steps=0), RATE, say=said.append)
    session.device_seconds = 0.5
    latency = session.state.latency_seconds
    assert latency is not None
    assert latency > 0.9
    session.count_underruns(4)
    assert said == []
    session.count_underruns(5)
    assert [text.split(":")[0] for text in said] == ["the output had 5 gaps within 0 s"]
    assert (session.state.latency_seconds, session.state.underruns) == (None, 5)
    session.count_underruns(20)
    assert len(said) == 1


def test_the_load_of_a_real_transfer_is_measured(tiny: BasePipeline) -> None:
    assert 0 < live.measure_load(LiveTransfer(tiny, TransferOptions("string", steps=0), step_frames=16)) < 50


def test_the_output_is_kept_in_time_with_the_take(tmp_path: Path) -> None:
    kept, sound = KeptOutput(tmp_path / "out.wav", RATE), np.linspace(-0.5, 0.5, 1000).astype(np.float32)
    kept.write(sound[:300])
    assert kept.part.exists()  # what a killed process leaves, and the next one does not touch
    other = KeptOutput(tmp_path / "out.wav", RATE)
    assert other.part != kept.part
    other.discard()
    kept.write(sound[300:])
    assert kept.finish(first=100, num_samples=1200) == tmp_path / "out.wav"
    audio, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_allclose(audio[:900], sound[100:], atol=1e-4)
    assert len(audio) == 1200
    assert not audio[900:].any()
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    failed = KeptOutput(tmp_path / "failed.wav", RATE)
    failed.write(sound)
    failed.discard()
    assert len(load_audio(failed.part, RATE)) == len(sound), "what was played stays if the take cannot be kept"
    nothing = KeptOutput(tmp_path / "none.wav", RATE)
    nothing.discard()
    assert not nothing.part.exists()


def test_no_sound_waits_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, really_write = np.linspace(-0.5, 0.5, 8000).astype(np.float32), GrowingFlac.write

    def slowly(file: GrowingFlac, block: np.ndarray) -> None:
        time.sleep(0.05)
        really_write(file, block)

    monkeypatch.setattr(GrowingFlac, "write", slowly)
    kept = KeptOutput(tmp_path / "out.wav", RATE)
    start = time.monotonic()
    for block in np.split(sound, 8):
        kept.write(block)
    assert time.monotonic() - start < 0.2  # the disk takes 0.4 s
    kept.finish(0, None)
    np.testing.assert_allclose(soundfile.read(tmp_path / "out.wav")[0], sound, atol=1e-4)


def test_a_full_disk_ends_the_output_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_write = GrowingFlac.write
    written: list[np.ndarray] = []

    def until_full(file: GrowingFlac, block: np.ndarray) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(block)
        really_write(file, block)

    monkeypatch.setattr(GrowingFlac, "write", until_full)
    kept, block = KeptOutput(tmp_path / "out.wav", RATE), np.zeros(100, np.float32)
    for _ in range(3):
        kept.write(block)
    with pytest.raises(OSError, match="No space"):
        kept.finish(0, None)
    with pytest.raises(OSError, match="No space"):
        kept.write(block)
    assert len(load_audio(kept.part, RATE)) == len(block)
