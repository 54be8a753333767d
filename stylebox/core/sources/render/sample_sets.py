"""Finds the sound sources in a folder of recorded notes and checks the pitch of each note.

Every listed note is either used or named in a remark, with the reason.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from stylebox.core.audio.io.files import find_audio
from stylebox.core.errors import SourceError
from stylebox.core.music.instruments import INSTRUMENTS, instrument
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sources.render.pitch_check import PitchCheck, common_shift
from stylebox.core.sources.render.sample_index import IndexEntry, read_index
from stylebox.core.sources.render.samples import read_sample

MIN_NOTES = 5  # of a sound source: fewer would be transposed too far

_CHECKED_SECONDS = 1.5  # of each note
_NAMES_SHOWN = 12  # file names in one remark
_INTERVALS = {1: "a semitone", 12: "an octave", 24: "two octaves"}


@dataclass(frozen=True)
class SampleFolder:
    """One sound source in a folder of notes, not yet decoded; `SampleSet.open` takes its `files`."""

    timbre: str
    instrument: str
    license: str | None
    files: tuple[tuple[Path, float], ...]  # with the sounding pitch, a MIDI number with fractions


@dataclass(frozen=True)
class SampleRemark:
    """Notes that are not used, not at their labelled pitch, or not whole, with the reason.

    Attributes:
        source: The timbre; the index if the remark is not about one timbre.
        instrument: The instrument of the notes; None if it is unknown.
        total: Number of notes of `source`.
        reason: Why they are not used as labelled.
        files: The notes, relative to the folder.
        used: Whether they are used nevertheless: at a corrected pitch, or as far as they are there.
    """

    source: str
    instrument: str | None
    total: int
    reason: str
    files: tuple[str, ...]
    used: bool = False

    @property
    def line(self) -> str:
        """The remark in one line; without file names if it is about all notes of a source."""
        names = ", ".join(self.files[:_NAMES_SHOWN])
        if len(self.files) > _NAMES_SHOWN:
            names += f" and {len(self.files) - _NAMES_SHOWN} more (--json lists all)"
        listed = "" if len(self.files) == self.total else f": {names}"
        use = "used" if self.used else "not used"
        return f"{self.source}: {len(self.files)} of {self.total} notes {use}: {self.reason}{listed}"


@dataclass(frozen=True)
class FoundSamples:
    """The sound sources of a folder, and the remarks on its notes."""

    folders: tuple[SampleFolder, ...] = ()
    remarks: tuple[SampleRemark, ...] = ()


def find_sample_sets(
    folder: Path, instruments: Collection[str] | None = None, progress: ProgressCallback = silent
) -> FoundSamples:
    """Find the sound sources in ``folder/INDEX.tsv``: one per instrument and origin, of at least five notes.

    Each note must sound at its labelled pitch. If most notes of a source sound the same number of semitones away from
    their labels, the labels are corrected.

    Args:
        folder: The folder of recorded notes.
        instruments: Names to look for; None: all.
        progress: Called after each checked note.

    Raises:
        SourceError: The index is invalid (see `read_index`).
    """
    entries = read_index(folder)
    remarks = list(_index_remarks(folder, entries, instruments))
    groups: dict[tuple[str, str], dict[Path, IndexEntry]] = defaultdict(dict)
    for entry in entries:
        known = entry.instrument in INSTRUMENTS
        if known and (instruments is None or entry.instrument in instruments):
            groups[entry.label, entry.origin].setdefault(entry.path, entry)
    total = sum(map(len, groups.values()))
    done = count(1)
    folders: list[SampleFolder] = []
    for (label, origin), group in sorted(groups.items()):
        source = _Source(folder, f"{label}/notes/{origin}", list(group.values()))
        found = source.check(lambda name: progress(Progress("checking samples", next(done), total, name)))
        remarks += source.remarks
        if found is not None:
            folders.append(found)
    return FoundSamples(tuple(folders), tuple(remarks))


class _Source:
    """The notes of one instrument and origin, while they are checked."""

    def __init__(self, folder: Path, timbre: str, entries: Sequence[IndexEntry]) -> None:
        self.folder, self.timbre, self.entries = folder, timbre, entries
        self.remarks: list[SampleRemark] = []

    def check(self, checked: Callable[[str], None]) -> SampleFolder | None:
        """Give the usable notes, None if there are none, and add remarks on the others; calls `checked` per file."""
        if len(self.entries) < MIN_NOTES:
            self._remark(f"fewer than {MIN_NOTES} notes of one source; add more", self.entries)
            return None
        reasons: dict[str, list[IndexEntry]] = defaultdict(list)
        checks: list[tuple[IndexEntry, PitchCheck]] = []
        incomplete: dict[Path, list[str]] = {}
        for entry in self.entries:
            try:
                audio, sample_rate, remarks = read_sample(entry.path)
            except SourceError as error:
                reasons[str(error).removeprefix(f"{entry.path}: ")].append(entry)
            else:
                checked_part = audio[: round(_CHECKED_SECONDS * sample_rate)]
                checks.append((entry, PitchCheck(checked_part, sample_rate, entry.pitch)))
                incomplete[entry.path] = [remark.partition(":")[0] for remark in remarks]
            checked(entry.path.name)
        shift = common_shift([check for _, check in checks])
        files: list[tuple[Path, float]] = []
        for entry, check in checks:
            if check.agrees(shift):
                files.append((entry.path, check.sounding_pitch(shift)))
            else:
                reasons[_disagreement(check, shift)].append(entry)
        used = [entry for entry in self.entries if entry.path in dict(files)]
        if shift:
            reason = f"they sound {_interval(shift)} their labels; all labels are corrected by {shift:+d} semitones"
            self._remark(reason, used, used=True)
        for reason in dict.fromkeys(reason for entry in used for reason in incomplete[entry.path]):
            self._remark(reason, [entry for entry in used if reason in incomplete[entry.path]], used=True)
        for reason, entries in reasons.items():
            self._remark(reason, entries)
        first = self.entries[0]
        return SampleFolder(self.timbre, first.instrument, first.license, tuple(files)) if files else None

    def _remark(self, reason: str, entries: Sequence[IndexEntry], used: bool = False) -> None:
        names = _names(self.folder, entries)
        self.remarks.append(
            SampleRemark(self.timbre, self.entries[0].instrument, len(self.entries), reason, names, used)
        )


def _disagreement(check: PitchCheck, shift: int) -> str:
    """Why a readable note is not used."""
    if not check.is_pitched:
        return "they have no clear pitch"
    expected = "their corrected labels" if shift else "their labels"
    return f"they sound {_interval(round(check.offset(shift)) - shift)} {expected}"


def _interval(semitones: int) -> str:
    size = _INTERVALS.get(abs(semitones), f"{abs(semitones)} semitones")
    return f"{size} {'above' if semitones > 0 else 'below'}"


def _index_remarks(
    folder: Path, entries: Sequence[IndexEntry], instruments: Collection[str] | None
) -> Iterator[SampleRemark]:
    """Remarks on notes that are left out because of their index entry, or because they have none."""
    index, total = folder / "INDEX.tsv", len(entries)
    unknown: dict[str, list[IndexEntry]] = defaultdict(list)
    others: list[IndexEntry] = []
    first: dict[tuple[Path, str, str], IndexEntry] = {}
    twice: list[IndexEntry] = []
    for entry in entries:
        if entry.instrument not in INSTRUMENTS:
            unknown[entry.label].append(entry)
        elif instruments is not None and entry.instrument not in instruments:
            others.append(entry)
        elif first.setdefault((entry.path, entry.label, entry.origin), entry) is not entry:
            twice.append(entry)
    for label, group in unknown.items():
        yield SampleRemark(str(index), None, total, _no_such_instrument(label), _names(folder, group))
    if others:
        names = ", ".join(sorted({entry.instrument for entry in others}))
        reason = f"not among the instruments asked for ({names})"
        yield SampleRemark(str(index), None, total, reason, _names(folder, others))
    if twice:
        yield SampleRemark(str(index), None, total, "listed more than once, the first counts", _names(folder, twice))
    unlisted = _unlisted(folder, entries)
    if unlisted:
        yield SampleRemark(str(folder), None, total + len(unlisted), "not listed in INDEX.tsv", unlisted)


def _no_such_instrument(label: str) -> str:
    try:
        instrument(label)
    except SourceError as error:
        return str(error)
    raise AssertionError(label)


def _unlisted(folder: Path, entries: Sequence[IndexEntry]) -> tuple[str, ...]:
    """Sound files in the folder with the suffix of a listed one that are not listed."""
    listed = {entry.path.resolve() for entry in entries}
    suffixes = {entry.path.suffix.lower() for entry in entries}
    found = (path for path in find_audio(folder).files if path.suffix.lower() in suffixes)
    return tuple(str(path.relative_to(folder)) for path in found if path.resolve() not in listed)


def _names(folder: Path, entries: Sequence[IndexEntry]) -> tuple[str, ...]:
    return tuple(
        str(entry.path.relative_to(folder)) if entry.path.is_relative_to(folder) else str(entry.path)
        for entry in entries
    )
