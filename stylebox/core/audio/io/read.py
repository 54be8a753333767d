"""Reading sound files: as a stream of blocks with all channels, or as one mono array.

Knows nothing of codecs, loudness or mels.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import soxr

from stylebox.core.audio.io.containers.place import kept_place
from stylebox.core.audio.io.decode import open_track
from stylebox.core.audio.io.numbers import DamagedSamples
from stylebox.core.audio.io.source import Source, disk_errors_named, opened
from stylebox.core.audio.io.tags import Tags, read_tags
from stylebox.core.audio.io.track import Block, Track
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import AudioError

LONGEST_SECONDS = 3 * 3600.0  # that are loaded into memory at once; a small file may hold days of silence
_FLOATS = ("float", "double")  # codecs
MIN_RATE, MAX_RATE = 1000, 1_000_000  # Hz; others occur in damaged files only


@dataclass(frozen=True)
class AudioInfo:
    """Properties of a sound file."""

    samples: int  # per channel, at its own rate
    sample_rate: int  # Hz
    channels: int
    codec: str  # flac, mp3, vorbis, opus, aac, pcm_16, float, ...
    bits: int  # per sample; 0 for codecs that lose something, which have no depth
    tags: Tags
    remarks: tuple[str, ...]  # what was left out or filled with silence

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples / self.sample_rate


class AudioReader:
    """A sound file as a stream: a context manager that gives blocks in bounded memory, once.

    The time line of the file is kept: where packets are missing there is silence, and what encoders put in front is
    left out. A truncated file ends early. Samples that are not finite become silence. Of several sound tracks the
    default one is read. All blocks have the rate and the channels of the first.

        with AudioReader("take.m4a") as reader:
            for block in reader:
                ...

    Attributes:
        name: The file, for messages.
        native_rate: Rate of the file, in Hz.
        sample_rate: Rate of the blocks, in Hz.
        channels: Number of channels, at least 1.
        codec: flac, mp3, vorbis, opus, aac, pcm_16, float, ...
        bits: Bits per sample of the file, such as 16, 24 or 32; 0 for codecs that lose something.
        samples: Given until now, per channel, at `sample_rate`. After the last block it is the exact length:
            ``round(native_samples * sample_rate / native_rate)``.
        native_samples: The same at `native_rate`.
    """

    def __init__(self, source: Source, sample_rate: int | None = None, name: str | None = None) -> None:
        """Name a sound; it is opened by ``with``.

        Args:
            source: A path; "-" for standard input; or a binary file object, which is read from its beginning.
            sample_rate: To resample to, in Hz; None keeps the file's.
            name: For messages; None takes that of the source.
        """
        self._source, self._requested_rate, self._name = source, sample_rate, name
        self._open = ExitStack()
        self._damaged = DamagedSamples()
        self.samples = self.native_samples = 0

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            AudioError: the file does not exist, or is not a sound file.
        """
        with self._open as opening:
            self._stream, name = opening.enter_context(opened(self._source))
            self.name = self._name or name
            with disk_errors_named(self.name):
                self._track: Track = opening.enter_context(open_track(self._stream, self.name))
            _check_rate(self._track.sample_rate, self.name)
            self._open = opening.pop_all()
        self.native_rate, self.channels = self._track.sample_rate, self._track.channels
        self.codec, self.bits = self._track.codec, self._track.bits
        self.sample_rate = self._requested_rate or self.native_rate
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[np.ndarray]:
        """The blocks, of any size.

        Raises:
            AudioError: more than 1 % of the samples are not finite; known after the last block.

        Shape:
            Each block is float32 ``(samples, channels)``, samples at least 1.
        """
        for block in resample_blocks(self._native_blocks(), self.native_rate, self.sample_rate, self.channels):
            self.samples += len(block)
            yield block

    @property
    def known_samples(self) -> int | None:
        """Length at `native_rate` before anything is read, where it is certain: uncompressed formats."""
        return self._track.known_samples

    @property
    def remarks(self) -> list[str]:
        """What was left out or filled with silence; complete after the last block."""
        return self._track.remarks

    def read_tags(self) -> Tags:
        """Title, artist, cover and so on, at any time."""
        with kept_place(self._stream):
            return read_tags(self._stream, self.name)

    def report_damage(self) -> None:
        """Remark on samples that are no numbers; for callers that stop before the last block, which does the same.

        Raises:
            AudioError: More than 1 % of the samples until now are no numbers.
        """
        self._track.remarks += self._damaged.reported(self.name)

    def _native_blocks(self) -> Iterator[np.ndarray]:
        blocks = _conformed(self._track.blocks, self.native_rate, self.channels)
        while True:
            with disk_errors_named(self.name):
                block = next(blocks, None)
            if block is None:
                break
            self.native_samples += len(block)
            yield self._damaged.silenced(block)
        self.report_damage()


def load_audio(source: Source, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """A sound as `load_with_remarks` gives it, without the remarks.

    Args:
        source: A path; "-" for standard input; or a binary file object, which is read from its beginning.
        sample_rate: Rate of the result, in Hz.

    Raises:
        AudioError: as `load_with_remarks`.

    Shape:
        The result is ``(S,)``, S at least 1.
    """
    return load_with_remarks(source, sample_rate)[0]


def load_with_remarks(
    source: Source, sample_rate: int = SAMPLE_RATE, named: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Decode a sound, mix its channels to their mean, and resample it.

    A truncated file gives the part that exists. Single samples that are not finite become silence.

    Args:
        source: A path; "-" for standard input; or a binary file object, which is read from its beginning.
        sample_rate: Rate of the result, in Hz.
        named: Whether each remark begins with the file's name, for where it is one of several files.

    Returns:
        float32, ``round(native_samples * sample_rate / native_rate)`` samples; full scale is 1, and float
        files may exceed it. At the native rate samples are left as decoded. And what was left out of the sound or
        filled with silence.

    Raises:
        AudioError: the file does not exist, cannot be decoded, has no samples, or is longer than three hours.

    Shape:
        The sound is ``(S,)``, S at least 1.
    """
    mono: list[np.ndarray] = []
    with AudioReader(source, sample_rate) as reader:
        _check_length((reader.known_samples or 0) / reader.native_rate, reader.name)
        for block in reader:
            mono.append(block.mean(axis=1, dtype=np.float32))
            _check_length(reader.samples / reader.sample_rate, reader.name)
    if not mono:
        raise AudioError(f"{reader.name}: holds no sound (0 samples); record or export it again")
    prefix = f"{reader.name}: " if named else ""
    return np.concatenate(mono), [prefix + remark for remark in reader.remarks]


def probe(source: Source) -> AudioInfo:
    """Length, rate, channels, codec and tags of a sound.

    It is decoded unless its length is certain without, and each of its samples a number: those of floats need not be.

    Raises:
        AudioError: as for `load_audio`, except that a file without samples has 0 seconds.
    """
    with AudioReader(source) as reader:
        samples = reader.known_samples
        if samples is None or reader.codec in _FLOATS:
            samples = sum(len(block) for block in reader)
        tags, remarks = reader.read_tags(), tuple(reader.remarks)
        return AudioInfo(samples, reader.native_rate, reader.channels, reader.codec, reader.bits, tags, remarks)


def resample(audio: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """`audio` at another rate (soxr, high quality), aligned in time.

    Args:
        audio: Mono.
        from_rate: Its rate, in Hz.
        to_rate: Rate of the result, in Hz.

    Shape:
        ``audio`` is ``(S,)``, the result ``(round(S * to_rate / from_rate),)``, float32.
    """
    blocks = list(resample_blocks([np.asarray(audio, np.float32)[:, None]], from_rate, to_rate, 1))
    return np.concatenate(blocks)[:, 0] if blocks else np.zeros(0, np.float32)


def _check_rate(sample_rate: int, name: str) -> None:
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(f"{name}: {sample_rate} Hz is no rate of a sound file; export it again at 44100 Hz")


def _check_length(seconds: float, name: str) -> None:
    if seconds > LONGEST_SECONDS:
        hours = LONGEST_SECONDS / 3600
        raise AudioError(f"{name}: lasts more than {hours:g} hours, too long to be loaded at once; cut it into parts")


def _conformed(blocks: Iterable[Block], sample_rate: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks at the rate and with the channels of the first, which a broadcast or a chained file may change."""
    at_rate: list[np.ndarray] = []
    last_rate = sample_rate
    for rate, block in blocks:
        if block.shape[1] != channels:
            block = np.repeat(block.mean(axis=1, keepdims=True, dtype=np.float32), channels, axis=1)
        if at_rate and rate != last_rate:
            yield from resample_blocks(at_rate, last_rate, sample_rate, channels)
            at_rate = []
        last_rate = rate
        if rate == sample_rate:
            yield block
        elif MIN_RATE <= rate <= MAX_RATE:
            at_rate.append(block)
    yield from resample_blocks(at_rate, last_rate, sample_rate, channels)


def resample_blocks(blocks: Iterable[np.ndarray], from_rate: int, to_rate: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks at another rate, in all ``round(samples * to_rate / from_rate)`` samples, but not 0 of some.

    Args:
        blocks: Of one sound, in order.
        from_rate: In Hz.
        to_rate: In Hz.
        channels: Number of channels.

    Shape:
        ``(samples, channels)`` each -> the same.
    """
    if from_rate == to_rate:
        yield from (block for block in blocks if len(block))
        return
    stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="HQ")
    taken = given = 0
    for block in blocks:
        taken += len(block)
        out = stream.resample_chunk(np.ascontiguousarray(block)).reshape(-1, channels)
        given += len(out)
        if len(out):
            yield out
    missing = max(round(taken * to_rate / from_rate), min(taken, 1)) - given
    rest = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True).reshape(-1, channels)
    if missing > 0:
        yield np.pad(rest[:missing], ((0, missing - len(rest[:missing])), (0, 0)))
