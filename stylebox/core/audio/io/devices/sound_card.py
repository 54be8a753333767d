"""The sound card: list microphones, record from one, play. The only module that loads PortAudio.

Knows nothing of files and takes. A stream delivers its blocks on a thread of its own; the function that receives them
must not block.
"""

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from stylebox.core.audio.io.read import resample
from stylebox.core.errors import AudioError
from stylebox.core.system_packages import install_command

BLOCK_SECONDS = 0.05
LATENCY_SECONDS = 0.2  # nothing is monitored, and long buffers lose no samples on a busy machine
MAX_CHANNELS = 2
HUNG_SECONDS = 5.0  # a device that does nothing for so long is given up

Deliver = Callable[[np.ndarray, bool, float], None]
"""Receives ``(block, overrun, lost_seconds)``: samples ``(N, C)``; whether samples before them are lost; how many."""


class InputStream(Protocol):
    """An input stream of sound. Full scale is 1."""

    name: str
    sample_rate: int
    channels: int

    def start(self, deliver: Deliver) -> None:
        """Start; from then on `deliver` is called with every block, on another thread."""

    def is_running(self) -> bool:
        """Whether the stream has started and the device has not ended it."""

    def close(self) -> None:
        """Stop; `deliver` is not called any more. A stream that was not started may be closed too."""


@dataclass(frozen=True)
class AudioDevice:
    """An input device."""

    number: int
    name: str
    system: str
    channels: int
    sample_rate: int
    default: bool


def list_inputs() -> list[AudioDevice]:
    """The input devices, as PortAudio names them.

    Raises:
        AudioError: PortAudio is not installed.
    """
    sounddevice = portaudio()
    systems = sounddevice.query_hostapis()
    chosen = sounddevice.default.device[0]
    return [
        AudioDevice(
            number,
            device["name"],
            systems[device["hostapi"]]["name"],
            device["max_input_channels"],
            round(device["default_samplerate"]),
            number == chosen,
        )
        for number, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def open_input(device: str | None = None, channel: int | None = None) -> InputStream:
    """Open a stream from a microphone at the device's own rate; `start` starts it.

    Args:
        device: Number or part of the name; None for the system's default.
        channel: Number of the input channel, from 1; None for the first two, or the only one.

    Raises:
        AudioError: PortAudio is not installed, or the device or channel does not exist.
    """
    return _Microphone(portaudio(), device, channel)


def check_output() -> None:
    """Check that the system has an output device.

    Raises:
        AudioError: PortAudio is not installed, or there is no output device.
    """
    find_device(portaudio(), None, "output")


def play(audio: np.ndarray, sample_rate: int) -> None:
    """Play a sound on the system's default output and return when it has ended.

    Raises:
        AudioError: there is no output device, or it was disconnected.

    Shape:
        ``audio`` is ``(S,)``.
    """
    sounddevice = portaudio()
    device = find_device(sounddevice, None, "output")
    rate = round(device["default_samplerate"])
    channels = min(device["max_output_channels"], MAX_CHANNELS)
    samples = np.clip(resample(audio, sample_rate, rate), -1, 1)
    block_samples = round(rate * BLOCK_SECONDS)
    try:
        with sounddevice.OutputStream(
            rate, device=device["index"], channels=channels, dtype="float32", latency=LATENCY_SECONDS
        ) as stream:
            for start in range(0, len(samples), block_samples):
                block = samples[start : start + block_samples]
                stream.write(np.repeat(block[:, None], channels, axis=1))
    except sounddevice.PortAudioError as error:
        raise AudioError(f"{device['name']}: cannot play ({_reason(error)}); choose another output") from error


class _BlockTimes(Protocol):
    """PortAudio's times of a block, in seconds on the device's clock."""

    inputBufferAdcTime: float  # noqa: N815


class _StreamStatus(Protocol):
    """PortAudio's errors since the previous block."""

    input_overflow: bool


class InputDevice:
    """An input device, and which of its channels are used.

    Args:
        sounddevice: The module.
        device: Number or part of its name; None for the system's default.
        channel: Number of the channel, from 1; None for the first two, or the only one.

    Raises:
        AudioError: there is no such device or channel.

    Attributes:
        device: Its number.
        name: As PortAudio has it.
        sample_rate: Its own, in Hz.
        block_samples: Samples of a block, per channel.
        opened_channels: How many channels a stream has.
        taken_channels: Which of them are used.
        channels: How many these are.
    """

    def __init__(self, sounddevice: ModuleType, device: str | None, channel: int | None) -> None:
        found = find_device(sounddevice, device, "input")
        self.name, available = found["name"], found["max_input_channels"]
        if channel is not None and channel > available:
            raise AudioError(f"{self.name}: has no channel {channel}, only {available}; choose another")
        self.sample_rate = round(found["default_samplerate"])
        self.opened_channels = max(channel or 1, min(available, MAX_CHANNELS))
        self.taken_channels = slice(0, self.opened_channels) if channel is None else slice(channel - 1, channel)
        self.channels = self.opened_channels if channel is None else 1
        self.block_samples = round(self.sample_rate * BLOCK_SECONDS)
        self._sounddevice, self.device = sounddevice, found["index"]
        self._stream: Any = None

    def refused(self, error: Exception) -> AudioError:
        """What to raise if the stream cannot be opened."""
        return AudioError(
            f"{self.name}: cannot be recorded from ({_reason(error)}); is it in use, or forbidden to this program?"
        )


class _Microphone(InputDevice):
    """An `InputStream` from PortAudio."""

    _due: float | None = None  # time of the next block on the device's clock

    def start(self, deliver: Deliver) -> None:
        def receive(block: np.ndarray, num_samples: int, time: _BlockTimes, status: _StreamStatus) -> None:
            began = time.inputBufferAdcTime
            # An overrun reported with the first block happened before the start.
            overrun = bool(status.input_overflow) and self._due is not None
            lost = max(0.0, began - self._due) if overrun and self._due is not None else 0.0
            self._due = began + num_samples / self.sample_rate
            deliver(block[:, self.taken_channels].copy(), overrun, lost)

        try:
            self._stream = self._sounddevice.InputStream(
                self.sample_rate,
                self.block_samples,
                self.device,
                self.opened_channels,
                "float32",
                LATENCY_SECONDS,
                callback=receive,
            )
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise self.refused(error) from error

    def is_running(self) -> bool:
        return self._stream is not None and bool(self._stream.active)

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return

        def end() -> None:
            stream.abort()  # both ignore the errors of a device that is gone
            stream.close()

        thread = threading.Thread(target=end, daemon=True, name="closing")
        thread.start()
        thread.join(HUNG_SECONDS)
        if thread.is_alive():
            leave_open(self._sounddevice)


def portaudio() -> ModuleType:
    """The sounddevice module.

    Raises:
        AudioError: PortAudio is not installed.
    """
    try:
        import sounddevice  # loads PortAudio, which searches for devices
    except OSError as error:  # what the package raises if the library is missing
        raise AudioError(f"PortAudio is not installed; {install_command('libportaudio2')}") from error
    module: ModuleType = sounddevice
    return module


def leave_open(sounddevice: ModuleType) -> None:
    """Give up a device that hangs, as where the sound server has died.

    The package closes all devices at the end of the program, which would then never come.

    Args:
        sounddevice: The module.
    """
    atexit.unregister(getattr(sounddevice, "_exit_handler", None))  # type: ignore[arg-type]


def find_device(sounddevice: ModuleType, device: str | None, kind: str) -> dict[str, Any]:
    """PortAudio's properties of a device.

    Args:
        sounddevice: The module.
        device: Number or part of its name; None for the system's default.
        kind: "input" or "output".

    Raises:
        AudioError: there is none, or several fit.
    """
    asked = int(device) if device is not None and device.isdecimal() else device
    try:
        found = sounddevice.query_devices(asked, kind)
        if found[f"max_{kind}_channels"] > 0:
            return dict(found)
        reason = f"has no {kind}"
    except (ValueError, sounddevice.PortAudioError) as error:
        reason = "fits several devices" if "ultiple" in str(error) else f"no such {kind}"
    if device is None:
        missing = "microphone or other input" if kind == "input" else "output to play on"
        raise AudioError(f"the system has no {missing}; plug one in and try again")
    raise AudioError(f"audio device {device!r}: {reason}; `stylebox record --list-devices` lists the audio inputs")


def _reason(error: Exception) -> str:
    """PortAudio's message without its error code."""
    return str(error.args[0] if error.args else error).split(" [", maxsplit=1)[0].removesuffix(".")
