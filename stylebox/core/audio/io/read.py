"""Reading sound files as mono float32 at one rate.

Knows nothing of codecs, loudness or mels.
"""

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soxr

from stylebox.core.audio.io.decode import AudioInfo, Block, decode, read_info
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import AudioError, error_reason

INSANE_LEVEL = 1e6  # +120 dBFS: occurs only in damaged float files
MAX_DAMAGED_SHARE = 0.01  # of the samples; with more the file is refused


def load_audio(source: Path | str | BinaryIO, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Decode a sound, mix its channels to their mean, and resample it.

    A truncated file gives the part that exists. Single samples that are not finite become silence.

    Args:
        source: A path; "-" for standard input; or a binary file object, which is read from its beginning.
        sample_rate: Rate of the result, in Hz.

    Returns:
        float32, ``round(native_samples * sample_rate / native_rate)`` samples; full scale is 1, and float
        files may exceed it. At the native rate samples are left as decoded.

    Raises:
        AudioError: the file does not exist, cannot be decoded, or has no samples.

    Shape:
        The result is ``(S,)``, S at least 1.
    """
    with _opened(source) as (stream, name):
        audio = _join_resampled(_mixed(decode(stream, name), name), sample_rate)
    if audio.size == 0:
        raise AudioError(f"{name}: holds no sound (0 samples); record or export it again")
    return audio


def probe(source: Path | str | BinaryIO) -> AudioInfo:
    """Duration, rate, channels and codec of a sound; decoded only if its header lacks them.

    Raises:
        AudioError: as for `load_audio`, except that a file without samples has 0 seconds.
    """
    with _opened(source) as (stream, name):
        return read_info(stream, name)


def resample(audio: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """`audio` at another rate (soxr, high quality), aligned in time.

    Args:
        audio: Mono.
        from_rate: Its rate, in Hz.
        to_rate: Rate of the result, in Hz.

    Shape:
        ``audio`` is ``(S,)``, the result ``(round(S * to_rate / from_rate),)``, float32.
    """
    return _join_resampled([(from_rate, np.asarray(audio, np.float32))], to_rate)


@contextmanager
def _opened(source: Path | str | BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """A seekable stream, and its name for error messages."""
    if not isinstance(source, str | Path):
        name = str(getattr(source, "name", "the given stream"))
        yield _seekable(source, name), name
    elif str(source) == "-":
        name = "standard input"
        if sys.stdin.isatty():
            raise AudioError(f"{name}: is a terminal; pipe a sound file into it or name a file")
        yield _seekable(sys.stdin.buffer, name), name
    else:
        path = Path(source)
        try:
            if path.is_dir():
                raise AudioError(f"{path}: is a folder; name a sound file in it")
            if path.exists() and not (path.is_file() or path.is_fifo()):
                raise AudioError(f"{path}: is not a file; name a sound file")
            file = path.open("rb")
        except FileNotFoundError as error:
            raise AudioError(f"{path}: no such file; check the name") from error
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise AudioError(f"{path}: cannot be opened ({error_reason(error)}); check name and permissions") from error
        with file:
            yield _seekable(file, str(path)), str(path)


def _seekable(stream: BinaryIO, name: str) -> BinaryIO:
    """`stream`, read into memory if it is a pipe."""
    try:
        if not stream.seekable():
            stream = io.BytesIO(stream.read())
        if stream.seek(0, io.SEEK_END) == 0:
            raise AudioError(f"{name}: is empty (0 bytes); record or export it again")
    except OSError as error:
        raise AudioError(f"{name}: cannot be read ({error_reason(error)}); copy it again") from error
    return stream


def _mixed(blocks: Iterable[Block], name: str) -> Iterator[Block]:
    """Blocks ``(S,)``: the mean of the channels, with samples that are not finite, or absurdly large, set to zero."""
    total, damaged = 0, 0
    for rate, block in blocks:
        sane = np.abs(block) < INSANE_LEVEL  # false for NaN too
        total, damaged = total + block.size, damaged + int(block.size - np.count_nonzero(sane))
        yield rate, np.where(sane, block, np.float32(0)).mean(axis=1, dtype=np.float32)
    if damaged > MAX_DAMAGED_SHARE * total:
        share = damaged / total
        raise AudioError(f"{name}: {share:.0%} of its samples are no numbers; record or export it again")


def _join_resampled(blocks: Iterable[Block], sample_rate: int) -> np.ndarray:
    """Mono blocks of one sound as one array, resampled block by block to save memory."""
    joined, stream, native_rate, native_samples = [], None, sample_rate, 0
    for rate, block in blocks:
        if native_samples == 0 and rate != sample_rate:
            native_rate = rate
            stream = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        native_samples += len(block)
        joined.append(stream.resample_chunk(block) if stream else block)
    if stream:
        joined.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    audio = np.concatenate(joined) if joined else np.zeros(0, np.float32)
    num_samples = max(round(native_samples * sample_rate / native_rate), min(native_samples, 1))
    return audio[:num_samples] if len(audio) >= num_samples else np.pad(audio, (0, num_samples - len(audio)))
