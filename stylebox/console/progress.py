"""Progress on stderr: live bars on a terminal, otherwise a line every few seconds."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich import progress as bar
from rich.console import Console as Terminal
from rich.table import Column

from stylebox.core.progress import Progress

if TYPE_CHECKING:
    from stylebox.core.sources.fetch.report import DownloadProgress

PLAIN_SECONDS = 10.0  # between two progress lines if there is no terminal
WriteLine = Callable[[str], None]  # writes a line that stays


class _Remarks:
    """Writes the notes of reports that have no total: those are remarks and not steps. Writes each once."""

    def __init__(self, write: WriteLine) -> None:
        self._write, self._last = write, ""

    def show(self, progress: Progress) -> bool:
        """Write the report if it is a remark; tells whether it is."""
        if progress.total is not None or not progress.note:
            return False
        if progress.note != self._last:
            self._write(f"{progress.task}: {progress.note}")
        self._last = progress.note
        return True


class SparseLines:
    """Shows progress as plain lines, at most one per `PLAIN_SECONDS`."""

    def __init__(self, write: WriteLine) -> None:
        """Start now: the first line comes after `PLAIN_SECONDS`."""
        self._write, self._last, self._remarks = write, time.monotonic(), _Remarks(write)

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        if self._remarks.show(progress):
            return
        now = time.monotonic()
        if now - self._last < PLAIN_SECONDS:
            return
        self._last = now
        share = f"/{progress.total:.12g}" if progress.total else ""
        note = f", {progress.note}" if progress.note else ""
        self._write(f"{progress.task}: {progress.done:.12g}{share}{note}")


class LiveTasks:
    """Shows progress as one live bar per task."""

    def __init__(self, live: bar.Progress, write: WriteLine) -> None:
        """Add bars to `live`; remarks go to `write`."""
        self._live, self._remarks = live, _Remarks(write)
        self._tasks: dict[str, bar.TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        if self._remarks.show(progress):
            return
        if progress.task not in self._tasks:
            self._tasks[progress.task] = self._live.add_task(progress.task, total=progress.total, note="")
        task = self._tasks[progress.task]
        self._live.update(task, completed=progress.done, total=progress.total, note=progress.note)


class LiveDownloads:
    """Shows a bar per running download and removes it at the end. Threads may call it at the same time."""

    def __init__(self, live: bar.Progress) -> None:
        """Add bars to `live`."""
        self._live = live
        self._tasks: dict[str, bar.TaskID] = {}

    def __call__(self, transfer: "DownloadProgress") -> None:
        """Show one report."""
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
            if known is not None and known.completed == 0:  # bytes of an earlier run do not count as speed
                self._live.reset(task, completed=int(transfer.done), total=transfer.total)
            self._live.update(task, completed=transfer.done, total=transfer.total)


def download_bars(terminal: Terminal) -> bar.Progress:
    """Create the display of running downloads: name, share, size, speed, time left."""
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
    """Create the display of tasks; it disappears at the end of the job."""
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
