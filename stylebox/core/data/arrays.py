"""One recording to its arrays: audio at the common loudness, mel, notes. The only module of a build that decodes sound.

Runs in a worker process. Knows nothing of splits or of the other recordings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from stylebox.core.audio.channels import channel_faults
from stylebox.core.audio.energy import measure_energy
from stylebox.core.audio.io.read import load_with_remarks
from stylebox.core.audio.loudness import gain_to, loudness_of
from stylebox.core.audio.mel import mel_in_blocks
from stylebox.core.config import MelConfig, Section
from stylebox.core.data.dataset import audio_to_int16, mapped
from stylebox.core.data.quality.checks import find_problems
from stylebox.core.data.quality.notes_fit import notes_misfits
from stylebox.core.errors import DatasetError, SourceError, StyleboxError, cannot_write, error_reason
from stylebox.core.files import atomic_path, write_text
from stylebox.core.music.midi.read import read_midi

MIN_SECONDS = 1.0  # shorter recordings are left out
SILENCE_DB = -60.0  # dBFS; quieter recordings are left out


class Measured(Section):
    """Measurements of a recording, stored beside its arrays."""

    seconds: float
    samples: int
    frames: int
    loudness_db: float
    gain_db: float
    has_notes: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """The reason why a recording is not in the dataset."""

    reason: str
    kind: Literal["broken", "short", "silent", "duplicate", "misplaced"] = "broken"


@dataclass(frozen=True)
class ArrayJob:
    """One recording to convert; its arrays are written below `folder`, with the stem `files`."""

    source: Path
    notes: Path | None
    folder: Path
    files: str
    mel: MelConfig


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread: the order of sums, and so the last bit, depends on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_thread()
def make_arrays(job: ArrayJob) -> Measured | LeftOut:
    """Decode, measure and write one recording; `built/<files>.json` is written last and marks the arrays as complete.

    Returns:
        The measurements, or the reason why the recording is left out.

    Raises:
        DatasetError: the dataset cannot be written. Faults of the recording are returned, not raised.
    """
    try:
        audio, left_out = load_with_remarks(job.source, job.mel.sample_rate)
    except StyleboxError as error:
        return LeftOut(str(error))
    except OSError as error:
        return LeftOut(f"{job.source}: cannot be read ({error_reason(error)})")
    except MemoryError:
        return LeftOut(f"{job.source}: is too long for this machine's memory; cut it into parts")
    if len(audio) < MIN_SECONDS * job.mel.sample_rate:
        seconds = len(audio) / job.mel.sample_rate
        return LeftOut(f"{job.source}: lasts {seconds:.2f} s, at least {MIN_SECONDS:g} s are needed", "short")
    energy = measure_energy(audio, job.mel.sample_rate)
    loudness = loudness_of(energy)
    if loudness < SILENCE_DB:
        return LeftOut("; ".join([f"{job.source}: is silent", *channel_faults(job.source)]), "silent")
    notes, remarks = _read_notes(job.notes, audio, job.mel.sample_rate)
    gain_db = gain_to(energy)
    audio = np.asarray(audio, np.float32) * np.float32(10 ** (gain_db / 20))
    mel = mel_in_blocks(audio, job.mel)
    measured = Measured(
        seconds=round(len(audio) / job.mel.sample_rate, 6),
        samples=len(audio),
        frames=len(mel),
        loudness_db=round(float(loudness), 3),
        gain_db=round(float(gain_db), 3),
        has_notes=notes is not None,
        warnings=(*left_out, *remarks, *find_problems(job.source, audio, mel, job.mel)),
    )
    arrays = {"mels": mel, "audio": audio_to_int16(audio), **({} if notes is None else {"notes": notes})}
    _save(job, arrays, measured)
    return measured


def _read_notes(path: Path | None, audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray | None, list[str]]:
    """The notes of a MIDI file, ``(n, 4)``, and what to know of them; a recording is used without those it lacks.

    Shape:
        audio is ``(S,)``.
    """
    if path is None:
        return None, []
    try:
        score = read_midi(path)
    except SourceError as error:
        return None, [f"its notes are not used: {error}"]
    if not score.notes:  # of a recording that has some, whatever it says
        why = f" ({'; '.join(score.remarks)})" if score.remarks else ""
        return None, [f"its notes are not used: {path}: has none{why}; export it again or delete it"]
    notes = np.array([note[:4] for note in score.notes], np.float32).reshape(-1, 4)
    remarks = [*score.remarks, *notes_misfits(audio, sample_rate, score.notes)]
    return notes, [f"{path.name}: {remark}" for remark in remarks]


def built_path(folder: Path, files: str) -> Path:
    """The file that marks the arrays with the stem `files` as complete."""
    return folder / "built" / f"{files}.json"


def read_built(folder: Path, files: str) -> Measured | None:
    """Measurements of arrays from an earlier build; None unless they are complete and can be read."""
    try:
        measured = Measured.model_validate_json(built_path(folder, files).read_bytes())
        mapped(folder / "mels" / f"{files}.npy", np.uint8, (measured.frames, None))
        mapped(folder / "audio" / f"{files}.npy", np.int16, (measured.samples,))
        if measured.has_notes:
            mapped(folder / "notes" / f"{files}.npy", np.float32, (None, 4))
    except (OSError, ValueError, DatasetError):
        return None
    return measured


def _save(job: ArrayJob, arrays: dict[str, np.ndarray], measured: Measured) -> None:
    try:
        for kind, array in arrays.items():
            with atomic_path(job.folder / kind / f"{job.files}.npy") as partial:
                np.save(partial, array)
        write_text(built_path(job.folder, job.files), measured.model_dump_json())
    except OSError as error:
        raise DatasetError(cannot_write(job.folder, error)) from error
