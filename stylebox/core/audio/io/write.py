"""Writing sound files: WAV, FLAC, Ogg Vorbis, MP3, AAC and Opus, as a stream or at once, completely or not at all.

Knows nothing of decoding.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import soundfile

from stylebox.core.audio.clipping import excess_db, turned_down
from stylebox.core.audio.io.encode import begin_file, why_not
from stylebox.core.audio.io.formats import FORMATS
from stylebox.core.audio.io.tags import Tags
from stylebox.core.errors import AudioError, cannot_write
from stylebox.core.files import atomic_path, file_behind, remove_partial_files_of
from stylebox.core.standard_streams import STREAM, standard_output

_BLOCK_SAMPLES = 1 << 16  # given to an encoder at once: of over a minute libsndfile's Vorbis can crash


class AudioWriter:
    """A sound file as a stream: a context manager that takes blocks; memory stays bounded.

    The file gets its name when the ``with`` block ends without an error. Until then, and after an error, what was there
    before stays. Equal sound and tags give equal bytes. 16 and 24 bits read back as they were written.

        with AudioWriter("out.flac", 48000, channels=2, bits=24, tags=tags) as writer:
            for block in blocks:
                writer.write(block)

    Attributes:
        samples: Written until now, per channel.
        peak: Largest magnitude until now; above 1 the sound is clipped, except in float files.
    """

    def __init__(
        self,
        target: Path | str | tuple[BinaryIO, str],
        sample_rate: int,
        channels: int = 1,
        bits: int = 16,
        tags: Tags | None = None,
        follow_link: bool = True,
    ) -> None:
        """Name a file; ``with`` begins it.

        Args:
            target: A file, with a suffix of `FORMATS`; "-", which is a WAV to standard output; or an empty binary
                stream that can be read and searched, with the suffix of the format.
            sample_rate: In Hz.
            channels: Number of channels.
            bits: Bits per sample: 16; 24 for WAV and FLAC; 32 for WAV, which is float. The others have no depth.
            tags: What the file says of its content.
            follow_link: Where `target` is a link, write the file where it leads; otherwise the link is replaced.

        Raises:
            AudioError: the format is unknown, or has no such rate, depth or number of channels.
        """
        self._target, self._follow_link = target, follow_link
        self.name = f"sound{target[1]}" if isinstance(target, tuple) else str(target)
        check_format(self.name, sample_rate, channels, bits)
        self._suffix = Path(self.name).suffix.lower()
        if self.name == STREAM:
            self.name, self._suffix = "standard output", ".wav"
        self._sample_rate, self._channels, self._bits, self._tags = sample_rate, channels, bits, tags or Tags()
        self._open = ExitStack()
        self.samples, self.peak = 0, 0.0
        self._pending = np.zeros((0, channels), np.float32)

    def __enter__(self) -> Self:
        """Begin the file.

        Raises:
            AudioError: it cannot be written.
        """
        with _errors_named(self.name), self._open as opening:
            self._stream = opening.enter_context(_opened(self._target, self._follow_link))
            self._encoder = begin_file(
                self._stream, self._suffix, self._sample_rate, self._channels, self._bits, self._tags
            )
            opening.callback(self._encoder.close)
            self._open = opening.pop_all()
        return self

    def write(self, block: np.ndarray) -> None:
        """Append samples, of which any number may come at once.

        Raises:
            AudioError: the disk is full, for example, or a sample is not finite.

        Shape:
            ``block`` is ``(samples, channels)``, or ``(samples,)`` for one channel.
        """
        block = np.asarray(block, np.float32)
        block = block[:, None] if block.ndim == 1 else block
        if block.shape[1] != self._channels:
            raise AudioError(f"{self.name}: has {self._channels} channels, not {block.shape[1]}; check what made it")
        self.samples, self.peak = self.samples + len(block), max(self.peak, _peak(block, self.name))
        self._pending = np.concatenate([self._pending, block]) if len(self._pending) else block
        full = len(self._pending) // _BLOCK_SAMPLES * _BLOCK_SAMPLES
        with _errors_named(self.name):
            for start in range(0, full, _BLOCK_SAMPLES):  # Vorbis depends on the blocks it gets
                self._encoder.write(self._pending[start : start + _BLOCK_SAMPLES])
        self._pending = self._pending[full:].copy()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError):  # of a disk that is full, what was not written yet
                self._open.__exit__(kind, error, traceback)
            return
        with _errors_named(self.name), self._open:
            if len(self._pending):
                self._encoder.write(self._pending)
            self._encoder.finish()
            self._stream.flush()


def write_audio(
    path: Path | str,
    audio: np.ndarray,
    sample_rate: int,
    bits: int = 16,
    tags: Tags | None = None,
    follow_link: bool = True,
) -> float:
    """Write a sound in the format of the suffix, one of `FORMATS`: .wav, .flac, .ogg, .mp3, .m4a or .opus.

    The file appears whole or not at all, and equal sound gives equal bytes. Every format reads back with the same
    number of samples at the same time; for MP3, AAC and Opus this needs a reader that knows what their encoders add
    (FFmpeg, browsers, players), others add up to 50 ms of silence at the ends.

    Args:
        path: The file; "-" writes a WAV to standard output.
        audio: Full scale is 1. A louder sound is turned down as a whole, so that its peak is at -0.1 dBFS.
        sample_rate: Rate of `audio` and of the file, in Hz.
        bits: See `AudioWriter`.
        tags: What the file says of its content.
        follow_link: See `AudioWriter`.

    Returns:
        By how many dB the sound was turned down; 0.0 if it did not exceed full scale.

    Raises:
        AudioError: unknown suffix, unsupported rate, no samples or samples that are not finite, or a disk error.

    Shape:
        ``audio`` is ``(S,)``, or ``(S, C)`` of several channels.
    """
    with AudioWriter(path, sample_rate, _channels(audio), bits, tags, follow_link) as writer:
        audio, turned_down_db = _below_clipping(audio, writer.name)
        writer.write(audio)
    return turned_down_db


def encode_audio(audio: np.ndarray, sample_rate: int, suffix: str = ".flac") -> bytes:
    """The bytes that `write_audio` would write to a file of that suffix.

    Args:
        audio: Full scale is 1; a louder sound is turned down.
        sample_rate: In Hz.
        suffix: Of the format, with its dot.

    Raises:
        AudioError: as for `write_audio`.

    Shape:
        ``audio`` is ``(S,)``, or ``(S, C)`` of several channels.
    """
    stream = io.BytesIO()
    with AudioWriter((stream, suffix), sample_rate, _channels(audio)) as writer:
        writer.write(_below_clipping(audio, writer.name)[0])
    return stream.getvalue()


def check_format(path: Path | str, sample_rate: int | None = None, channels: int = 1, bits: int = 16) -> None:
    """Check a suffix and a rate before hours of work: raises what `AudioWriter` would raise.

    Args:
        path: Of the file to write; its suffix is the format.
        sample_rate: In Hz; None is not checked.
        channels: Number of channels.
        bits: Bits per sample; 32 is float.

    Raises:
        AudioError: no format has the suffix of `path`, or the format has no such rate, depth or number of channels.
        StyleboxError: standard output is closed.
    """
    name, suffix = str(path), Path(path).suffix.lower()
    if name == STREAM:
        standard_output()
        suffix = ".wav"
    elif not suffix:
        raise AudioError(f"{name}: neither a folder nor a file of a known format; make it, or use {', '.join(FORMATS)}")
    if suffix not in FORMATS:
        raise AudioError(f"{name}: unknown format {suffix}; use one of {', '.join(FORMATS)}")
    if reason := why_not(suffix):
        raise AudioError(f"{name}: {reason} or use .wav")
    known = FORMATS[suffix]
    if sample_rate is not None and known.nearest_rate(sample_rate) != sample_rate:
        rates = ", ".join(map(str, known.rates)) or f"at most {known.highest_rate}"
        raise AudioError(f"{name}: {known.name} has no rate of {sample_rate} Hz; use .wav or {rates}")
    if bits not in known.bits:
        depths = " or ".join(map(str, known.bits))
        raise AudioError(f"{name}: {suffix} has no depth of {bits} bits; use {depths}, or .wav")
    if not 1 <= channels <= known.max_channels:
        raise AudioError(f"{name}: {suffix} holds at most {known.max_channels} channels, not {channels}; use .wav")


@contextmanager
def _errors_named(name: str) -> Iterator[None]:
    """Give errors of the disk and of encoders, while a file is written, the name of the file.

    Raises:
        AudioError: instead of them.
    """
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name}: cannot be written ({error.error_string}); try another format or rate") from error
    except OSError as error:
        raise AudioError(cannot_write(name, error)) from error


@contextmanager
def _opened(target: Path | str | tuple[BinaryIO, str], follow_link: bool) -> Iterator[BinaryIO]:
    """The stream to write to, which becomes the file when the block has ended without an error."""
    if isinstance(target, tuple):
        yield target[0]
    elif str(target) == STREAM:
        content, stdout = io.BytesIO(), standard_output()
        yield content
        stdout.write(content.getbuffer())
        stdout.flush()
    else:
        path = file_behind(Path(target)) if follow_link else Path(target)
        remove_partial_files_of(path)
        with atomic_path(path) as partial, partial.open("w+b") as stream:
            yield stream


def _below_clipping(audio: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """`audio` as float32 within full scale, and by how many dB it was turned down."""
    audio = np.asarray(audio, np.float32)
    if audio.ndim not in (1, 2) or audio.size == 0:
        raise AudioError(f"{name}: there is no sound to write (shape {audio.shape}); check what made it")
    turned_down_db = excess_db(_peak(audio, name))
    return turned_down(audio, turned_down_db), turned_down_db


def _peak(audio: np.ndarray, name: str) -> float:
    """The largest magnitude, 0 of no samples; raises where a sample is not finite."""
    peak = float(np.abs(audio).max(initial=0.0))
    if not np.isfinite(peak):
        raise AudioError(f"{name}: the sound holds samples that are no numbers; check what made it")
    return peak


def _channels(audio: np.ndarray) -> int:
    """Number of channels of ``(S,)`` or ``(S, C)``."""
    return 1 if np.ndim(audio) < 2 else np.shape(audio)[1]
