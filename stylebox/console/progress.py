"""Progress on stderr: live bars on a terminal, else a line now and then. Knows no command and computes nothing."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich import progress as bar
from rich.console import Console as Terminal
from rich.table import Column

from stylebox.core.progress import Progress

if TYPE_CHECKING:
    from stylebox.core.sources.fetch.report import DownloadProgress

PLAIN_SECONDS = 10.0  # between two progress lines where no live display can be
Say = Callable[[str], None]  # prints a line that stays


class _Remarks:
    """Progress without a measure but with a note is no step of anything: it is said once, and stays."""

    def __init__(self, say: Say) -> None:
        self._say, self._last = say, ""

    def said(self, progress: Progress) -> bool:
        """Whether it was one."""
        if progress.total is not None or not progress.note:
            return False
        if progress.note != self._last:
            self._say(f"{progress.task}: {progress.note}")
        self._last = progress.note
        return True


class SparseLines:
    """Progress as plain lines, at most one in `PLAIN_SECONDS`."""

    def __init__(self, say: Say) -> None:
        self._say, self._last, self._remarks = say, time.monotonic(), _Remarks(say)

    def __call__(self, progress: Progress) -> None:
        if self._remarks.said(progress):
            return
        now = time.monotonic()
        if now - self._last < PLAIN_SECONDS:
            return
        self._last = now
        share = f"/{progress.total:.12g}" if progress.total else ""
        note = f", {progress.note}" if progress.note else ""
        self._say(f"{progress.task}: {progress.done:.12g}{share}{note}")


class LiveTasks:
    """Progress as one live bar a task."""

    def __init__(self, live: bar.Progress, say: Say) -> None:
        self._live, self._remarks = live, _Remarks(say)
        self._tasks: dict[str, bar.TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        if self._remarks.said(progress):
            return
        if progress.task not in self._tasks:
            self._tasks[progress.task] = self._live.add_task(progress.task, total=progress.total, note="")
        task = self._tasks[progress.task]
        self._live.update(task, completed=progress.done, total=progress.total, note=progress.note)


class LiveDownloads:
    """A line for each running download, gone when that ends; called from many threads."""

    def __init__(self, live: bar.Progress) -> None:
        self._live = live
        self._tasks: dict[str, bar.TaskID] = {}

    def __call__(self, transfer: "DownloadProgress") -> None:
        task = self._tasks.get(transfer.key)
        if transfer.ended:
            if task is not None:
                self._live.remove_task(self._tasks.pop(transfer.key))
        elif task is None:
            self._tasks[transfer.key] = self._live.add_task(transfer.name, total=transfer.total)
        elif not self._live.tasks or transfer.done == 0:
            return
        else:
            known = next((shown for shown in self._live.tasks if shown.id == task), None)
            if known is not None and known.completed == 0:  # what an earlier run left was not fast, it was there
                self._live.reset(task, completed=int(transfer.done), total=transfer.total)
            self._live.update(task, completed=transfer.done, total=transfer.total)


def download_bars(terminal: Terminal) -> bar.Progress:
    """Columns of a running download: name, share, size, speed, time to go."""
    return bar.Progress(
        bar.TextColumn(
            "{task.description}", markup=False, table_column=Column(max_width=40, no_wrap=True, overflow="ellipsis")
        ),
        bar.BarColumn(bar_width=24),
        bar.DownloadColumn(),
        bar.TransferSpeedColumn(),
        bar.TimeRemainingColumn(compact=True),
        console=terminal,
    )


def bars(terminal: Terminal) -> bar.Progress:
    """The live display; gone when the job is, so that results stand alone."""
    return bar.Progress(
        bar.TextColumn("{task.description}", markup=False),
        bar.BarColumn(bar_width=24),
        bar.MofNCompleteColumn(),
        bar.TextColumn("{task.fields[note]}", style="dim", markup=False),
        bar.TimeElapsedColumn(),
        bar.TimeRemainingColumn(compact=True),
        console=terminal,
        transient=True,
        redirect_stdout=False,
        refresh_per_second=4,
    )
