"""Sound in and out at once: how the output's buffer is filled, counted and refilled, and how a stream ends."""

import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.microphones import FakePortAudio

from stylebox.core.audio.io.devices.duplex import DuplexStream, open_duplex
from stylebox.core.sources.record.recorder import record

RATE = 1000
INPUT_STARTS = 0.6  # seconds after the output, as with PulseAudio


class CardWithTime(ModuleType):
    """The module `sounddevice` with one card whose clock runs only where a program waits or computes.

    Attributes:
        now: Seconds since the stream was started.
        levels: What the output's buffer held before each block was written, in seconds.
    """

    class PortAudioError(Exception):
        """As in `sounddevice`."""

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.now, self.read_samples, self.levels = 0.0, 0, list[float]()
        self._held, self._held_at, self._plays = 0.0, 0.0, False

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> dict[str, Any]:
        """As in `sounddevice`."""
        channels = {"max_input_channels": 1, "max_output_channels": 1}
        return {"index": 0, "name": "card", "default_samplerate": float(RATE), **channels}

    def Stream(self, rate: float, blocksize: int, *settings: object) -> Any:  # noqa: N802
        """As in `sounddevice`, with buffers of the latency that is asked for."""
        latency = settings[-1]
        assert isinstance(latency, float)
        card, self._buffer = self, latency

        class Stream:
            latency = (card._buffer, card._buffer)
            start = stop = abort = close = staticmethod(lambda: None)
            read, write = staticmethod(card._read), staticmethod(card._write)
            write_available = property(lambda _: round((card._buffer - card.level()) * RATE))
            read_available = property(lambda _: card.recorded() - card.read_samples)

        return Stream()

    def recorded(self) -> int:
        return max(0, int((self.now - INPUT_STARTS) * RATE + 1e-6))

    def level(self) -> float:
        return max(0.0, self._held - (self.now - self._held_at)) if self._plays else self._held

    def _read(self, count: int) -> tuple[np.ndarray, bool]:
        lost = max(0, self.recorded() - self.read_samples - round(self._buffer * RATE))
        self.read_samples += lost + count
        self.now = max(self.now, INPUT_STARTS + self.read_samples / RATE)
        return np.full((count, 1), 0.5, np.float32), lost > 0

    def _write(self, block: np.ndarray) -> bool:
        self.levels.append(self.level())
        gap = self._plays and self.level() <= 0
        seconds = len(block) / RATE
        self.now += max(0.0, self.level() + seconds - self._buffer)  # waits until there is room
        self._held, self._held_at, self._plays = self.level() + seconds, self.now, True
        return gap


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def play(card: CardWithTime, busy: dict[int, float], blocks: int) -> DuplexStream:
    """Play some blocks and more, of which those numbered in `busy` take so many seconds to compute."""
    stream, done, played = DuplexStream(card, None, None), 0, threading.Event()

    def change(block: np.ndarray) -> np.ndarray:
        nonlocal done
        card.now += busy.get(done, 0.0)
        done += 1
        if done == blocks:
            played.set()
        return block

    stream.play_through(change, lambda: iter(()), buffer_seconds=1.0)
    stream.start(lambda block, overrun, lost_seconds: None)
    assert played.wait(20)
    stream.close()
    assert stream.failure is None
    return stream


def test_a_block_that_takes_time_makes_no_gap_although_the_output_starts_first() -> None:
    card = CardWithTime()
    assert play(card, dict.fromkeys(range(10, 4000, 10), 0.45), 4000).underruns == 0
    assert min(card.levels[2:]) == pytest.approx(1.0 - 0.45 - 0.05, abs=0.06)


def test_after_a_gap_the_buffer_is_full_again_and_the_sound_no_later_than_before() -> None:
    card, busy = CardWithTime(), dict.fromkeys(range(10, 1000, 10), 0.45)
    assert play(card, {**busy, 500: 3.0}, 1000).underruns == 1
    waiting = card.recorded() - card.read_samples
    assert card.level() + waiting / RATE == pytest.approx(1.0, abs=0.11)  # a gap does not add to the latency


def test_a_live_stream_counts_gaps_plays_its_end_and_keeps_the_take_when_the_device_goes(
    portaudio: FakePortAudio, tmp_path: Path
) -> None:
    stream = open_duplex()
    stream.play_through(lambda block: -block, lambda: iter([np.full(7, 0.5, np.float32)]), buffer_seconds=0.3)
    portaudio.blocks_until_gone = 40
    take = record(stream, tmp_path)
    assert (take.ended_by, take.seconds) == ("device", 2.0)
    assert take.failure is not None
    assert stream.underruns == 1  # as the fake reports for its third block
    assert stream.latency_seconds == pytest.approx(0.35)  # a block, and the output's buffer
    assert (portaudio.played[1].shape, float(portaudio.played[1][0, 0])) == ((50, 2), -1.0)  # never beyond full scale

    stream = open_duplex()
    stream.play_through(lambda block: -block, lambda: iter([np.full(7, 0.5, np.float32)]), buffer_seconds=0.3)
    assert record(stream, tmp_path, seconds=0.5).ended_by == "seconds"
    assert (portaudio.played[-1].shape, float(portaudio.played[-1][0, 0])) == ((7, 2), 0.5)
    assert portaudio.closed


def test_what_a_live_transfer_raises_ends_the_stream(portaudio: FakePortAudio, tmp_path: Path) -> None:
    def fail(block: np.ndarray) -> np.ndarray:
        raise ValueError("broken")

    stream = open_duplex()
    stream.play_through(fail, lambda: iter(()), buffer_seconds=0.1)
    take = record(stream, tmp_path)
    assert (take.ended_by, str(stream.failure)) == ("device", "broken")
