"""Finding recordings: one folder per instrument, of any depth. Decodes nothing."""

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.audio.io.files import find_audio
from stylebox.core.errors import DatasetError
from stylebox.core.file_names import readable
from stylebox.core.music.midi.files import midi_beside


@dataclass(frozen=True)
class SourceFile:
    """A file that should be a recording of `instrument`."""

    path: Path
    instrument: str
    source: str  # path below the sources folder: forward slashes, composed Unicode, the same on every system

    @property
    def id(self) -> str:
        """Stable id of the recording."""
        digest = hashlib.sha256(self.source.encode()).hexdigest()
        return f"{self.instrument}-{digest[:12]}"

    @property
    def notes(self) -> Path | None:
        """The MIDI file beside it; None if there is none."""
        return midi_beside(self.path)


@dataclass(frozen=True)
class FoundSources:
    """What a sources folder holds.

    Attributes:
        files: Recordings, sorted by their `source`.
        misplaced: Recordings outside the folders of instruments, as a `source`.
        problems: See `FoundFiles`.
        others: Files that are neither recordings nor known to lie beside them.
    """

    files: list[SourceFile]
    misplaced: list[str]
    problems: dict[str, str]
    others: list[Path]


def find_sources(sources: Path) -> FoundSources:
    """Find the recordings below a folder, as `find_audio` finds them.

    Raises:
        DatasetError: `sources` is not a folder, or has no recordings.
    """
    if not sources.is_dir():
        what = "is a file, not a folder" if sources.exists() else "no such folder"
        raise DatasetError(f"{sources}: {what}; name the folder that holds <instrument>/<recording>")
    below = find_audio(sources)
    found: dict[str, SourceFile] = {}
    misplaced = []
    for path in below.files:
        exact = readable(path.relative_to(sources).as_posix())
        spellings = [unicodedata.normalize("NFC", exact), exact, unicodedata.normalize("NFD", exact)]
        source = next((spelling for spelling in spellings if spelling not in found), exact)
        if "/" in source:
            found[source] = SourceFile(path, source.split("/")[0], source)
        else:
            misplaced.append(source)
    if not found:
        hint = next(iter(below.problems.values()), f"put them in {sources}/<instrument>/")
        if misplaced:
            count = f"{len(misplaced)} recording{'s' * (len(misplaced) > 1)}"
            hint = f"{count} in it lie in no instrument's folder; name the folder above, {sources.absolute().parent}"
        raise DatasetError(f"{sources}: no recordings; {hint}")
    return FoundSources([found[source] for source in sorted(found)], sorted(misplaced), below.problems, below.others)
