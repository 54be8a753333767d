"""One run of `stylebox fetch` in several threads: one task per row, one download per address.

Knows neither how downloading works nor how files get their names.
"""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stylebox.core.audio.io.source import absent
from stylebox.core.errors import SourceError, StyleboxError, error_message
from stylebox.core.progress import Progress, ProgressCallback
from stylebox.core.sources.fetch.address import local_path, web_address
from stylebox.core.sources.fetch.catalogue import Catalogue, Row
from stylebox.core.sources.fetch.download import Downloader, DownloadOptions, StoppedError
from stylebox.core.sources.fetch.index import Entry, FetchIndex
from stylebox.core.sources.fetch.plan import Names, Task
from stylebox.core.sources.fetch.remote import RemoteRecording, address_key
from stylebox.core.sources.fetch.report import DownloadCallback, DownloadProgress, RowOutcome, State
from stylebox.core.sources.fetch.store import RecordingStore

_GRACE_SECONDS = 2.0  # for threads to end when the run is stopped; blocked ones are abandoned


class Job:
    """One run: takes tasks, gives outcomes."""

    def __init__(
        self,
        catalogue: Catalogue,
        index: FetchIndex,
        names: Names,
        partial: Path,
        options: DownloadOptions,
        downloads: DownloadCallback,
        warn: Callable[[str], None],
    ) -> None:
        """Prepare a run.

        Args:
            catalogue: The list.
            index: The index of the folder.
            names: The free file names in the folder.
            partial: Folder for partial files.
            options: Settings of the downloads.
            downloads: Called with the progress of each download.
            warn: Called with each warning of yt-dlp.
        """
        self._catalogue, self._partial, self._options, self._warn = catalogue, partial, options, warn
        self._index, self._downloads = index, downloads
        self._store = RecordingStore(index, names, partial)
        self._stop = threading.Event()

    def run(self, tasks: Sequence[Task], jobs: int, progress: ProgressCallback) -> list[RowOutcome]:
        """Do every task: first those without a download, then the downloads in threads.

        Args:
            tasks: One task per row.
            jobs: Number of threads.
            progress: Called after each row.

        Returns:
            One outcome per task, in the order in which they ended.
        """
        outcomes: list[RowOutcome] = []

        def ended(outcome: RowOutcome) -> None:
            outcomes.append(outcome)
            progress(Progress("fetching", len(outcomes), len(tasks), outcome.title or outcome.url))

        groups: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            if task.need == "fetch":
                groups[task.row.url].append(task)
            else:
                ended(self._without_download(task))
        if groups:
            self._in_threads(list(groups.values()), jobs, ended)
        return outcomes

    def _without_download(self, task: Task) -> RowOutcome:
        try:
            if task.need == "duplicate":
                return self._outcome(task, "skipped", f"same as row {task.duplicate_of}")
            if task.need == "nothing":
                return self._outcome(task, "skipped", "exists", task.found)
            change = "licence updated" if task.need == "licence" else "renamed"
            return self._outcome(task, "replaced", change, self._store.relabel(task))
        except (StyleboxError, OSError) as error:
            return self._outcome(task, "failed", error_message(error))

    def _in_threads(self, groups: Sequence[list[Task]], jobs: int, ended: Callable[[RowOutcome], None]) -> None:
        waiting: queue.SimpleQueue[list[Task]] = queue.SimpleQueue()
        done: queue.Queue[list[RowOutcome]] = queue.Queue()
        for group in groups:
            waiting.put(group)
        threads = [
            threading.Thread(target=self._work, args=(waiting, done), daemon=True)
            for _ in range(min(jobs, len(groups)))
        ]
        try:
            for thread in threads:
                thread.start()
            for _ in groups:
                for outcome in _next(done):
                    ended(outcome)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(_GRACE_SECONDS / len(threads))
            delete_unfinished(self._partial)

    def _work(self, waiting: "queue.SimpleQueue[list[Task]]", done: "queue.Queue[list[RowOutcome]]") -> None:
        """Process groups until none is left. Every group gets its outcomes, whatever error occurs."""
        downloader: Downloader | None = None
        while not self._stop.is_set():
            try:
                group = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                if downloader is None and self._local(group[0].row) is None:
                    downloader = Downloader(self._partial, self._options, self._stop, self._warn)
                done.put(self._process(group, downloader))
            except StoppedError:
                break
            except Exception as error:
                done.put([self._outcome(task, "failed", error_message(error)) for task in group])
        if downloader is not None:
            downloader.close()

    def _local(self, row: Row) -> Path | None:
        return local_path(row.url, self._catalogue.folder)

    def _process(self, group: Sequence[Task], downloader: Downloader | None) -> list[RowOutcome]:
        """Fetch the rows of one address: download each recording once, and store it for every row that lacks it."""
        outcomes, missing = [], []
        for task in group:
            adopted = self._store.adopt(task)
            if adopted is None:
                missing.append(task)
            else:
                outcomes.append(self._outcome(task, "skipped", "existed", adopted))
        if not missing:
            return outcomes
        try:
            local = self._local(group[0].row)
            if local is not None:
                recordings = [_local_recording(local, group[0].row)]
            else:
                assert downloader is not None
                recordings = downloader.resolve(web_address(group[0].row.url))
        except (StyleboxError, OSError) as error:
            return outcomes + [self._outcome(task, "failed", error_message(error)) for task in missing]
        pending = [_PendingRow(task, self._store.begin(task)) for task in missing]
        for number, recording in enumerate(recordings, start=1):
            lacking = [row for row in pending if not row.has(recording)]
            if lacking:
                last = number == len(recordings)
                self._fetch(lacking, recording, local, downloader, count=len(recordings), last=last)
        return outcomes + [self._row_outcome(row) for row in pending]

    def _fetch(
        self,
        rows: Sequence["_PendingRow"],
        recording: RemoteRecording,
        local: Path | None,
        downloader: Downloader | None,
        *,
        count: int,
        last: bool,
    ) -> None:
        """Download one recording and store it for each of `rows`; errors are noted there."""
        try:
            path = local
            if path is None:
                assert downloader is not None
                name = (rows[0].task.row.title if count == 1 else None) or recording.title or recording.url
                path, recording = self._download(downloader, recording, name)
        except (StyleboxError, OSError) as error:
            title = "" if count == 1 else f"{recording.title or recording.url}: "
            for row in rows:
                row.problems.append(f"{title}{error_message(error)}")
            return
        for row in rows:
            if self._stop.is_set():
                raise StoppedError
            try:
                row.entry = self._store.add(
                    row.task,
                    row.entry,
                    recording,
                    path,
                    count=count,
                    last=last and not row.problems,
                    may_move=local is None and row is rows[-1],
                    remark=row.remarks.append,
                )
                row.num_stored += 1
            except (StyleboxError, OSError) as error:
                row.problems.append(error_message(error))
        if local is None:
            path.unlink(missing_ok=True)

    def _download(self, downloader: Downloader, recording: RemoteRecording, name: str) -> tuple[Path, RemoteRecording]:
        """Download, reporting the progress."""
        done: tuple[int, int | None] = (0, None)

        def received(so_far: int, total: int | None) -> None:
            nonlocal done
            done = (so_far, total)
            self._downloads(DownloadProgress(recording.key, name, *done))

        self._downloads(DownloadProgress(recording.key, name, *done))
        try:
            return downloader.fetch(recording, received)
        finally:
            self._downloads(DownloadProgress(recording.key, name, *done, ended=True))

    def _row_outcome(self, row: "_PendingRow") -> RowOutcome:
        """The outcome of a row after an attempt at each of its recordings."""
        task, entry = row.task, row.entry
        if row.problems:
            more = f" (and {len(row.problems) - 1} more)" if len(row.problems) > 1 else ""
            return self._outcome(task, "failed", f"{row.problems[0]}{more}", entry)
        if not entry.complete or not row.num_stored:
            found = self._index.known(entry, task.found)
            entry = self._index.put(entry.model_copy(update={"complete": True}), found)
        changed = task.found is not None and task.found.request_key != task.request.request_key
        return self._outcome(task, "replaced" if changed else "new", "; ".join(row.remarks), entry)

    def _outcome(self, task: Task, state: State, reason: str, entry: Entry | None = None) -> RowOutcome:
        row = task.row
        files = tuple(self._index.folder / file.path for file in entry.files) if entry else ()
        return RowOutcome(row.number, row.instrument, row.title, row.url, state, reason, files)


@dataclass
class _PendingRow:
    """A row that is being fetched."""

    task: Task
    entry: Entry
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)  # on files that were stored
    num_stored: int = 0

    def has(self, recording: RemoteRecording) -> bool:
        return any(file.item == recording.key for file in self.entry.files)


def _next(done: "queue.Queue[list[RowOutcome]]") -> list[RowOutcome]:
    while True:
        try:
            return done.get(timeout=0.5)  # a wait without a limit would ignore Ctrl-C on Windows
        except queue.Empty:
            continue


def _local_recording(path: Path, row: Row) -> RemoteRecording:
    """A file of this machine in the form of a remote recording."""
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name a file in it")
    if not path.exists():
        raise absent(path)
    if not path.is_file():
        raise SourceError(f"{path}: is not a file; name a sound file")
    return RemoteRecording(row.url, address_key(row.url), title=path.stem, extension=path.suffix.lstrip("."))


def delete_unfinished(partial: Path) -> None:
    """Delete unfinished files in `partial`; broken downloads stay, to resume."""
    for pattern in ("*.ready.*", ".*.part.*"):
        for path in partial.glob(pattern):
            path.unlink(missing_ok=True)
