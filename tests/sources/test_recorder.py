"""The recorder keeps every sample that a stream delivers, and counts those it loses."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.microphones import RATE, FakeInput, music, noise, two_channels

from stylebox.console import console as look
from stylebox.core.audio.io.growing_flac import GrowingFlac
from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.errors import AudioError
from stylebox.core.sources.record import recorder
from stylebox.core.sources.record.recorder import NO_GAP, Level, TakeStatistics, record


def test_overruns_are_counted_and_give_a_warning(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(music(3.0)), overruns=(5, 9)), tmp_path, seconds=3.0)
    assert (take.overruns, take.lost_seconds, take.seconds) == (2, 0.5, 3.0)
    assert any("2 gaps" in warning and "0.50 s are missing" in warning for warning in take.warnings)
    assert take.failure is None


def test_a_gap_after_the_end_is_not_counted(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(music(3.0)), overruns=(5, 50)), tmp_path, seconds=1.0)
    assert (take.overruns, take.seconds) == (1, 1.0)


def test_the_queue_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "QUEUE_SECONDS", 2.0)
    take = record(FakeInput(two_channels(music(5.0))), tmp_path, seconds=10.0)
    assert take.seconds == 2.0
    assert take.overruns == 1
    assert take.lost_seconds == pytest.approx(3.0)


def test_a_device_that_sends_nothing_ends_the_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(recorder, "START_SECONDS", 0.2)
    take = record(FakeInput(two_channels(music(1.0)), at_end=lambda: True), tmp_path, seconds=5.0)
    assert (take.ended_by, take.seconds) == ("device", 1.0)
    with pytest.raises(AudioError, match="fake microphone: sent no audio; is it plugged in"):
        record(FakeInput(np.zeros((0, 1), np.float32), at_end=lambda: True), tmp_path / "none")
    assert list((tmp_path / "none").iterdir()) == []


def test_an_exception_keeps_the_take(tmp_path: Path) -> None:
    def stop() -> None:
        raise SystemExit(143)  # SIGTERM

    with pytest.raises(SystemExit):
        record(FakeInput(two_channels(music(1.0))), tmp_path, stop=stop)
    (path,) = tmp_path.iterdir()
    assert ".part" not in path.name
    assert soundfile.info(path).frames == 400


def test_a_full_disk_keeps_the_take_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(GrowingFlac):
        written = 0

        def write(self, block: np.ndarray) -> None:
            if self.written >= RATE:
                raise OSError(errno.ENOSPC, "No space left")
            self.written += len(block)
            super().write(block)

    monkeypatch.setattr(recorder, "GrowingFlac", FullDisk)
    take = record(FakeInput(two_channels(music(3.0))), tmp_path, seconds=3.0)
    assert take.ended_by == "disk"
    assert take.failure is not None
    assert "cannot be written after 1.0 s" in take.failure
    assert "\n" not in take.failure
    assert soundfile.info(take.path).frames == RATE


def test_a_device_that_gives_no_numbers_is_silent_there(tmp_path: Path) -> None:
    played = two_channels(music(1.0))
    broken = played.copy()
    broken[100], broken[3000] = np.nan, np.inf
    take = record(FakeInput(broken), tmp_path, seconds=1.0)
    assert take.failure is None
    kept, _ = soundfile.read(take.path, dtype="float32")
    assert np.isfinite(kept).all()
    assert not kept[100].any()
    assert len(take.warnings) == 1
    assert take.warnings[0].startswith("is silent where 4 samples were no numbers; choose another input")


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        (np.nan, "is silent where all its samples were no numbers; choose another input"),
        (-np.inf, "is silent where all its samples were no numbers"),
        (1e-40, "is silent throughout"),
    ],
)
def test_a_device_that_gives_nothing_else_is_one_warning_and_the_take_stays(
    value: float, warning: str, tmp_path: Path
) -> None:
    take = record(FakeInput(np.full((RATE, 2), value, np.float32)), tmp_path, seconds=1.0)
    assert take.failure is None
    assert len(take.warnings) == 1
    assert take.warnings[0].startswith(warning)
    assert soundfile.info(take.path).frames == RATE


KILLED = """
import itertools, sys, threading, time
from pathlib import Path
import numpy as np
from stylebox.core.sources.record.recorder import record

class Endless:
    name, sample_rate, channels = "endless", 8000, 1
    def start(self, deliver):
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000 * 60, 1)).astype("float32")
        def give():
            for start in itertools.count(0, 800):
                deliver(noise[start : start + 800], False, 0.0)
                time.sleep(0.01)
        threading.Thread(target=give, daemon=True).start()
    def is_running(self):
        return True
    def close(self):
        pass

def meter(level):
    if level.seconds >= 5:
        print("five seconds", flush=True)

record(Endless(), Path("takes"), meter=meter)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_a_killed_recording_can_still_be_played() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "five seconds\n"
        program.kill()
    (part,) = Path("takes").iterdir()
    assert part.name.endswith(".part.flac")
    audio = load_audio(part, 8000)
    assert len(audio) >= 4 * 8000
    assert probe(part).seconds == len(audio) / 8000
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000 * 60, 1))[: len(audio), 0]
    np.testing.assert_allclose(audio, noise, atol=1e-4)


def levels(*blocks: np.ndarray) -> Iterator[Level]:
    statistics = TakeStatistics(RATE)
    for block in blocks:
        yield statistics.add(block[:, None], NO_GAP)


def test_peaks_are_held_for_a_while() -> None:
    second = np.ones(RATE // 2, np.float32)
    held = [level.held_db for level in levels(0.5 * second, *[0.05 * second] * 5)]
    assert held == pytest.approx([-6.02] * 4 + [-26.02] * 2, abs=0.01)


def test_clipping_is_counted() -> None:
    block = np.zeros(100, np.float32)
    block[10:13] = (1.0, -1.0, 32767 / 32768)
    (level,) = levels(block)
    assert level.clipped_samples == 3
    assert [level.clipped_samples for level in levels(np.full(50, 0.999, np.float32))] == [0]


def test_silence_throughout_stays_and_gives_a_warning(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(noise(2.0, -80.0))), tmp_path, seconds=2.0)
    assert (take.seconds, take.trimmed_seconds) == (2.0, 0.0)
    assert any("silent throughout" in warning for warning in take.warnings)
    assert soundfile.info(take.path).frames == 2 * RATE


def test_a_take_can_be_written_as_json(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(np.zeros(RATE))), tmp_path, seconds=1.0)
    document = json.loads(json.dumps(look.to_json(take), allow_nan=False))
    assert document["peak_db"] is None
