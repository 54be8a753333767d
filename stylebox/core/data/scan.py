"""Finding recordings: a folder for each instrument, any depth below it. Decodes nothing."""

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import DatasetError

# What lies beside recordings and is no recording: passed over in silence. Anything else is tried as sound.
_BESIDE = {".mid", ".midi", ".json", ".description", ".vtt", ".srt", ".jpg", ".jpeg", ".png", ".webp", ".gif"}
_OTHER = {".txt", ".md", ".csv", ".tsv", ".html", ".pdf", ".log", ".ini", ".db", ".npy", ".part", ".ytdl"}


@dataclass(frozen=True)
class SourceFile:
    """A file that should be a recording of `instrument`."""

    path: Path
    instrument: str
    source: str  # path below the sources folder: forward slashes, Unicode composed, the same on every system

    @property
    def id(self) -> str:
        """Stable name of the recording."""
        digest = hashlib.sha256(self.source.encode()).hexdigest()
        return f"{self.instrument}-{digest[:12]}"

    @property
    def notes(self) -> Path | None:
        """The MIDI file beside it, if there is one."""
        path = self.path.with_suffix(".mid")
        return path if path.is_file() else None


def find_sources(sources: Path) -> tuple[list[SourceFile], list[str]]:
    """All that may be recordings, in order of their `source`, and files that lie in no instrument's folder.

    Raises:
        DatasetError: `sources` is no folder, or nothing is in it.
    """
    if not sources.is_dir():
        raise DatasetError(f"{sources}: no such folder; put recordings in {sources}/<instrument>/")
    found, misplaced = [], []
    for path in sources.rglob("*"):
        below = path.relative_to(sources)
        if any(part.startswith(".") for part in below.parts) or path.suffix.lower() in _BESIDE | _OTHER:
            continue
        if not path.is_file():
            continue
        source = unicodedata.normalize("NFC", below.as_posix())
        if len(below.parts) == 1:
            misplaced.append(source)
        else:
            found.append(SourceFile(path, source.split("/")[0], source))
    if not found:
        raise DatasetError(f"{sources}: no recordings; put them in {sources}/<instrument>/")
    return sorted(found, key=lambda f: f.source), sorted(misplaced)
