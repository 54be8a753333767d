"""Sound in and out at once: what is recorded is changed and played while the recording goes on.

Knows nothing of what changes it.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import ModuleType

import numpy as np

from stylebox.core.audio.io.sound_card import (
    BLOCK_SECONDS,
    LATENCY_SECONDS,
    MAX_CHANNELS,
    Deliver,
    InputDevice,
    find_device,
    portaudio,
)

CLOSE_SECONDS = 60.0  # that the end of a stream may take
MOST_ADDED_SECONDS = 1.0  # to the latency by gaps; more is taken back in silence
Blocks = SimpleQueue[np.ndarray | None]  # None is the end
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

    One thread reads, delivers and writes, one changes: a change that takes long holds up neither the recording nor the
    output, as long as the output's buffer lasts. What comes after a gap is played later, so a machine that was busy
    once has more time from then on.

    Attributes:
        underruns: How often the output had nothing to play, since its first sound.
        latency_seconds: From input to output if nothing is changed: a block, the output's buffer, which is filled at
            the start, and the gaps; 0 before it.
        failure: What the function raised; it ends the stream.
    """

    def __init__(self, sounddevice: ModuleType, device: str | None, channel: int | None) -> None:
        super().__init__(sounddevice, device, channel)
        found = find_device(sounddevice, None, "output")
        self._output, self._played = found["index"], min(found["max_output_channels"], MAX_CHANNELS)
        self.underruns, self.latency_seconds = 0, 0.0
        self.failure: Exception | None = None
        self._recorded: Blocks = SimpleQueue()
        self._changed: Blocks = SimpleQueue()
        self._read_samples = self._written_samples = 0
        self._threads: list[threading.Thread] = []
        self._ending = self._lost = self._sounded = False

    def play_through(
        self,
        change: Callable[[np.ndarray], np.ndarray],
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
                (self.opened, self._played),
                "float32",
                max(LATENCY_SECONDS, self._buffer_seconds),
            )
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise self.refused(error) from error
        self._device_seconds = BLOCK_SECONDS + float(self._stream.latency[1])
        self.latency_seconds = self._device_seconds
        gc.freeze()  # the collector need not look through networks and libraries again and again
        self._threads = [
            threading.Thread(target=self._run, args=(deliver,), daemon=True, name="live"),
            threading.Thread(target=self._compute, daemon=True, name="live transfer"),
        ]
        for thread in self._threads:
            thread.start()

    def is_running(self) -> bool:
        """As of `InputStream`."""
        return bool(self._threads) and self._threads[0].is_alive()

    def close(self) -> None:
        """As of `InputStream`; what is still on its way is played first."""
        threads, self._threads = self._threads, []
        if not threads:
            return
        self._ending, deadline = True, time.monotonic() + CLOSE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        gc.unfreeze()
        if not any(thread.is_alive() for thread in threads):  # else the device hangs, and so would closing it
            self._stream.close()

    def _run(self, deliver: Deliver) -> None:
        """Read, deliver, and write what is ready; all calls of a stream must come from one thread."""
        begun, started = False, time.monotonic()
        try:
            self._stream.write(np.zeros((self._stream.write_available, self._played), np.float32))  # fills the buffer
            while not self._ending:
                self._write_ready()
                if self._read_samples / self.sample_rate > 0.5 + 1.01 * (time.monotonic() - started):
                    time.sleep(BLOCK_SECONDS)  # a device that keeps no time; the clocks of others differ by far less
                    continue
                block, overrun = self._stream.read(self.block_samples)
                block = block[:, self.taken].copy()
                deliver(block, bool(overrun) and begun, 0.0)
                begun = True
                self._read_samples += len(block)
                self._recorded.put(block.mean(axis=1))
            self._recorded.put(None)
            while (last := self._changed.get()) is not None:
                self._write(last)
            self._stream.abort() if self.failure else self._stream.stop()
        except self._sounddevice.PortAudioError:  # the device is gone
            self._lost = True
            self._recorded.put(None)
            self._stream.abort()

    def _write_ready(self) -> None:
        """Write what was changed, as far as the output has room."""
        while not self._changed.empty() and self._stream.write_available >= self.block_samples:
            if (block := self._changed.get()) is None:  # the transfer has failed
                self._changed.put(None)
                return
            self._write(block)

    def _compute(self) -> None:
        """Change each block."""
        try:
            while (block := self._recorded.get()) is not None:
                self._changed.put(self._change(block))
            for last in self._tail() if not self._lost else ():
                self._changed.put(last)
        except Exception as error:  # raised again by who started the stream
            self.failure, self._ending = error, True
        finally:
            self._changed.put(None)

    def _write(self, block: np.ndarray) -> None:
        self._written_samples += len(block)
        behind = self._read_samples - self._written_samples - self._stream.write_available
        added = max(0.0, behind / self.sample_rate)  # to the latency, by gaps
        self.latency_seconds = self._device_seconds + added
        if added > MOST_ADDED_SECONDS and not block.any():
            return  # silence is left out, until the output is not as late
        frames = np.repeat(np.clip(block, -1, 1)[:, None], self._played, axis=1)
        gap = bool(self._stream.write(np.ascontiguousarray(frames, np.float32)))
        self.underruns += gap and self._sounded
        self._sounded |= bool(block.any())
