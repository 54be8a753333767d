"""Recording: from a stream that cannot wait to a file that is safe at every moment.

Blocks go from the device's thread through a bounded queue to the disk while the take goes on; what is lost on the
way is counted. Knows neither PortAudio nor how a level meter looks.
"""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from stylebox.core.audio.io.sound_card import InputStream
from stylebox.core.errors import AudioError
from stylebox.core.sources.record.takes import ABSOLUTE_SILENCE_DB, SUBTYPE, begin_take, finish_take

QUEUE_SECONDS = 20.0  # of sound may wait for a slow disk; then it is dropped, and said so
POLL_SECONDS = 0.05
START_SECONDS = 10.0  # a device may take to give its first sound: wireless ones do
STALL_SECONDS = 3.0  # without a block, the device is gone
HOLD_SECONDS = 1.5  # a peak stays on the meter
CLIP_LEVEL = 0.9999  # of full scale, where converters saturate

EndedBy = Literal["enter", "interrupt", "seconds", "device", "disk"]
Stop = Callable[[], Literal["enter", "interrupt"] | None]


@dataclass(frozen=True)
class Level:
    """What a meter shows after a block; peaks in dBFS."""

    seconds: float
    peak_db: float
    held_db: float  # highest peak of the last `HOLD_SECONDS`
    clipped_samples: int  # so far


@dataclass(frozen=True)
class Take:
    """A recording that was made and kept."""

    path: Path
    device: str
    sample_rate: int
    channels: int
    seconds: float  # in the file
    trimmed_seconds: float  # of silence, left out before it
    peak_db: float
    clipped_samples: int
    overruns: int
    lost_seconds: float  # by overruns, as far as the device tells
    ended_by: EndedBy
    warnings: tuple[str, ...]
    failure: str | None  # why it ended before it was asked to


def record(
    stream: InputStream,
    folder: Path,
    *,
    seconds: float | None = None,
    stop: Stop = lambda: None,
    meter: Callable[[Level], None] = lambda level: None,
) -> Take:
    """Record until told to stop, and keep the take.

    The take is on disk while it is recorded. If the process ends in between, what was recorded is kept: under its
    final name if an exception passes, as ``.part.flac`` if the process is killed.

    Args:
        stream: Where the sound comes from; closed in the end.
        folder: Where takes are kept.
        seconds: Length to record, to the sample; None for any.
        stop: Asked some twenty times a second; anything but None ends the take.
        meter: Called after every block.

    Raises:
        AudioError: the stream cannot be started, or nothing at all came from it.
    """
    part = begin_take(folder)
    inbox = _Inbox(stream.sample_rate)
    tally = _Tally(stream.sample_rate)
    limit = None if seconds is None else max(1, round(seconds * stream.sample_rate))
    problem, whole = "", False
    try:
        with soundfile.SoundFile(part, "w", stream.sample_rate, stream.channels, SUBTYPE, format="FLAC") as file:

            def keep(block: np.ndarray, gap: _Gap) -> bool:
                """Write what is wanted of a block; true when there is enough."""
                block = block[: None if limit is None else limit - tally.samples]
                file.write(block)
                meter(tally.add(block, gap))
                return tally.samples == limit

            ended_by = _listen(stream, inbox, keep, stop)
        whole = True
    except (OSError, soundfile.LibsndfileError) as error:
        ended_by, problem, whole = "disk", " ".join(str(error).split()), True
    finally:
        stream.close()
        if tally.samples == 0:
            part.unlink(missing_ok=True)
        elif not whole:
            finish_take(part, trim=False)
    if tally.samples == 0:
        raise AudioError(_nothing(stream.name, ended_by, problem))
    if ended_by in ("enter", "interrupt", "device"):
        tally.lost += inbox.gap
    path, trimmed = finish_take(part, trim=ended_by != "disk")
    return _take(path, stream, trimmed, tally, ended_by, problem)


class _Inbox:
    """Blocks on their way from the device's thread to ours. Each count has one writer, so that nobody waits."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._limit = round(QUEUE_SECONDS * sample_rate)
        self._blocks: queue.SimpleQueue[tuple[np.ndarray, _Gap]] = queue.SimpleQueue()
        self._delivered = self._taken = 0
        self.gap = _NO_GAP  # since the last block that found room

    def deliver(self, block: np.ndarray, overrun: bool, lost_seconds: float) -> None:
        """Take a block over, on the device's thread."""
        if overrun:
            self.gap += _Gap(1, lost_seconds)
        if self._delivered - self._taken + len(block) > self._limit:
            self.gap += _Gap(0 if self.gap.count else 1, len(block) / self._sample_rate)
            return
        self._delivered += len(block)
        self._blocks.put((block, self.gap))
        self.gap = _NO_GAP

    def take(self, timeout: float) -> "tuple[np.ndarray, _Gap] | None":
        """The next block and the gap before it, or None if none comes in time."""
        try:
            block, gap = self._blocks.get(timeout=timeout) if timeout else self._blocks.get_nowait()
        except queue.Empty:
            return None
        self._taken += len(block)
        return block, gap


@dataclass(frozen=True)
class _Gap:
    """How often sound was lost, and how much as far as that is known."""

    count: int = 0
    seconds: float = 0.0

    def __add__(self, other: "_Gap") -> "_Gap":
        return _Gap(self.count + other.count, self.seconds + other.seconds)


_NO_GAP = _Gap()


class _Tally:
    """What there was so far: length, peaks, clipping."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._held, self._held_until = 0.0, 0.0
        self.samples, self.peak, self.clipped_samples, self.lost = 0, 0.0, 0, _NO_GAP

    @property
    def seconds(self) -> float:
        return self.samples / self._sample_rate

    def add(self, block: np.ndarray, gap: _Gap) -> Level:
        """Count a block and the gap before it; gives what the meter shows."""
        loud = np.abs(block).max(axis=1)
        peak = float(loud.max(initial=0.0))
        self.samples += len(block)
        self.lost += gap
        self.clipped_samples += int(np.count_nonzero(loud >= CLIP_LEVEL))
        self.peak = max(self.peak, peak)
        if peak >= self._held or self.seconds > self._held_until:
            self._held, self._held_until = peak, self.seconds + HOLD_SECONDS
        return Level(self.seconds, _db(peak), _db(self._held), self.clipped_samples)


def _listen(stream: InputStream, inbox: _Inbox, keep: "Callable[[np.ndarray, _Gap], bool]", stop: Stop) -> EndedBy:
    """Move blocks from the stream to `keep`; says what ended it."""
    stream.start(inbox.deliver)
    deadline = time.monotonic() + START_SECONDS
    while True:
        running = stream.is_running()
        came = inbox.take(POLL_SECONDS)
        if came is not None:
            deadline = time.monotonic() + STALL_SECONDS
            if keep(*came):
                return "seconds"
        elif not running or time.monotonic() > deadline:
            return "device"
        reason = stop()
        if reason is not None:
            stream.close()
            while (came := inbox.take(0)) is not None:  # played before the stop, not written yet
                if keep(*came):
                    return "seconds"
            return reason


def _take(path: Path, stream: InputStream, trimmed: float, tally: _Tally, ended_by: EndedBy, problem: str) -> Take:
    """The take, with sentences for what was not as it should be."""
    warnings = []
    if tally.lost.count:
        loss = f"about {tally.lost.seconds:.2f} s are" if tally.lost.seconds else "some samples are"
        gaps = f"{tally.lost.count} gap{'s' if tally.lost.count > 1 else ''}"
        warnings.append(f"has {gaps}: the machine was too busy to take the sound; {loss} missing")
    if tally.clipped_samples:
        warnings.append(f"clips ({tally.clipped_samples} samples at full scale); turn the input down")
    if _db(tally.peak) < ABSOLUTE_SILENCE_DB:
        warnings.append("is silent throughout; choose the input with --device, or turn it up")
    failure = None
    if ended_by == "device":
        failure = f"{stream.name}: stopped giving sound after {tally.seconds:.1f} s; what came before is kept"
    elif ended_by == "disk":
        failure = f"{path}: the disk refused more after {tally.seconds:.1f} s ({problem}); what fitted is kept"
    return Take(
        path,
        stream.name,
        stream.sample_rate,
        stream.channels,
        tally.seconds - trimmed,
        trimmed,
        _db(tally.peak),
        tally.clipped_samples,
        tally.lost.count,
        tally.lost.seconds,
        ended_by,
        tuple(warnings),
        failure,
    )


def _nothing(device: str, ended_by: EndedBy, problem: str) -> str:
    """Why there is no take."""
    if ended_by == "disk":
        return f"nothing could be written ({problem}); free some space or set STYLEBOX_HOME"
    if ended_by == "device":
        return f"{device}: gave no sound; is it plugged in, and may this program use it?"
    return f"{device}: stopped before any sound came; nothing is kept"


def _db(amplitude: float) -> float:
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else float("-inf")
