"""The index of fetched files in a folder, safe against a killed process, and the lock against a second run.

The index names only complete files that were fetched, and knows nothing of downloading.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pydantic

from stylebox.core.errors import SourceError, error_reason
from stylebox.core.files import write_text
from stylebox.core.lock import sole_writer
from stylebox.core.paths import is_below
from stylebox.core.sources.fetch.catalogue import Row
from stylebox.core.sources.sidecar import sidecar_path

INDEX_NAME, PARTIAL_NAME, FORMAT_VERSION = "fetched.json", ".partial", 1


def _below(path: str) -> str:
    if not is_below(path):
        raise ValueError("is no path below the folder")
    return path


_Path = Annotated[str, pydantic.AfterValidator(_below)]


class _Record(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


class FetchedFile(_Record):
    """One file of a row; the row of a playlist has several."""

    path: _Path  # below the folder, with forward slashes
    item: str  # key of the recording, among those of the row's address
    size: int  # bytes
    sha256: str


class Entry(_Record):
    """A row that was fetched."""

    instrument: str
    title: str
    url: str
    license: str | None = None
    start: float | None = None
    end: float | None = None
    codec: str | None = None
    complete: bool = True  # false while recordings of a playlist are missing
    files: tuple[FetchedFile, ...] = ()

    @property
    def sound_key(self) -> tuple[object, ...]:
        """The fields that decide the sound of the files."""
        return self.url, self.start, self.end, self.codec

    @property
    def request_key(self) -> tuple[object, ...]:
        """The fields that decide the sound and place of the files."""
        return self.instrument, self.title, *self.sound_key


def requested(row: Row, codec: str | None) -> Entry:
    """Give the entry that a row asks for, without files."""
    return Entry(
        instrument=row.instrument,
        title=row.title,
        url=row.url,
        license=row.license,
        start=row.start,
        end=row.end,
        codec=codec,
        complete=False,
    )


class _IndexFile(_Record):
    format: int = FORMAT_VERSION
    entries: tuple[Entry, ...] = ()
    stale: tuple[_Path, ...] = ()  # files to delete, unless an entry names them


class FetchIndex:
    """The index of a folder, in memory and on disk; safe for threads."""

    def __init__(self, folder: Path) -> None:
        """Read the index of `folder`, if it has one, and finish the deletions of a killed run.

        Raises:
            SourceError: The index is damaged.
        """
        self.folder = folder
        self._path = folder / INDEX_NAME
        self._lock = threading.Lock()
        try:
            stored = _IndexFile.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            stored = _IndexFile()
        except OSError as error:
            raise SourceError(
                f"{self._path}: cannot be read ({error_reason(error)}); change its permissions"
            ) from error
        except ValueError as error:
            raise SourceError(f"{self._path}: is damaged; delete it, and the next run searches the folder") from error
        if stored.format != FORMAT_VERSION:
            raise SourceError(f"{self._path}: has format {stored.format}, this stylebox reads {FORMAT_VERSION}")
        self.entries = list(stored.entries)
        self._stale = list(stored.stale)
        if self._stale:
            self._write()
            self._sweep()

    def is_there(self, file: FetchedFile) -> bool:
        """Whether a file exists with its indexed size."""
        try:
            return (self.folder / file.path).stat().st_size == file.size
        except OSError:
            return False

    def is_whole(self, entry: Entry) -> bool:
        """Whether an entry is complete and all its files exist."""
        return entry.complete and bool(entry.files) and all(map(self.is_there, entry.files))

    def known(self, *candidates: Entry | None) -> Entry | None:
        """Give the first of these entries that the index holds."""
        return next((entry for entry in candidates if self._at(entry) is not None), None)

    def put(self, entry: Entry, replaced: Entry | None, place: Callable[[], None] = lambda: None) -> Entry:
        """Add an entry, or replace one and delete those of its files that are not in the new one.

        If the process is killed meanwhile, the next run finds the replaced entry complete or its files deleted.

        Args:
            entry: The new entry.
            replaced: The entry to replace, if any.
            place: Moves the files of `entry` to their paths.
        """
        with self._lock:
            kept = {file.path for file in entry.files}
            stale = [file.path for file in replaced.files if file.path not in kept] if replaced else []
            if stale:
                self._stale += stale
                self._write()
            place()
            at = self._at(replaced)
            if at is None:
                self.entries.append(entry)
            else:
                self.entries[at] = entry
            self._write()
            if stale:
                self._sweep()
            return entry

    def arrange(self, requests: Sequence[Entry]) -> None:
        """Sort the entries in the order of `requests`, all others after them."""
        order = {entry.request_key: place for place, entry in reversed(list(enumerate(requests)))}
        with self._lock:
            arranged = sorted(self.entries, key=lambda entry: order.get(entry.request_key, len(order)))
            if arranged != self.entries:
                self.entries = arranged
                self._write()

    def remove(self, entries: Sequence[Entry]) -> list[Path]:
        """Remove entries and delete their files; gives the deleted files."""
        with self._lock:
            removed = [file.path for entry in entries for file in entry.files]
            self.entries = [entry for entry in self.entries if not any(entry is e for e in entries)]
            self._stale += removed
            self._write()
            return self._sweep()

    def _at(self, entry: Entry | None) -> int | None:
        return next((i for i, known in enumerate(self.entries) if known is entry), None)

    def _write(self) -> None:
        stored = _IndexFile(entries=tuple(self.entries), stale=tuple(self._stale))
        write_text(self._path, stored.model_dump_json(indent=1, exclude_none=True) + "\n")

    def _sweep(self) -> list[Path]:
        """Delete the stale files with their sidecars, and folders that become empty."""
        named = {file.path for entry in self.entries for file in entry.files}
        stems = {sidecar_path(self.folder / path) for path in named}
        deleted = []
        for path in (self.folder / stale for stale in self._stale if stale not in named):
            if not path.resolve().is_relative_to(self.folder.resolve()):
                continue  # never outside the folder, whatever the index says
            if path.is_file():
                path.unlink()
                deleted.append(path)
            if sidecar_path(path) not in stems:
                sidecar_path(path).unlink(missing_ok=True)
            if path.parent != self.folder and path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
        self._stale = []
        self._write()
        return deleted


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Lock a folder for this process; gives the folder below it for partial files.

    Raises:
        StyleboxError: Another process is writing to it.
    """
    partial = folder / PARTIAL_NAME
    with sole_writer(folder, "stylebox fetch"):
        partial.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
        finally:
            if not any(partial.iterdir()):
                partial.rmdir()
