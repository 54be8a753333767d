"""`stylebox build`: one folder of recordings per instrument becomes a dataset. Only changed recordings are decoded.

Arrays are named by their content and the manifest is written last: until then the earlier dataset stays valid, and a
build that was killed continues where it stopped. Splitting and balancing have modules of their own.
"""

import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stylebox.core.config import MelConfig
from stylebox.core.data.arrays import ArrayJob, LeftOut, Measured, make_arrays, read_built
from stylebox.core.data.balance import equalise_instruments, limit_recordings
from stylebox.core.data.manifest import CONTENT_FOLDER, FORMAT_VERSION, BuildRules, Manifest, Recording, write_manifest
from stylebox.core.data.quality.duplicates import find_alike
from stylebox.core.data.scan import FoundSources, SourceFile, find_sources
from stylebox.core.data.split import assign_splits
from stylebox.core.errors import DatasetError, StyleboxError, cannot_write, error_reason
from stylebox.core.files import file_sha256, remove_partial_files
from stylebox.core.music.instrument_names import fold_name, plain_name
from stylebox.core.paths import entries
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sources.sidecar import Sidecar, read_sidecar
from stylebox.core.worker_processes import run_all

_DIGITS = 12  # of the hash in the name of an array
_BUILT_SUFFIX = ".json"
_ARRAY = re.compile(rf".+\.[0-9a-f]{{{_DIGITS}}}(\.npy|{re.escape(_BUILT_SUFFIX)})", re.DOTALL)
_ARRAY_FOLDERS = ("mels", "audio", "notes", "built")


@dataclass(frozen=True)
class Skipped:
    """A file that is not in the dataset, and the reason. Only `kind` "broken" is a failure."""

    source: str
    reason: str
    kind: str


@dataclass(frozen=True)
class BuildReport:
    """Result of a build.

    Attributes:
        dataset: Its folder.
        seconds: Usable seconds by instrument, then by split.
        recordings: Number of recordings by instrument.
        made: Number of recordings decoded now; the others are from an earlier build.
        removed: Number of recordings of an earlier build that were deleted.
        skipped: Files that are not in the dataset.
        warnings: Possible faults that a listener should check, one line each, naming the file.
        remarks: Unusual properties of the splits and of the instruments' names, one line each.
    """

    dataset: Path
    seconds: dict[str, dict[str, float]]
    recordings: dict[str, int]
    made: int
    removed: int
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def broken(self) -> tuple[Skipped, ...]:
        """Files that cannot be used although they should be; the build is then only a partial success."""
        return tuple(s for s in self.skipped if s.kind == "broken")


@dataclass(frozen=True)
class _Candidate:
    file: SourceFile
    sha256: str
    sidecar: Sidecar
    files: str
    size: int  # bytes


def build(
    sources: Path,
    dataset: Path,
    *,
    mel: MelConfig | None = None,
    jobs: int | None = None,
    max_minutes: float | None = 30.0,
    equalise: bool = False,
    progress: ProgressCallback = silent,
) -> BuildReport:
    """Build or update a dataset from ``sources/<instrument>/<recording>``.

    Args:
        sources: Folder with one folder of recordings per instrument.
        dataset: Folder of the dataset.
        mel: Mel settings; None for those of preset `base`.
        jobs: Number of processes; None for one per CPU core.
        max_minutes: Longest part of one recording to use; None is no limit.
        equalise: Limit every instrument to the material of the instrument with the least.
        progress: Receives the progress.

    Raises:
        DatasetError: there are no recordings, none is usable, or the dataset cannot be written.
    """
    mel, jobs = mel or MelConfig(), jobs or os.cpu_count() or 1
    found = find_sources(sources)
    files, skipped = found.files, _left_out_at_once(sources, found)
    identified = list(_identify(files, mel, jobs, progress))
    candidates = [item for item in identified if isinstance(item, _Candidate)]
    skipped += [item for item in identified if isinstance(item, Skipped)]
    try:
        measured, left_out, made = _make(candidates, dataset, mel, jobs, progress)
    finally:
        for folder in (dataset, *(dataset / name for name in _ARRAY_FOLDERS)):
            remove_partial_files(folder)
    skipped = sorted([*skipped, *left_out], key=lambda s: s.source)
    usable = [c for c in candidates if c.file.id in measured]
    if not usable:
        raise DatasetError(f"{sources}: none of {len(files)} files is usable; the first: {skipped[0].reason}")
    rules = BuildRules(max_minutes=max_minutes, equalise=equalise)
    recordings = [_recording(c, measured[c.file.id]) for c in usable]
    recordings, remarks = _arrange(recordings, rules, mel.frames_per_second)
    try:
        write_manifest(dataset, Manifest(mel=mel, rules=rules, recordings=tuple(recordings)))
        removed = _remove_stale(dataset, {r.files for r in recordings})
    except OSError as error:
        raise DatasetError(cannot_write(dataset, error)) from error
    return BuildReport(
        dataset=dataset,
        seconds=_seconds(recordings, mel.frames_per_second),
        recordings=dict(sorted(Counter(c.file.instrument for c in usable).items())),
        made=made,
        removed=removed,
        skipped=tuple(skipped),
        warnings=tuple(f"{c.file.path}: {w}" for c in usable for w in measured[c.file.id].warnings)
        + tuple(_alike(usable, dataset)),
        remarks=(*remarks, *_spelt_alike({c.file.instrument for c in usable})),
    )


def _left_out_at_once(sources: Path, found: FoundSources) -> list[Skipped]:
    """What the search itself leaves out."""
    return [
        *(Skipped(s, f"{sources / s}: lies in no instrument's folder", "misplaced") for s in found.misplaced),
        *(Skipped(path, line, "broken") for path, line in found.problems.items()),
        *(Skipped(str(path), f"{path}: is not a sound file", "other") for path in found.others),
    ]


def _identify(
    files: list[SourceFile], mel: MelConfig, jobs: int, progress: ProgressCallback
) -> Iterator[_Candidate | Skipped]:
    """Hash every file and read its sidecar; of files with the same content only the first is used."""

    def examined(file: SourceFile) -> _Candidate | LeftOut:
        try:
            sha256 = file_sha256(file.path)
            notes = "" if file.notes is None else file_sha256(file.notes)
            settings = json.dumps([FORMAT_VERSION, sha256, notes, mel.model_dump()], sort_keys=True)
            files = f"{file.id}.{hashlib.sha256(settings.encode()).hexdigest()[:_DIGITS]}"
            sidecar = read_sidecar(file.path) or Sidecar()
            return _Candidate(file, sha256, sidecar, files, file.path.stat().st_size)
        except OSError as error:
            return LeftOut(f"{file.path}: cannot be read ({error_reason(error)})")
        except StyleboxError as error:
            return LeftOut(str(error))

    first: dict[str, str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for number, (file, known) in enumerate(zip(files, pool.map(examined, files), strict=True), start=1):
            progress(Progress("reading", number, len(files), file.source))
            if isinstance(known, LeftOut):
                yield Skipped(file.source, known.reason, known.kind)
            elif known.sha256 in first:
                yield Skipped(file.source, f"{file.path}: is the same as {first[known.sha256]}", "duplicate")
            else:
                first[known.sha256] = file.source
                yield known


def _make(
    candidates: list[_Candidate], dataset: Path, mel: MelConfig, jobs: int, progress: ProgressCallback
) -> tuple[dict[str, Measured], list[Skipped], int]:
    """Make the missing arrays: returns measurements by id, the files left out, and the number of arrays made."""
    measured = {c.file.id: known for c in candidates if (known := read_built(dataset, c.files))}
    missing = [c for c in candidates if c.file.id not in measured]
    # The longest first: otherwise a single core works on it at the end.
    missing.sort(key=lambda c: (-c.size, c.file.id))
    work = [ArrayJob(c.file.path, c.file.notes, dataset, c.files, mel) for c in missing]
    skipped: list[Skipped] = []
    for number, (position, outcome) in enumerate(run_all(make_arrays, work, jobs), start=1):
        file = missing[position].file
        progress(Progress("building", number, len(work), file.source))
        if isinstance(outcome, Measured):
            measured[file.id] = outcome
        else:
            skipped.append(Skipped(file.source, outcome.reason, outcome.kind))
    return measured, skipped, len(work) - len(skipped)


def _alike(usable: list[_Candidate], dataset: Path) -> Iterator[str]:
    """A warning for each recording that sounds like an earlier one; rendered scores are not compared."""
    played = [c for c in usable if c.sidecar.score is None]
    mels = (np.load(dataset / "mels" / f"{c.files}.npy", mmap_mode="r") for c in played)
    for first, second in find_alike(mels):
        yield f"{played[second].file.path}: sounds the same as {played[first].file.source}; delete one of them"


def _spelt_alike(instruments: Iterable[str]) -> Iterator[str]:
    """A remark for each instrument that has several folders, such as `Violin`, `violin` and `Geige`."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in sorted(instruments):
        spellings[plain_name(name) or fold_name(name)].append(name)
    for names in spellings.values():
        if len(names) > 1:
            listed = " and ".join(map(repr, names))
            yield f"the folders {listed} count as {len(names)} instruments; give them one name if they are one"


def _recording(candidate: _Candidate, known: Measured) -> Recording:
    sidecar, file = candidate.sidecar, candidate.file
    return Recording(
        id=file.id,
        files=candidate.files,
        instrument=file.instrument,
        source=file.source,
        sha256=candidate.sha256,
        title=sidecar.title or Path(file.source).stem,
        url=sidecar.url,
        license=sidecar.license,
        seconds=known.seconds,
        samples=known.samples,
        frames=known.frames,
        loudness_db=known.loudness_db,
        gain_db=known.gain_db,
        score=sidecar.score,
        transpose=sidecar.transpose,
        timbre=sidecar.timbre,
        has_notes=known.has_notes,
        stop_frame=known.frames,
    )


def _arrange(
    recordings: list[Recording], rules: BuildRules, frames_per_second: float
) -> tuple[list[Recording], list[str]]:
    """Apply limits, splits and balance, in that order."""
    limit = None if rules.max_minutes is None else int(rules.max_minutes * 60 * frames_per_second)
    arranged, remarks = assign_splits(limit_recordings(recordings, limit), frames_per_second)
    return (equalise_instruments(arranged, frames_per_second) if rules.equalise else arranged), remarks


def _seconds(recordings: list[Recording], frames_per_second: float) -> dict[str, dict[str, float]]:
    """Usable seconds by instrument and split."""
    total: dict[str, dict[str, float]] = defaultdict(lambda: {"train": 0.0, "valid": 0.0, "test": 0.0})
    for recording in recordings:
        if recording.split != "unused":
            total[recording.instrument][recording.split] += recording.used_frames / frames_per_second
    return dict(sorted(total.items()))


def _remove_stale(dataset: Path, current: set[str]) -> int:
    """Delete arrays that the manifest no longer names, and their posteriors; returns the number of recordings.

    Files of other names than ours, and what lies behind a link to a folder, stay.
    """
    removed = 0
    content = dataset / CONTENT_FOLDER
    encoders = [] if content.is_symlink() else entries(content)
    for folder in (*(dataset / name for name in _ARRAY_FOLDERS), *encoders):
        for path in entries(folder) if folder.is_dir() and not folder.is_symlink() else ():
            if _ARRAY.fullmatch(path.name) and path.stem not in current:
                path.unlink(missing_ok=True)
                removed += path.suffix == _BUILT_SUFFIX
    return removed
