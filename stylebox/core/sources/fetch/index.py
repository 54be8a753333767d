"""What was fetched into a folder: an index that outlives a kill, and the lock that keeps two runs apart.

The index names only files that are there and whole, or that a row has been promised. It knows nothing of
downloading, and never names what others put into the folder.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pydantic

from stylebox.core.errors import SourceError
from stylebox.core.paths import write_text
from stylebox.core.sources.fetch.catalogue import Row
from stylebox.core.sources.sidecar import sidecar_path

INDEX_NAME, PARTIAL_NAME, FORMAT_VERSION = "fetched.json", ".partial", 1


class _Record(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


class FetchedFile(_Record):
    """One file of a row; a row that is a playlist has many."""

    path: str  # below the folder, with forward slashes
    item: str  # which recording of the row's address it is
    size: int  # bytes
    sha256: str


class Entry(_Record):
    """A row, as it was fetched."""

    instrument: str
    title: str
    url: str
    license: str | None = None
    start: float | None = None
    end: float | None = None
    codec: str | None = None
    complete: bool = True  # false while some of a playlist are lacking
    files: tuple[FetchedFile, ...] = ()

    @property
    def sound(self) -> tuple[object, ...]:
        """What decides how the files sound."""
        return self.url, self.start, self.end, self.codec

    @property
    def wish(self) -> tuple[object, ...]:
        """What decides which files there are, and where."""
        return self.instrument, self.title, *self.sound


def requested(row: Row, codec: str | None) -> Entry:
    """The entry that a row wants, without files."""
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


class _Index(_Record):
    format: int = FORMAT_VERSION
    entries: tuple[Entry, ...] = ()
    stale: tuple[str, ...] = ()  # files to be deleted, if no entry names them


class Fetched:
    """The index of a folder, in memory and on disk; all threads may use it."""

    def __init__(self, folder: Path) -> None:
        """Read the index of `folder`, if it has one, and finish what a killed run had begun to delete.

        Raises:
            SourceError: the index is damaged.
        """
        self.folder = folder
        self._path = folder / INDEX_NAME
        self._lock = threading.Lock()
        try:
            index = _Index.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            index = _Index()
        except (OSError, ValueError) as error:
            fix = "mend it, or delete it to have the folder looked through again"
            raise SourceError(f"{self._path}: cannot be understood; {fix}") from error
        if index.format != FORMAT_VERSION:
            raise SourceError(f"{self._path}: has format {index.format}, this stylebox knows {FORMAT_VERSION}")
        self.entries = list(index.entries)
        self._stale = list(index.stale)
        if self._stale:
            self._write()
            self._sweep()

    def is_there(self, file: FetchedFile) -> bool:
        """Whether a file lies where it should, with the size it should have."""
        try:
            return (self.folder / file.path).stat().st_size == file.size
        except OSError:
            return False

    def is_whole(self, entry: Entry) -> bool:
        """Whether nothing of an entry is lacking."""
        return entry.complete and bool(entry.files) and all(map(self.is_there, entry.files))

    def known(self, *candidates: Entry | None) -> Entry | None:
        """The first of these entries that the index holds."""
        return next((entry for entry in candidates if self._at(entry) is not None), None)

    def put(self, entry: Entry, instead_of: Entry | None, place: Callable[[], None] = lambda: None) -> Entry:
        """Let `place` put files where they belong, and replace an entry, whose other files are deleted.

        Killed anywhere between, the next run finds either the earlier entry whole, or its files deleted.
        """
        with self._lock:
            kept = {file.path for file in entry.files}
            stale = [f.path for f in instead_of.files if f.path not in kept] if instead_of else []
            if stale:
                self._stale += stale
                self._write()
            place()
            at = self._at(instead_of)
            if at is None:
                self.entries.append(entry)
            else:
                self.entries[at] = entry
            self._write()
            if stale:
                self._sweep()
            return entry

    def arrange(self, requests: Sequence[Entry]) -> None:
        """Put the entries in the order of `requests`, the others after them: not in that of arrival."""
        order = {entry.wish: place for place, entry in reversed(list(enumerate(requests)))}
        with self._lock:
            arranged = sorted(self.entries, key=lambda entry: order.get(entry.wish, len(order)))
            if arranged != self.entries:
                self.entries = arranged
                self._write()

    def remove(self, entries: Sequence[Entry]) -> list[Path]:
        """Forget entries and delete their files; gives what was deleted."""
        with self._lock:
            gone = [file.path for entry in entries for file in entry.files]
            self.entries = [entry for entry in self.entries if not any(entry is e for e in entries)]
            self._stale += gone
            self._write()
            return self._sweep()

    def _at(self, entry: Entry | None) -> int | None:
        return next((i for i, known in enumerate(self.entries) if known is entry), None)

    def _write(self) -> None:
        index = _Index(entries=tuple(self.entries), stale=tuple(self._stale))
        write_text(self._path, index.model_dump_json(indent=1, exclude_none=True) + "\n")

    def _sweep(self) -> list[Path]:
        """Delete what is stale, with its sidecar, and the folder if that was all in it."""
        named = {file.path for entry in self.entries for file in entry.files}
        stems = {sidecar_path(self.folder / path) for path in named}
        deleted = []
        for path in (self.folder / stale for stale in self._stale if stale not in named):
            if not path.resolve().is_relative_to(self.folder.resolve()):
                continue  # an index from elsewhere
            if path.exists():
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
    """Hold a folder for this process; gives the folder below it for what is on its way.

    Raises:
        SourceError: another process is fetching into it.
    """
    partial = folder / PARTIAL_NAME
    partial.mkdir(parents=True, exist_ok=True)
    lock = partial / "lock"
    with lock.open("ab") as file:
        if not _acquired(file):
            raise SourceError(f"{folder}: another `stylebox fetch` is writing to it; wait, or use --to")
        try:
            yield partial
        finally:
            if os.name == "posix":  # elsewhere an open file cannot be deleted
                lock.unlink(missing_ok=True)
            if not any(partial.iterdir()):
                partial.rmdir()


def _acquired(file: BinaryIO) -> bool:
    """Lock an open file; the system lets go of it when the process ends, however it does."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
