"""Records a stream of audio to a file that survives a killed process.

The device's thread puts blocks into a bounded queue; the main thread writes them to disk during the take and counts
lost samples. Knows neither PortAudio nor the display of a level meter.
"""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from stylebox.core.audio.io.devices.sound_card import InputStream
from stylebox.core.audio.io.growing_flac import GrowingFlac
from stylebox.core.audio.io.numbers import without_nonsense
from stylebox.core.errors import AudioError, error_reason
from stylebox.core.sources.record.takes import ABSOLUTE_SILENCE_DB, begin_take, finish_take

QUEUE_SECONDS = 20.0  # of audio may wait for a slow disk; more is dropped, with a warning
POLL_SECONDS = 0.05
START_SECONDS = 10.0  # limit for the first block: wireless devices start slowly
STALL_SECONDS = 3.0  # after so long without a block the device counts as disconnected
HOLD_SECONDS = 1.5  # for which the meter holds a peak
CLIP_LEVEL = 0.9999  # of full scale; a sample at least as loud counts as clipped

EndedBy = Literal["enter", "interrupt", "seconds", "device", "disk"]
Stop = Callable[[], Literal["enter", "interrupt"] | None]


@dataclass(frozen=True)
class Level:
    """The reading of the level meter after a block; peaks in dBFS."""

    seconds: float
    peak_db: float
    held_db: float  # highest peak of the last `HOLD_SECONDS`
    clipped_samples: int  # since the start


@dataclass(frozen=True)
class Take:
    """A finished recording on disk."""

    path: Path
    device: str
    sample_rate: int
    channels: int
    seconds: float  # in the file
    trimmed_seconds: float  # of silence removed at the start
    peak_db: float
    clipped_samples: int
    overruns: int
    lost_seconds: float  # by overruns, as far as the device reports it
    ended_by: EndedBy
    warnings: tuple[str, ...]
    failure: str | None  # why it ended early


def record(
    stream: InputStream,
    folder: Path,
    *,
    seconds: float | None = None,
    stop: Stop = lambda: None,
    meter: Callable[[Level], None] = lambda level: None,
) -> Take:
    """Record until `stop` answers or `seconds` are over.

    The take is written to disk while it is recorded. If the process ends early, the take stays: under its final name
    after an exception, as ``.part.flac`` if the process is killed.

    Args:
        stream: The input; closed at the end.
        folder: Folder of the takes.
        seconds: Length to record, exact to the sample; None for no limit.
        stop: Called about twenty times per second; any answer but None ends the take.
        meter: Called after every block.

    Returns:
        The take, with warnings.

    Raises:
        AudioError: The stream cannot be started, or gave no audio.
    """
    part = begin_take(folder)
    blocks = _BlockQueue(stream.sample_rate)
    stats = TakeStatistics(stream.sample_rate)
    limit = None if seconds is None else max(1, round(seconds * stream.sample_rate))
    problem, whole = "", False
    try:
        with GrowingFlac(part, stream.sample_rate, stream.channels) as file:

            def keep(block: np.ndarray, gap: Gap) -> bool:
                """Write a block, up to the limit; true when the limit is reached."""
                block, number = without_nonsense(block[: None if limit is None else limit - stats.samples])
                file.write(block)
                meter(stats.add(block, gap, number))
                return stats.samples == limit

            ended_by = _receive(stream, blocks, keep, stop)
        whole = True
    except OSError as error:
        ended_by, problem, whole = "disk", error_reason(error), True
    finally:
        stream.close()
        if stats.samples == 0:
            part.unlink(missing_ok=True)
        elif not whole:
            finish_take(part, trim=False)
    if stats.samples == 0:
        raise AudioError(_no_take(stream.name, ended_by, problem))
    if ended_by in ("enter", "interrupt", "device"):
        stats.lost += blocks.gap
    path, trimmed = finish_take(part, trim=ended_by != "disk")
    return _take(path, stream, trimmed, stats, ended_by, problem)


class _BlockQueue:
    """Blocks between the device's thread and ours. Each counter has one writer, so that no thread waits."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._limit = round(QUEUE_SECONDS * sample_rate)
        self._blocks: queue.SimpleQueue[tuple[np.ndarray, Gap]] = queue.SimpleQueue()
        self._delivered = self._taken = 0
        self.gap = NO_GAP  # since the last block that fitted

    def deliver(self, block: np.ndarray, overrun: bool, lost_seconds: float) -> None:
        """Append a block; called on the device's thread."""
        if overrun:
            self.gap += Gap(1, lost_seconds)
        if self._delivered - self._taken + len(block) > self._limit:
            self.gap += Gap(0 if self.gap.count else 1, len(block) / self._sample_rate)
            return
        self._delivered += len(block)
        self._blocks.put((block, self.gap))
        self.gap = NO_GAP

    def take(self, timeout: float) -> "tuple[np.ndarray, Gap] | None":
        """The next block and the gap before it; None after `timeout` seconds."""
        try:
            block, gap = self._blocks.get(timeout=timeout) if timeout else self._blocks.get_nowait()
        except queue.Empty:
            return None
        self._taken += len(block)
        return block, gap


@dataclass(frozen=True)
class Gap:
    """How often samples were lost, and how many seconds as far as that is known."""

    count: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Gap") -> "Gap":
        return Gap(self.count + other.count, self.seconds + other.seconds)


NO_GAP = Gap()


class TakeStatistics:
    """Length, peaks, clipping and gaps of a take so far."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._held, self._held_until = 0.0, 0.0
        self.samples, self.peak, self.clipped_samples, self.lost = 0, 0.0, 0, NO_GAP
        self.values = self.silenced_values = 0

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self.samples / self._sample_rate

    def add(self, block: np.ndarray, gap: Gap, silenced: int = 0) -> Level:
        """Count a block and the gap before it; gives the reading of the meter.

        Args:
            block: As it was written.
            gap: Before it.
            silenced: How many of its samples were no numbers.

        Shape:
            ``block`` is ``(S, channels)``.
        """
        loud = np.abs(block).max(axis=1)
        peak = float(loud.max(initial=0.0))
        self.samples += len(block)
        self.lost += gap
        self.values, self.silenced_values = self.values + block.size, self.silenced_values + silenced
        self.clipped_samples += int(np.count_nonzero(loud >= CLIP_LEVEL))
        self.peak = max(self.peak, peak)
        if peak >= self._held or self.seconds > self._held_until:
            self._held, self._held_until = peak, self.seconds + HOLD_SECONDS
        return Level(self.seconds, _db(peak), _db(self._held), self.clipped_samples)


def _receive(
    stream: InputStream, blocks: _BlockQueue, keep: "Callable[[np.ndarray, Gap], bool]", stop: Stop
) -> EndedBy:
    """Move blocks from the stream to `keep`; gives the reason of the end."""
    stream.start(blocks.deliver)
    deadline = time.monotonic() + START_SECONDS
    while True:
        running = stream.is_running()
        received = blocks.take(POLL_SECONDS)
        if received is not None:
            deadline = time.monotonic() + STALL_SECONDS
            if keep(*received):
                return "seconds"
        elif not running or time.monotonic() > deadline:
            return "device"
        reason = stop()
        if reason is not None:
            stream.close()
            while (received := blocks.take(0)) is not None:  # recorded before the stop, not written yet
                if keep(*received):
                    return "seconds"
            return reason


def _take(
    path: Path, stream: InputStream, trimmed: float, stats: TakeStatistics, ended_by: EndedBy, problem: str
) -> Take:
    """The take, with a sentence for each problem."""
    warnings = []
    if stats.lost.count:
        loss = f"about {stats.lost.seconds:.2f} s are" if stats.lost.seconds else "some samples are"
        gaps = f"{stats.lost.count} gap{'s' if stats.lost.count > 1 else ''}"
        warnings.append(f"has {gaps}: the machine was too busy to record; {loss} missing")
    if stats.clipped_samples:
        warnings.append(f"clips ({stats.clipped_samples} samples at full scale); turn the input down")
    if stats.silenced_values:
        which = "all its samples" if stats.silenced_values == stats.values else f"{stats.silenced_values} samples"
        fix = "choose another input with --input, or update the driver of the sound card"
        warnings.append(f"is silent where {which} were no numbers; {fix}")
    elif _db(stats.peak) < ABSOLUTE_SILENCE_DB:
        warnings.append("is silent throughout; choose the input with --input, or turn it up")
    failure = None
    if ended_by == "device":
        failure = f"{stream.name}: stopped sending audio after {stats.seconds:.1f} s; the take up to there is kept"
    elif ended_by == "disk":
        failure = f"{path}: cannot be written after {stats.seconds:.1f} s ({problem}); the take up to there is kept"
    return Take(
        path=path,
        device=stream.name,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        seconds=stats.seconds - trimmed,
        trimmed_seconds=trimmed,
        peak_db=_db(stats.peak),
        clipped_samples=stats.clipped_samples,
        overruns=stats.lost.count,
        lost_seconds=stats.lost.seconds,
        ended_by=ended_by,
        warnings=tuple(warnings),
        failure=failure,
    )


def _no_take(device: str, ended_by: EndedBy, problem: str) -> str:
    """Why there is no take."""
    if ended_by == "disk":
        return f"nothing could be written ({problem}); free some space or set STYLEBOX_HOME"
    if ended_by == "device":
        return f"{device}: sent no audio; is it plugged in, and may this program use it?"
    return f"{device}: stopped before any audio arrived; nothing is kept"


def _db(amplitude: float) -> float:
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else float("-inf")
