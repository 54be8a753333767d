"""Takes on disk: their names, the silence before the first note, and where they are filed.

A take is a FLAC named after when it began. Until it is finished it is called ``<name>.part.flac``, which can be
heard and transferred as it is if the program was killed. Knows nothing of devices.
"""

import shutil
import unicodedata
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np
import soundfile

from stylebox.core import paths
from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.write import write_audio
from stylebox.core.errors import SourceError
from stylebox.core.file_names import safe_name
from stylebox.core.sources.sidecar import Sidecar, write_sidecar

UNFINISHED = ".part"
SUBTYPE = "PCM_24"

FRAME_SECONDS = 0.01
LEAD_SECONDS = 0.1  # kept before the first sound: an attack begins before it is loud
ABSOLUTE_SILENCE_DB = -60.0  # dBFS RMS; below it a frame is silence
RELATIVE_SILENCE_DB = -40.0  # below the loudest frame, likewise
ROOM_SECONDS = 0.1  # how the room sounds, unless the player was faster
ROOM_MARGIN_DB = 6.0  # a sound exceeds the room by this
MAX_ROOM_DB = -25.0  # below the loudest frame; what is louder at the start is music, not room


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
    """Give a take its final name, without the silence before its first sound.

    Args:
        part: As given by `begin_take`, written and closed.
        trim: False keeps the silence; so does a disk that cannot hold a second copy.

    Returns:
        The take, and how many seconds were left out.
    """
    path = _finished(part)
    if trim:
        try:
            start, rate = leading_silence(part)
            if start:
                _copy_from(part, start, path)
                part.unlink()
                return path, start / rate
        except (OSError, soundfile.LibsndfileError):  # better a take with silence than none
            pass
    part.replace(path)
    return path, 0.0


def leading_silence(path: Path) -> tuple[int, int]:
    """How many samples a recording can lose at its start, and its sample rate.

    Silence is what stays below -60 dBFS, or 40 dB below the loudest frame, or hardly above the room's own noise;
    0.1 s of it stay. A recording that is silent throughout loses nothing.
    """
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        frame = max(1, round(rate * FRAME_SECONDS))
        blocks = file.blocks(frame * 1000, dtype="float32", always_2d=True)
        levels = np.concatenate([_levels(block, frame) for block in blocks] or [np.zeros(0)])
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
    """`name`, Unicode composed, if it can be the name of a folder of training material.

    Raises:
        SourceError: it cannot.
    """
    safe = safe_name(name)
    if unicodedata.normalize("NFC", name) != safe:
        raise SourceError(f"instrument {name!r}: cannot be the name of a folder; {safe!r} can")
    return safe


def file_take(take: Path, instrument: str, sources: Path) -> Path:
    """Copy a take to the training material of an instrument, with a sidecar; gives the copy."""
    target = sources / check_instrument(instrument) / take.name
    paths.refuse_overwrite(target, force=False)
    with paths.atomic_path(target) as partial:
        shutil.copyfile(take, partial)
    seconds = soundfile.info(target).duration
    digest = paths.file_sha256(target)
    write_sidecar(target, Sidecar(title=f"Take {take.stem}", duration_seconds=seconds, sha256=digest))
    return target


def copy_take(take: Path, output: Path, force: bool = False) -> Path:
    """Write a take, mixed to one channel, in the format of the output's suffix; gives where it went.

    Args:
        output: A file; a folder, for a FLAC of the take's name; or ``-`` for standard output.

    Raises:
        StyleboxError: the output exists, or cannot be written.
    """
    if str(output) != "-":
        output = output / take.name if output.is_dir() else output
        paths.refuse_overwrite(output, force)
    sample_rate = soundfile.info(take).samplerate
    write_audio(output, load_audio(take, sample_rate), sample_rate)
    return output


def _finished(part: Path) -> Path:
    return part.with_name(part.name.replace(f"{UNFINISHED}.flac", ".flac"))


def _copy_from(source: Path, start: int, target: Path) -> None:
    """`source` from sample `start` on, as `target`, in blocks."""
    with soundfile.SoundFile(source) as old, paths.atomic_path(target) as partial:
        old.seek(start)
        with soundfile.SoundFile(partial, "w", old.samplerate, old.channels, SUBTYPE, format="FLAC") as new:
            for block in old.blocks(65536, dtype="int32", always_2d=True):  # exact
                new.write(block)


def _levels(block: np.ndarray, frame: int) -> np.ndarray:
    """RMS in dBFS of each frame, of the louder channel. Shape: ``(N, C)`` -> ``(ceil(N / frame),)``."""
    starts = np.arange(0, len(block), frame)
    energy = np.add.reduceat(block.astype(np.float64) ** 2, starts, axis=0).max(axis=1)
    lengths = np.diff(np.append(starts, len(block)))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(energy / lengths)
