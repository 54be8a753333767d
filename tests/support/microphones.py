"""Stand-ins for a microphone and for PortAudio, and the audio that they give."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from stylebox.core.audio.io.devices.sound_card import Deliver
from support.recordings import melody

RATE = 8000


def music(seconds: float, sample_rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Notes that begin at once. Shape: ``(S,)``."""
    return melody(seconds, seed, sample_rate)


def two_channels(*parts: np.ndarray) -> np.ndarray:
    """The parts one after the other, the right channel half as loud. Shape: ``(S, 2)``."""
    mono = np.concatenate(parts).astype(np.float32)
    return np.stack([mono, mono / 2], axis=1)


def noise(seconds: float, level_db: float) -> np.ndarray:
    """White noise of an RMS level in dBFS. Shape: ``(S,)``."""
    return np.random.default_rng(1).standard_normal(round(seconds * RATE)) * 10 ** (level_db / 20)


def takes(home: Path) -> list[Path]:
    """The takes below a home folder."""
    return sorted((home / "recordings").iterdir()) if (home / "recordings").exists() else []


class FakeInput:
    """A microphone that gives all its audio when started; `at_end` then says whether it still runs."""

    name = "fake microphone"

    def __init__(
        self,
        audio: np.ndarray,
        sample_rate: int = RATE,
        overruns: Sequence[int] = (),
        at_end: Callable[[], bool] = lambda: False,
    ) -> None:
        self.audio, self.sample_rate, self.channels = audio, sample_rate, audio.shape[1]
        self.overruns, self.is_running, self.closed = overruns, at_end, False

    def start(self, deliver: Deliver) -> None:
        """Deliver every block; those numbered in `overruns` come after a loss of 0.25 s."""
        for number, start in enumerate(range(0, len(self.audio), 400)):
            overrun = number in self.overruns
            deliver(self.audio[start : start + 400], overrun, 0.25 if overrun else 0.0)

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


PlugIn = Callable[[FakeInput], FakeInput]  # the fixture `plug_in`: makes a fake the system's microphone


class FakePortAudio(ModuleType):
    """The module `sounddevice` with one device of four inputs, whose callback the test calls."""

    class PortAudioError(Exception):
        """As in `sounddevice`."""

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.refusal = ""
        self.callback: Any = None
        self.opened = 0
        self.played: list[np.ndarray] = []
        self.blocks_until_gone: int | None = None
        self.closed = False

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> dict[str, Any]:
        """As in `sounddevice`."""
        if device == "two":
            raise ValueError("Multiple input devices found for 'two':\n[1] two a\n[2] two b")
        if device == "trombone":
            raise ValueError("No input device matching 'trombone'")
        if device == 7:
            raise self.PortAudioError("Error querying device 7")
        inputs = 0 if device == "speaker" else 4
        channels = {"max_input_channels": inputs, "max_output_channels": 2}
        return {"index": 3, "name": "fake card", "default_samplerate": 1000.0, **channels}

    def InputStream(  # noqa: N802
        self, rate: float, blocksize: int, device: int, channels: int, dtype: str, latency: float, callback: Any
    ) -> Any:
        """As in `sounddevice`; fails if `refusal` is set."""
        if self.refusal:
            raise self.PortAudioError(self.refusal, -9985)
        self.callback, self.opened = callback, channels
        return SimpleNamespace(start=lambda: None, active=True, abort=lambda: None, close=lambda: None)

    def send(self, value: float, began: float, overflow: bool = False) -> None:
        """Call the callback with a block of 50 samples; channel n holds n times `value`."""
        block = np.tile(np.arange(1, self.opened + 1, dtype=np.float32) * value, (50, 1))
        time_info = SimpleNamespace(inputBufferAdcTime=began)
        self.callback(block, 50, time_info, SimpleNamespace(input_overflow=overflow))

    def Stream(  # noqa: N802
        self,
        rate: float,
        blocksize: int,
        devices: tuple[int, int],
        channels: tuple[int, int],
        dtype: str,
        latency: float,
    ) -> Any:
        """As in `sounddevice`: sends a full scale of 1.5 until the device is gone; the third block had a gap before."""
        sent = 0

        def read(count: int) -> tuple[np.ndarray, bool]:
            nonlocal sent
            if sent == self.blocks_until_gone:
                self.blocks_until_gone = None
                raise self.PortAudioError("Device unavailable")
            sent += 1
            return np.full((count, channels[0]), 1.5, np.float32), False

        def write(block: np.ndarray) -> bool:
            self.played.append(block)
            return len(self.played) == 3

        def close() -> None:
            self.closed = True

        self.played.clear()
        return SimpleNamespace(
            start=lambda: None, stop=lambda: None, abort=lambda: None, close=close, read=read, write=write,
            latency=(0.2, 0.3), write_available=10, read_available=0,
        )  # fmt: skip
