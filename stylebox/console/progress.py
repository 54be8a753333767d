"""Progress on stderr: live bars on a terminal, otherwise a line every few seconds.

The line of a bar holds the share done, the steps, the rate and the time to go, at every width from 60 columns on;
whatever else there is to know stands in the lines below the bars. `bars` draws, this module decides when.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.progress import TaskID

from stylebox.console.bars import TaskBars, amount, clock, rate
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
        self._began: dict[str, tuple[float, float]] = {}  # per task: when it was first reported, and what was done then

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        if self._remarks.show(progress):
            return
        now = time.monotonic()
        began, done_then = self._began.setdefault(progress.task, (now, progress.done))
        if progress.done < done_then:  # the task began again, for another file
            began, done_then = self._began[progress.task] = now, progress.done
        if now - self._last < PLAIN_SECONDS:
            return
        self._last = now
        share = f"/{amount(progress.total)}" if progress.total else ""
        parts = [f"{progress.task}: {amount(progress.done)}{share}"]
        speed = (progress.done - done_then) / (now - began) if now - began >= 1 else 0.0
        left = progress.seconds_left
        if progress.total and progress.total > 1 and speed > 0:
            parts.append(rate(speed))
            left = (progress.total - progress.done) / speed if left is None else left
        parts += [f"{clock(left)} left"] if left else []
        self._write(", ".join([*parts, *([progress.note] if progress.note else []), *progress.details]))


class LiveTasks:
    """Shows progress as one live bar per task."""

    def __init__(self, live: TaskBars, write: WriteLine) -> None:
        """Add bars to `live`; remarks go to `write`."""
        self._live, self._remarks = live, _Remarks(write)
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        """Show one report; a task with a single step, which tells nothing until it is done, pulses."""
        if self._remarks.show(progress):
            return
        total = progress.total if progress.total != 1 or progress.done else None
        task = self._tasks.get(progress.task)
        if task is not None and progress.done < self._live.completed(task):  # it begins again, for another file
            self._remove(progress.task)
            task = None
        if task is None:
            task = self._tasks[progress.task] = self._live.add_task(progress.task, total=total, report=progress)
        self._live.update(task, completed=progress.done, total=total, report=progress)

    def _remove(self, task: str) -> None:
        """Remove the bars of a task and of all that are finished."""
        for shown in self._live.tasks:
            if shown.finished or shown.description == task:
                self._live.remove_task(shown.id)
                self._tasks.pop(shown.description)


class LiveDownloads:
    """Shows a bar per running download and removes it at the end. Threads may call it at the same time."""

    def __init__(self, live: TaskBars) -> None:
        """Add bars to `live`."""
        self._live = live
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, transfer: "DownloadProgress") -> None:
        """Show one report."""
        task = self._tasks.get(transfer.key)
        if transfer.ended:
            if task is not None:
                self._live.remove_task(self._tasks.pop(transfer.key))
        elif task is None:
            self._tasks[transfer.key] = self._live.add_task(transfer.name, total=transfer.total)
        elif transfer.done > 0:
            if self._live.completed(task) == 0:  # bytes of an earlier run do not count as speed
                self._live.reset(task, completed=int(transfer.done), total=transfer.total)
            self._live.update(task, completed=transfer.done, total=transfer.total)
