"""One run of `stylebox fetch` over its threads: each row a task, each address one download, nothing lost on the way.

Knows neither how downloading works nor how files get their names.
"""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stylebox.core.errors import SourceError, StyleboxError
from stylebox.core.progress import Progress, ProgressCallback
from stylebox.core.sources.fetch.address import local_path, web_address
from stylebox.core.sources.fetch.catalogue import Catalogue, Row
from stylebox.core.sources.fetch.download import Downloader, DownloadOptions, StoppedError
from stylebox.core.sources.fetch.index import Entry, Fetched
from stylebox.core.sources.fetch.plan import Names, Task
from stylebox.core.sources.fetch.remote import RemoteRecording, address_key
from stylebox.core.sources.fetch.report import DownloadCallback, DownloadProgress, RowOutcome, State
from stylebox.core.sources.fetch.store import Filing

_GRACE_SECONDS = 2.0  # for threads to end when the job is stopped; blocked ones are left behind


class Job:
    """One run: rows in, outcomes out."""

    def __init__(
        self,
        catalogue: Catalogue,
        fetched: Fetched,
        names: Names,
        partial: Path,
        options: DownloadOptions,
        transfers: DownloadCallback,
        remark: Callable[[str], None],
    ) -> None:
        self._catalogue, self._partial, self._options, self._remark = catalogue, partial, options, remark
        self._fetched, self._transfers = fetched, transfers
        self._filing = Filing(fetched, names, partial)
        self._stop = threading.Event()

    def run(self, tasks: Sequence[Task], jobs: int, progress: ProgressCallback) -> list[RowOutcome]:
        """Do every task; the quick ones first, the downloads in threads."""
        outcomes: list[RowOutcome] = []

        def told(outcome: RowOutcome) -> None:
            outcomes.append(outcome)
            progress(Progress("fetching", len(outcomes), len(tasks), outcome.title or outcome.url))

        groups: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            if task.need == "fetch":
                groups[task.row.url].append(task)
            else:
                told(self._at_once(task))
        if groups:
            self._in_threads(list(groups.values()), jobs, told)
        return outcomes

    def _at_once(self, task: Task) -> RowOutcome:
        """A row that needs no download."""
        try:
            if task.need == "twin":
                return self._outcome(task, "skipped", f"says the same as row {task.twin}")
            assert task.found is not None
            if task.need == "licence":
                return self._outcome(task, "replaced", "licence noted", self._filing.relabel(task))
            if task.need == "move":
                return self._outcome(task, "replaced", "renamed", self._filing.relabel(task))
            return self._outcome(task, "skipped", "is there", task.found)
        except (StyleboxError, OSError) as error:
            return self._failure(task, _reason(error))

    def _in_threads(self, groups: Sequence[list[Task]], jobs: int, told: Callable[[RowOutcome], None]) -> None:
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
                for outcome in self._next(done):
                    told(outcome)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(_GRACE_SECONDS / len(threads))
            tidy(self._partial)

    def _next(self, done: "queue.Queue[list[RowOutcome]]") -> list[RowOutcome]:
        while True:
            try:
                return done.get(timeout=0.5)  # so that Ctrl-C is heard on every system
            except queue.Empty:
                continue

    def _work(self, waiting: "queue.SimpleQueue[list[Task]]", done: "queue.Queue[list[RowOutcome]]") -> None:
        """One thread: groups until none is left. Every group gets its outcomes, whatever happens."""
        downloader: Downloader | None = None
        while not self._stop.is_set():
            try:
                group = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                if downloader is None and self._local(group[0].row) is None:
                    downloader = Downloader(self._partial, self._options, self._stop, self._remark)
                done.put(self._group(group, downloader))
            except StoppedError:
                break
            except Exception as error:
                done.put([self._failure(task, _reason(error)) for task in group])
        if downloader is not None:
            downloader.close()

    def _local(self, row: Row) -> Path | None:
        return local_path(row.url, self._catalogue.folder)

    def _group(self, group: Sequence[Task], downloader: Downloader | None) -> list[RowOutcome]:
        """Rows of one address: each recording behind it comes once, and is filed for every row that lacks it."""
        outcomes, lacking = [], []
        for task in group:
            adopted = self._filing.adopt(task)
            if adopted is None:
                lacking.append(task)
            else:
                outcomes.append(self._outcome(task, "skipped", "was there", adopted))
        if not lacking:
            return outcomes
        try:
            local = self._local(group[0].row)
            if local is not None:
                finds = [_local_find(local, group[0].row)]
            else:
                assert downloader is not None
                finds = downloader.resolve(web_address(group[0].row.url))
        except (StyleboxError, OSError) as error:
            return outcomes + [self._failure(task, _reason(error)) for task in lacking]
        wants = [_Want(task, self._filing.begin(task)) for task in lacking]
        for number, find in enumerate(finds, start=1):
            waiting = [want for want in wants if not want.has(find)]
            if waiting:
                self._serve(waiting, find, local, downloader, count=len(finds), last=number == len(finds))
        return outcomes + [self._ended(want) for want in wants]

    def _serve(
        self,
        wants: Sequence["_Want"],
        find: RemoteRecording,
        local: Path | None,
        downloader: Downloader | None,
        *,
        count: int,
        last: bool,
    ) -> None:
        """Get one recording and file it for each of `wants`; what goes wrong is noted there."""
        try:
            path = local
            if path is None:
                assert downloader is not None
                name = (wants[0].task.row.title if count == 1 else None) or find.title or find.url
                path, find = self._receive(downloader, find, name)
        except (StyleboxError, OSError) as error:
            for want in wants:
                want.problems.append(_reason(error) if count == 1 else f"{find.title or find.url}: {_reason(error)}")
            return
        for want in wants:
            if self._stop.is_set():
                raise StoppedError
            try:
                want.entry = self._filing.file(
                    want.task,
                    want.entry,
                    find,
                    path,
                    count=count,
                    last=last and not want.problems,
                    may_move=local is None and want is wants[-1],
                )
                want.filed += 1
            except (StyleboxError, OSError) as error:
                want.problems.append(_reason(error))
        if local is None:
            path.unlink(missing_ok=True)

    def _receive(self, downloader: Downloader, find: RemoteRecording, name: str) -> tuple[Path, RemoteRecording]:
        """Download, telling how far it is."""
        done: tuple[int, int | None] = (0, None)

        def received(*now: int | None) -> None:
            nonlocal done
            done = (now[0] or 0, now[1])
            self._transfers(DownloadProgress(find.key, name, *done))

        self._transfers(DownloadProgress(find.key, name, *done))
        try:
            return downloader.fetch(find, received)
        finally:
            self._transfers(DownloadProgress(find.key, name, *done, ended=True))

    def _ended(self, want: "_Want") -> RowOutcome:
        """What became of a row whose recordings have all been tried."""
        task, entry = want.task, want.entry
        if want.problems:
            more = f" (and {len(want.problems) - 1} more)" if len(want.problems) > 1 else ""
            return self._failure(task, f"{want.problems[0]}{more}", entry)
        if not entry.complete or not want.filed:
            found = self._fetched.known(entry, task.found)
            entry = self._fetched.put(entry.model_copy(update={"complete": True}), found)
        changed = task.found is not None and task.found.wish != task.wish.wish
        return self._outcome(task, "replaced" if changed else "new", "", entry)

    def _outcome(
        self,
        task: Task,
        state: State,
        reason: str = "",
        entry: Entry | None = None,
    ) -> RowOutcome:
        row = task.row
        files = tuple(self._fetched.folder / file.path for file in entry.files) if entry else ()
        return RowOutcome(row.number, row.instrument, row.title, row.url, state, reason, files)

    def _failure(self, task: Task, reason: str, entry: Entry | None = None) -> RowOutcome:
        return self._outcome(task, "failed", reason, entry)


@dataclass
class _Want:
    """A row on its way."""

    task: Task
    entry: Entry
    problems: list[str] = field(default_factory=list)
    filed: int = 0

    def has(self, find: RemoteRecording) -> bool:
        """Whether this recording is there already."""
        return any(file.item == find.key for file in self.entry.files)


def _local_find(path: Path, row: Row) -> RemoteRecording:
    """A file of this machine as what an address leads to."""
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name a file in it")
    if not path.is_file():
        raise SourceError(f"{path}: no such file; check the name")
    return RemoteRecording(row.url, address_key(row.url), title=path.stem, extension=path.suffix.lstrip("."))


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, StyleboxError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"unexpected {type(error).__name__}: {error}"


def tidy(partial: Path) -> None:
    """Delete what was being made ready; downloads that broke off stay."""
    for pattern in ("*.ready.*", ".*.part.*"):
        for path in partial.glob(pattern):
            path.unlink(missing_ok=True)
