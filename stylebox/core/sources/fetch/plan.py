"""What a list of recordings asks of a folder: which rows are there, which moved, which are to be fetched.

Decides names and finds what earlier runs left; downloads nothing.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stylebox.core.errors import SourceError
from stylebox.core.file_names import folded, numbered, safe_name
from stylebox.core.paths import file_sha256
from stylebox.core.sources.fetch.catalogue import Row
from stylebox.core.sources.fetch.index import Entry, Fetched, FetchedFile, requested
from stylebox.core.sources.sidecar import Sidecar, read_sidecar

Need = Literal["nothing", "twin", "licence", "move", "fetch"]


@dataclass(frozen=True)
class Task:
    """A row and what it needs.

    Attributes:
        wish: What the index should say in the end, without files.
        found: The entry it belongs to, as the index has it.
        stem: The file's name without suffix; None while only its source knows the title.
        twin: The number of an earlier row that says the same.
    """

    row: Row
    need: Need
    wish: Entry
    found: Entry | None = None
    stem: str | None = None
    twin: int = 0


class Names:
    """Which file names are free in each instrument's folder; all threads may ask."""

    def __init__(self, fetched: Fetched) -> None:
        self._folder = fetched.folder
        self._lock = threading.Lock()
        self._claimed: set[tuple[str, str]] = set()
        for entry in fetched.entries:
            for file in entry.files:
                instrument, _, name = file.path.rpartition("/")
                self._claimed.add((folded(instrument), folded(Path(name).stem)))
        self._on_disk: dict[str, dict[str, list[Path]]] = {}

    def instrument_folder(self, instrument: str) -> str:
        """The name of an instrument's folder: the one that is there, whatever its capitals."""
        name = safe_name(instrument)
        there = [path.name for path in self._folder.iterdir() if path.is_dir()] if self._folder.is_dir() else []
        return next((found for found in sorted(there) if folded(found) == folded(name)), name)

    def claim(self, instrument: str, title: str, row: Row, url: str) -> str:
        """A free name for `title`; it is taken from now on.

        Files that came from `url` for this very row and that no index knows (a run was killed before it
        wrote) do not hinder.
        """
        with self._lock:
            folder = self.instrument_folder(instrument)
            stem = numbered(safe_name(title), lambda name: self._is_free(folder, name, row, url))
            self._claimed.add((folded(folder), folded(stem)))
            return stem

    def left_behind(self, row: Row, stem: str) -> Path | None:
        """The whole recording of this row under this name, if one lies there."""
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
        """Files of an instrument's folder by the folded stem, as they were at first sight."""
        if folder not in self._on_disk:
            found: dict[str, list[Path]] = defaultdict(list)
            place = self._folder / folder
            for path in sorted(place.iterdir()) if place.is_dir() else []:
                found[folded(path.stem)].append(path)
            self._on_disk[folder] = found
        return self._on_disk[folder]


def plan(rows: Iterable[Row], fetched: Fetched, codec: str | None) -> tuple[list[Task], list[Entry], Names]:
    """What each row needs, in order; the entries that no row names; and the names.

    A row is found in the index by all it says; else by its sound, if only instrument or title changed; else by
    instrument and title, if its address or part changed.
    """
    names, rows = Names(fetched), list(rows)
    requests = {row.number: requested(row, codec) for row in rows}
    twins, found, free = _match(rows, requests, fetched)
    tasks = []
    for row in rows:
        wish, entry = requests[row.number], found.get(row.number)
        if row.number in twins:
            tasks.append(Task(row, "twin", wish, twin=twins[row.number]))
        elif entry and entry.wish == wish.wish and fetched.is_whole(entry):
            tasks.append(Task(row, "nothing" if entry.license == wish.license else "licence", wish, entry))
        elif entry and (entry.instrument, entry.title) != (wish.instrument, wish.title):
            stem = names.claim(row.instrument, row.title, row, row.url) if row.title else None
            tasks.append(Task(row, "move", wish, entry, stem))
        else:
            single = entry.files[0] if entry and len(entry.files) == 1 else None
            stem = Path(single.path).stem if single else None
            if stem is None and row.title:
                stem = names.claim(row.instrument, row.title, row, row.url)
            tasks.append(Task(row, "fetch", wish, entry, stem))
    return tasks, free, names


def _match(
    rows: list[Row], requests: dict[int, Entry], fetched: Fetched
) -> tuple[dict[int, int], dict[int, Entry], list[Entry]]:
    """Rows that repeat earlier ones, the entry of each other row, and entries that are nobody's."""
    first: dict[tuple[object, ...], int] = {}
    twins: dict[int, int] = {}
    for row in rows:
        earlier = first.setdefault(requests[row.number].wish, row.number)
        if earlier != row.number:
            twins[row.number] = earlier
    found: dict[int, Entry] = {}
    free = list(fetched.entries)

    def pair(key_of_entry: Callable[[Entry], tuple[object, ...]], only_whole: bool) -> None:
        by_key: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
        for entry in free:
            if not only_whole or fetched.is_whole(entry):
                by_key[key_of_entry(entry)].append(entry)
        for row in rows:
            waiting = by_key.get(key_of_entry(requests[row.number]))
            if row.number not in twins and row.number not in found and waiting:
                found[row.number] = waiting.pop(0)
        free[:] = [entry for entry in free if not any(entry is taken for taken in found.values())]

    pair(lambda entry: entry.wish, only_whole=False)
    pair(lambda entry: entry.sound, only_whole=True)
    pair(lambda entry: (entry.instrument, entry.title), only_whole=False)
    return twins, found, free


def fetched_file(folder: Path, path: Path, item: str) -> FetchedFile:
    """A file that lies below `folder`, as the index names it."""
    name = path.relative_to(folder).as_posix()
    return FetchedFile(path=name, item=item, size=path.stat().st_size, sha256=file_sha256(path))


def _sidecar(path: Path) -> Sidecar | None:
    try:
        return read_sidecar(path)
    except SourceError:
        return None


def _is_of(path: Path, row: Row, url: str) -> bool:
    """Whether the sidecar beside a file says that it is what `row` wants of `url`."""
    sidecar = _sidecar(path)
    return sidecar is not None and (sidecar.url, sidecar.start, sidecar.end) == (url, row.start, row.end)


def _is_intact(path: Path) -> bool:
    sidecar = _sidecar(path)
    return sidecar is not None and sidecar.sha256 == file_sha256(path)
