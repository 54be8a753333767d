"""Writing sound files: WAV, FLAC, Ogg Vorbis and MP3, atomically and never clipped.

Knows nothing of decoding.
"""

import io
import os
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from stylebox.core.audio.io.ogg import with_plain_serial
from stylebox.core.errors import AudioError, error_reason
from stylebox.core.paths import atomic_path

# Suffix -> libsndfile's format, subtype, and compression in [0, 1]: Vorbis quality 8 of 10, MP3 V1.
FORMATS: dict[str, tuple[str, str, float | None]] = {
    ".wav": ("WAV", "PCM_16", None),
    ".flac": ("FLAC", "PCM_16", None),
    ".ogg": ("OGG", "VORBIS", 0.2),
    ".mp3": ("MP3", "MPEG_LAYER_III", 0.1),
}
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz; MP3 has no others
CEILING_DB = -0.1  # dBFS; peak of a sound that was turned down because it would clip
STREAM = "-"  # file name that stands for standard output
BLOCK_SECONDS = 10.0  # libsndfile can crash on over a minute of Vorbis in one call


def write_audio(path: Path | str, audio: np.ndarray, sample_rate: int) -> float:
    """Write mono sound in the format of the suffix: .wav and .flac (16 bit), .ogg (Vorbis) or .mp3.

    The file appears whole or not at all, and equal sound gives equal bytes. Every format reads back with the same
    number of samples at the same time; for MP3 this needs a reader that knows its gapless header (libsndfile, FFmpeg,
    browsers), others add about 50 ms of silence at the ends.

    Args:
        path: The file; "-" writes a WAV to standard output.
        audio: Full scale is 1. A louder sound is turned down as a whole, so that its peak is at -0.1 dBFS.
        sample_rate: Rate of `audio` and of the file, in Hz.

    Returns:
        By how many dB the sound was turned down; 0.0 if it did not exceed full scale.

    Raises:
        AudioError: unknown suffix, unsupported rate, no samples or samples that are not finite, or a disk error.

    Shape:
        ``audio`` is ``(S,)``.
    """
    path = Path(path)
    check_format(path, sample_rate)
    to_stdout = str(path) == STREAM
    name, suffix = ("standard output", ".wav") if to_stdout else (str(path), path.suffix.lower())
    audio, turned_down_db = _below_clipping(audio, name)
    try:
        if to_stdout:
            sys.stdout.buffer.write(_encoded(audio, sample_rate, suffix))
            sys.stdout.buffer.flush()
        else:
            with atomic_path(path) as partial:
                if FORMATS[suffix][0] == "OGG":
                    partial.write_bytes(_encoded(audio, sample_rate, suffix))
                else:
                    _write_blocks(partial, audio, sample_rate, suffix)
    except soundfile.LibsndfileError as error:
        fix = "look for room and permission there" if "System error" in str(error) else "try another format or rate"
        raise AudioError(f"{name}: cannot be written ({error.error_string}); {fix}") from error
    except OSError as error:
        raise AudioError(f"{name}: cannot be written ({error_reason(error)}); choose another place") from error
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
        ``audio`` is ``(S,)``.
    """
    check_format(f"sound{suffix}", sample_rate)
    return _encoded(_below_clipping(audio, f"sound{suffix}")[0], sample_rate, suffix)


def check_format(path: Path | str, sample_rate: int | None = None) -> None:
    """Check a suffix and a rate before hours of work: raises what `write_audio` would raise.

    Raises:
        AudioError: no format has the suffix of `path`, or the format has no such `sample_rate` (None is not checked).
    """
    name, suffix = str(path), Path(path).suffix.lower()
    if name == STREAM:
        return
    if not suffix:
        raise AudioError(f"{name}: neither a folder nor a file of a known format; make it, or use {', '.join(FORMATS)}")
    if suffix not in FORMATS:
        raise AudioError(f"{name}: unknown format {suffix}; use one of {', '.join(FORMATS)}")
    if FORMATS[suffix][0] not in soundfile.available_formats():  # before libsndfile 1.1: no MP3
        version = soundfile.__libsndfile_version__
        raise AudioError(f"{name}: libsndfile {version} cannot write it; update soundfile or use .wav")
    if suffix == ".mp3" and sample_rate not in (None, *MP3_RATES):
        rates = ", ".join(map(str, MP3_RATES))
        raise AudioError(f"{name}: MP3 has no rate of {sample_rate} Hz; use .wav or one of {rates}")


def _encoded(audio: np.ndarray, sample_rate: int, suffix: str) -> bytes:
    """The content of a file, in memory."""
    buffer = io.BytesIO()
    _write_blocks(buffer, audio, sample_rate, suffix)
    return with_plain_serial(buffer.getvalue()) if FORMATS[suffix][0] == "OGG" else buffer.getvalue()


def _below_clipping(audio: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """`audio` as float32 within full scale, and by how many dB it was turned down."""
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or audio.size == 0:
        raise AudioError(f"{name}: there is no mono sound to write (shape {audio.shape}); check what made it")
    peak = float(np.abs(audio).max())
    if not np.isfinite(peak):
        raise AudioError(f"{name}: the sound holds samples that are no numbers; check what made it")
    if peak <= 1.0:
        return audio, 0.0
    turned_down_db = 20 * float(np.log10(peak)) - CEILING_DB
    return audio * np.float32(10 ** (-turned_down_db / 20)), turned_down_db


def _write_blocks(target: Path | bytes | BinaryIO, audio: np.ndarray, sample_rate: int, suffix: str) -> None:
    """Encode `audio` into `target`, a block at a time."""
    container, subtype, compression = FORMATS[suffix]
    block_samples = max(1, round(BLOCK_SECONDS * sample_rate))
    if isinstance(target, Path) and os.name == "posix":
        target = os.fsencode(target)  # a name need not be UTF-8; soundfile wants it so
    with soundfile.SoundFile(
        target, "w", sample_rate, 1, subtype, format=container, compression_level=compression
    ) as file:
        for start in range(0, len(audio), block_samples):
            file.write(audio[start : start + block_samples])
