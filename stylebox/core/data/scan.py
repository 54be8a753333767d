"""Finding recordings: one folder per instrument, of any depth. Decodes nothing."""

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import DatasetError
from stylebox.core.music.midi.files import SUFFIXES as MIDI_SUFFIXES
from stylebox.core.music.midi.files import midi_beside

# Files beside recordings that are ignored. All others are decoded as sound.
_BESIDE = {*MIDI_SUFFIXES, ".json", ".description", ".vtt", ".srt", ".jpg", ".jpeg", ".png", ".webp", ".gif"}
_OTHER = {".txt", ".md", ".csv", ".tsv", ".html", ".pdf", ".log", ".ini", ".db", ".npy", ".part", ".ytdl"}


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


def find_sources(sources: Path) -> tuple[list[SourceFile], list[str]]:
    """Possible recordings, sorted by their `source`, and files outside the folders of instruments.

    Raises:
        DatasetError: `sources` is not a folder, or has no recordings.
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
