"""Takes on disk: their names, the removal of silence at the start, copies as training material.

A take is a FLAC file named after the time of its start. An unfinished one is called ``<name>.part.flac``; after a
killed process it can still be played and transferred. Knows nothing of devices.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np

from stylebox.core import files
from stylebox.core.audio.io.read import AudioReader, probe
from stylebox.core.audio.io.write import AudioWriter
from stylebox.core.errors import SourceError, StyleboxError
from stylebox.core.file_names import safe_name
from stylebox.core.sources.sidecar import Sidecar, write_sidecar
from stylebox.core.standard_streams import STREAM

UNFINISHED = ".part"

FRAME_SECONDS = 0.01
LEAD_SECONDS = 0.1  # kept before the first sound: an attack begins softly
ABSOLUTE_SILENCE_DB = -60.0  # dBFS RMS; below it a frame is silence
RELATIVE_SILENCE_DB = -40.0  # relative to the loudest frame; below it a frame is silence, too
ROOM_SECONDS = 0.1  # at the start, from which the level of the room is estimated
ROOM_MARGIN_DB = 6.0  # by which a sound exceeds the room
MAX_ROOM_DB = -25.0  # relative to the loudest frame; a louder start is music, not room noise


def begin_take(folder: Path, now: datetime | None = None) -> Path:
    """Reserve a name for a take that begins now: an empty file ``<time>.part.flac``."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = f"{now or datetime.now():%Y-%m-%d_%H-%M-%S}"
    for number in count(1):
        name = stamp if number == 1 else f"{stamp}-{number}"
        part = folder / f"{name}{UNFINISHED}.flac"
        if not _finished(part).exists():
            try:
                part.touch(exist_ok=False)
            except FileExistsError:
                continue
            return part
    raise AssertionError("unreachable")


def finish_take(part: Path, trim: bool = True) -> tuple[Path, float]:
    """Give a take its final name and remove the silence at its start.

    Args:
        part: The file from `begin_take`, written and closed.
        trim: False keeps the silence; it also stays if the disk has no room for a second copy.

    Returns:
        The take, and the removed seconds.
    """
    path = _finished(part)
    if trim:
        try:
            start, rate = leading_silence(part)
            if start:
                _copy_from(part, start, path)
                part.unlink()
                return path, start / rate
        except (StyleboxError, OSError):  # keep the take with its silence
            pass
    files.move_whole(part, path)
    return path, 0.0


def leading_silence(path: Path) -> tuple[int, int]:
    """Measure the silence at the start of a recording.

    A frame is silent if it is below -60 dBFS, or 40 dB below the loudest frame, or less than 6 dB above the noise of
    the room; the last 0.1 s of silence stay. A recording that is silent throughout loses nothing.

    Returns:
        The number of samples to remove, and the sample rate in Hz.
    """
    with AudioReader(path) as reader:
        rate = reader.native_rate
        frame = max(1, round(rate * FRAME_SECONDS))
        levels = np.concatenate([_levels(block, frame) for block in _whole_frames(reader, frame)] or [np.zeros(0)])
    if levels.size == 0 or levels.max() < ABSOLUTE_SILENCE_DB:
        return 0, rate
    loudest = levels.max()
    room = np.median(levels[: round(ROOM_SECONDS / FRAME_SECONDS)])
    threshold = max(
        ABSOLUTE_SILENCE_DB,
        loudest + RELATIVE_SILENCE_DB,
        min(room + ROOM_MARGIN_DB, loudest + MAX_ROOM_DB),
    )
    first = int(np.argmax(levels >= threshold))
    return max(0, first * frame - round(rate * LEAD_SECONDS)), rate


def check_instrument(name: str) -> str:
    """Give `name` as composed Unicode (NFC), if it can be the name of a folder.

    Raises:
        SourceError: It cannot.
    """
    safe = safe_name(name)
    if unicodedata.normalize("NFC", name) != safe:
        raise SourceError(f"instrument {name!r}: cannot be the name of a folder; {safe!r} can")
    return safe


def file_take(take: Path, instrument: str, sources: Path) -> Path:
    """Copy a take to the training material of an instrument, with a sidecar.

    Args:
        take: The take.
        instrument: Name of the instrument's folder.
        sources: Folder with one folder per instrument.

    Returns:
        The copy.

    Raises:
        StyleboxError: The copy exists, or the instrument cannot be the name of a folder.
    """
    target = sources / check_instrument(instrument) / take.name
    files.refuse_overwrite(target, force=False)
    files.copy_file(take, target)
    seconds = probe(target).seconds
    digest = files.file_sha256(target)
    write_sidecar(target, Sidecar(title=f"Take {take.stem}", duration_seconds=seconds, sha256=digest))
    return target


def copy_take(take: Path, output: Path, force: bool = False) -> Path:
    """Write a take, mixed to one channel, in the format of the output's suffix.

    Args:
        take: The take.
        output: A file; a folder, for a FLAC named after the take; or ``-`` for standard output.
        force: Whether to replace an existing file.

    Returns:
        The written path.

    Raises:
        StyleboxError: The output exists, or cannot be written.
    """
    if str(output) != STREAM:
        output = output / take.name if output.is_dir() else output
        files.refuse_overwrite(output, force)
    with AudioReader(take) as old, AudioWriter(output, old.native_rate) as new:
        for block in old:
            new.write(block.mean(axis=1))
    return output


def _finished(part: Path) -> Path:
    return part.with_name(part.name.replace(f"{UNFINISHED}.flac", ".flac"))


def _copy_from(source: Path, start: int, target: Path) -> None:
    """Copy `source` from sample `start` to `target`, in blocks."""
    with (
        AudioReader(source) as old,
        AudioWriter(target, old.native_rate, old.channels, old.bits, follow_link=False) as new,
    ):
        left = start
        for block in old:
            new.write(block[left:])
            left = max(0, left - len(block))


def _whole_frames(blocks: Iterable[np.ndarray], frame: int) -> Iterator[np.ndarray]:
    """Blocks of whole frames of `frame` samples; the last may be shorter. ``(S, C)`` each."""
    left: np.ndarray | None = None
    for block in blocks:
        joined = block if left is None else np.concatenate([left, block])
        whole = len(joined) // frame * frame
        if whole:
            yield joined[:whole]
        left = joined[whole:]
    if left is not None and len(left):
        yield left


def _levels(block: np.ndarray, frame: int) -> np.ndarray:
    """RMS in dBFS of each frame, of the louder channel. Shape: ``(N, C)`` -> ``(ceil(N / frame),)``."""
    starts = np.arange(0, len(block), frame)
    energy = np.add.reduceat(block.astype(np.float64) ** 2, starts, axis=0).max(axis=1)
    lengths = np.diff(np.append(starts, len(block)))
    with np.errstate(divide="ignore"):
        levels: np.ndarray = 10 * np.log10(energy / lengths)
    return levels
