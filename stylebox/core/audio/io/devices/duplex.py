"""Sound in and out at once: what is recorded is changed and played while the recording goes on.

Knows nothing of what changes it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np

from stylebox.core.audio.io.devices.sound_card import (
    BLOCK_SECONDS,
    HUNG_SECONDS,
    LATENCY_SECONDS,
    MAX_CHANNELS,
    Deliver,
    InputDevice,
    find_device,
    leave_open,
    portaudio,
)

CLOSE_SECONDS = 60.0  # that the end of a stream may take
Change = Callable[[np.ndarray], np.ndarray]


def open_duplex(device: str | None = None, channel: int | None = None) -> "DuplexStream":
    """Open a stream from a microphone to the system's output, at the microphone's rate; see `DuplexStream`.

    Args:
        device: Number or part of the name of the input; None for the system's default.
        channel: Number of the input channel, from 1; None for the first two, or the only one.

    Raises:
        AudioError: PortAudio is not installed, or a device or the channel does not exist.
    """
    return DuplexStream(portaudio(), device, channel)


class DuplexStream(InputDevice):
    """An `InputStream` whose sound is also played, changed by a function, on the system's default output.

    A thread reads a block, delivers it, changes it and writes it; the device's buffers cover the time that this takes.

    Attributes:
        underruns: How often the output had nothing to play, since its first sound.
        latency_seconds: From input to output if nothing is changed: a block and the output's buffer, which is filled at
            the start; 0 before it.
        failure: What the function raised; it ends the stream.
    """

    def __init__(self, sounddevice: ModuleType, device: str | None, channel: int | None) -> None:
        super().__init__(sounddevice, device, channel)
        found = find_device(sounddevice, None, "output")
        self._output, self._played = found["index"], min(found["max_output_channels"], MAX_CHANNELS)
        self.underruns, self.latency_seconds = 0, 0.0
        self.failure: Exception | None = None
        self._thread: threading.Thread | None = None
        self._moved = 0.0  # when the device last took or gave a block
        self._ending = self._sounded = False

    def play_through(
        self,
        change: Change,
        tail: Callable[[], Iterator[np.ndarray]],
        buffer_seconds: float,
    ) -> None:
        """Choose what is played; call it before `start`.

        Args:
            change: From a block, mixed to mono, to the block that is played, of the same length.
            tail: Called after the last block; what it yields is played before the stream ends.
            buffer_seconds: That `change` may take now and then.

        Shape:
            Blocks are ``(S,)``.
        """
        self._change, self._tail, self._buffer_seconds = change, tail, buffer_seconds

    def start(self, deliver: Deliver) -> None:
        """As of `InputStream`."""
        try:
            self._stream = self._sounddevice.Stream(
                self.sample_rate,
                self.block_samples,
                (self.device, self._output),
                (self.opened_channels, self._played),
                "float32",
                max(LATENCY_SECONDS, self._buffer_seconds),
            )
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise self.refused(error) from error
        self.latency_seconds = BLOCK_SECONDS + float(self._stream.latency[1])
        self._moved = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(deliver,), daemon=True, name="live")
        self._thread.start()

    def is_running(self) -> bool:
        """As of `InputStream`."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """As of `InputStream`; what is still on its way is played first."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ending, latest = True, time.monotonic() + CLOSE_SECONDS
        while thread.is_alive() and time.monotonic() < min(self._moved + HUNG_SECONDS, latest):
            thread.join(0.1)
        if thread.is_alive():
            leave_open(self._sounddevice)

    def _run(self, deliver: Deliver) -> None:
        """Read, deliver, change, write, close."""
        begun = False
        try:
            while not self._ending:
                block, overrun = self._stream.read(self.block_samples)
                block, self._moved = block[:, self.taken_channels].copy(), time.monotonic()
                deliver(block, bool(overrun) and begun, 0.0)
                if not begun:
                    self._fill()
                begun = True
                self._write(self._change(block.mean(axis=1)))
            for block in self._tail():
                self._write(block)
            self._stream.stop()
        except self._sounddevice.PortAudioError:  # the device is gone
            self._stream.abort()
        except Exception as error:  # raised again by who started the stream
            self.failure = error
            self._stream.abort()
        self._stream.close()

    def _write(self, block: np.ndarray) -> None:
        frames = np.repeat(np.clip(block, -1, 1)[:, None], self._played, axis=1)
        gap = bool(self._stream.write(np.ascontiguousarray(frames, np.float32)))
        self._moved = time.monotonic()
        self.underruns += gap and self._sounded
        self._sounded |= bool(block.any())
        if gap:
            self._fill()

    def _fill(self) -> None:
        """Fill the output's buffer with silence, but for the sound that waits in the input's.

        An output starts before the input does, and after a gap both are empty: the next sound that takes time to
        compute would make a gap again.
        """
        missing = self._stream.write_available - self._stream.read_available
        if missing > 0:
            self._stream.write(np.zeros((missing, self._played), np.float32))
