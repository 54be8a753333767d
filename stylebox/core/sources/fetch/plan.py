"""Compares a list of recordings with a folder: which rows exist, which moved, which must be fetched.

Chooses file names and finds the files of earlier runs. Downloads nothing.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stylebox.core.errors import SourceError
from stylebox.core.file_names import folded, numbered, safe_name
from stylebox.core.files import file_sha256
from stylebox.core.paths import entries
from stylebox.core.sources.fetch.catalogue import Row
from stylebox.core.sources.fetch.index import Entry, FetchedFile, FetchIndex, requested
from stylebox.core.sources.sidecar import Sidecar, read_sidecar

Need = Literal["nothing", "duplicate", "licence", "move", "fetch"]


@dataclass(frozen=True)
class Task:
    """A row and the work it needs.

    Attributes:
        row: The row.
        need: "nothing" if its files exist; "duplicate" if an earlier row asks for the same; "licence" if only the
            licence changed; "move" if only instrument or title changed; "fetch" otherwise.
        request: The entry that the index should hold afterwards, without files.
        found: The entry of this row in the index, if any.
        stem: The name of its file without suffix; None until the source gives the title.
        duplicate_of: The number of the earlier row that asks for the same.
    """

    row: Row
    need: Need
    request: Entry
    found: Entry | None = None
    stem: str | None = None
    duplicate_of: int = 0


class Names:
    """The free file names in the folder of each instrument; safe for threads."""

    def __init__(self, index: FetchIndex) -> None:
        """Reserve the names of all indexed files."""
        self._folder = index.folder
        self._lock = threading.Lock()
        self._claimed: set[tuple[str, str]] = set()
        for entry in index.entries:
            for file in entry.files:
                instrument, _, name = file.path.rpartition("/")
                self._claimed.add((folded(instrument), folded(Path(name).stem)))
        self._on_disk: dict[str, dict[str, list[Path]]] = {}

    def instrument_folder(self, instrument: str) -> str:
        """Give the name of an instrument's folder: the existing one, in upper or lower case, or a new one."""
        name = safe_name(instrument)
        existing = [path.name for path in entries(self._folder) if path.is_dir()]
        return next((found for found in existing if folded(found) == folded(name)), name)

    def claim(self, instrument: str, title: str, row: Row, url: str) -> str:
        """Reserve a free name for `title`.

        A file of this row from `url` that is not in the index does not block the name: a killed run left it.

        Args:
            instrument: Name of the instrument.
            title: Title of the recording.
            row: The row it belongs to.
            url: Address of the recording.

        Returns:
            The name without suffix.
        """
        with self._lock:
            folder = self.instrument_folder(instrument)
            stem = numbered(safe_name(title), lambda name: self._is_free(folder, name, row, url))
            self._claimed.add((folded(folder), folded(stem)))
            return stem

    def left_behind(self, row: Row, stem: str) -> Path | None:
        """Give the intact file of this row with this name, if a killed run left one."""
        folder = self.instrument_folder(row.instrument)
        for path in self._files(folder).get(folded(stem), []):
            if path.suffix != ".json" and _is_of(path, row, row.url) and _is_intact(path):
                return path
        return None

    def _is_free(self, folder: str, stem: str, row: Row, url: str) -> bool:
        if (folded(folder), folded(stem)) in self._claimed:
            return False
        return all(_is_of(path, row, url) for path in self._files(folder).get(folded(stem), []))

    def _files(self, folder: str) -> dict[str, list[Path]]:
        """The files of an instrument's folder at the first call, by folded stem."""
        if folder not in self._on_disk:
            found: dict[str, list[Path]] = defaultdict(list)
            for path in entries(self._folder / folder):
                found[folded(path.stem)].append(path)
            self._on_disk[folder] = found
        return self._on_disk[folder]


def plan(rows: Iterable[Row], index: FetchIndex, codec: str | None) -> tuple[list[Task], list[Entry], Names]:
    """Decide the work of each row.

    The entry of a row is one that equals it; otherwise one of the same sound, if only instrument or title changed;
    otherwise one of the same instrument and title, if address or excerpt changed.

    Args:
        rows: The rows of the list.
        index: The index of the folder.
        codec: Format to convert to; None keeps the format of the source.

    Returns:
        One task per row, in order; the entries that no row names; and the file names.
    """
    names, rows = Names(index), list(rows)
    requests = {row.number: requested(row, codec) for row in rows}
    duplicates, found, free = _match(rows, requests, index)
    tasks = []
    for row in rows:
        request, entry = requests[row.number], found.get(row.number)
        if row.number in duplicates:
            tasks.append(Task(row, "duplicate", request, duplicate_of=duplicates[row.number]))
        elif entry and entry.request_key == request.request_key and index.is_whole(entry):
            tasks.append(Task(row, "nothing" if entry.license == request.license else "licence", request, entry))
        elif entry and (entry.instrument, entry.title) != (request.instrument, request.title):
            stem = names.claim(row.instrument, row.title, row, row.url) if row.title else None
            tasks.append(Task(row, "move", request, entry, stem))
        else:
            single = entry.files[0] if entry and len(entry.files) == 1 else None
            stem = Path(single.path).stem if single else None
            if stem is None and row.title:
                stem = names.claim(row.instrument, row.title, row, row.url)
            tasks.append(Task(row, "fetch", request, entry, stem))
    return tasks, free, names


def _match(
    rows: list[Row], requests: dict[int, Entry], index: FetchIndex
) -> tuple[dict[int, int], dict[int, Entry], list[Entry]]:
    """The rows that repeat earlier ones, the entry of each other row, and the entries without a row."""
    first: dict[tuple[object, ...], int] = {}
    duplicates: dict[int, int] = {}
    for row in rows:
        earlier = first.setdefault(requests[row.number].request_key, row.number)
        if earlier != row.number:
            duplicates[row.number] = earlier
    found: dict[int, Entry] = {}
    free = list(index.entries)

    def pair(key_of_entry: Callable[[Entry], tuple[object, ...]], only_whole: bool) -> None:
        by_key: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
        for entry in free:
            if not only_whole or index.is_whole(entry):
                by_key[key_of_entry(entry)].append(entry)
        for row in rows:
            waiting = by_key.get(key_of_entry(requests[row.number]))
            if row.number not in duplicates and row.number not in found and waiting:
                found[row.number] = waiting.pop(0)
        free[:] = [entry for entry in free if not any(entry is taken for taken in found.values())]

    pair(lambda entry: entry.request_key, only_whole=False)
    pair(lambda entry: entry.sound_key, only_whole=True)
    pair(lambda entry: (entry.instrument, entry.title), only_whole=False)
    return duplicates, found, free


def describe_file(folder: Path, path: Path, item: str) -> FetchedFile:
    """Give the index entry of a file.

    Args:
        folder: The folder of the index.
        path: A file below `folder`.
        item: Key of its recording.
    """
    name = path.relative_to(folder).as_posix()
    return FetchedFile(path=name, item=item, size=path.stat().st_size, sha256=file_sha256(path))


def _sidecar(path: Path) -> Sidecar | None:
    try:
        return read_sidecar(path)
    except SourceError:
        return None


def _is_of(path: Path, row: Row, url: str) -> bool:
    """Whether a file, by its sidecar, holds the excerpt of `url` that `row` asks for."""
    sidecar = _sidecar(path)
    return sidecar is not None and (sidecar.url, sidecar.start, sidecar.end) == (url, row.start, row.end)


def _is_intact(path: Path) -> bool:
    sidecar = _sidecar(path)
    return sidecar is not None and sidecar.sha256 == file_sha256(path)
