"""The progress of a batch of transfers as one task, in files; several files may be under way."""

import time
from pathlib import Path

from stylebox.core.jobs.batch import Task
from stylebox.core.progress import Progress, ProgressCallback


class TransferProgress:
    """Counts the files of a batch. The work of a file is taken to grow with its size.

    Args:
        tasks: All files.
        progress: Gets the reports of the batch.
    """

    def __init__(self, tasks: list[Task], progress: ProgressCallback) -> None:
        self._files, self._finished = len(tasks), 0
        self._bytes_left, self._bytes_done = sum(task.recording.size for task in tasks), 0
        self._report, self._started = progress, time.monotonic()
        self._under_way: dict[Path, tuple[float, int]] = {}  # by output: the share that is done, and the bytes

    def step(self, task: Task, report: Progress) -> None:
        """Report a step of one file.

        Args:
            task: The file.
            report: As the transfer of this file reports it.
        """
        if report.total is None:  # a remark
            self._report(report)
            return
        share, size = self._under_way.get(task.output, (0.0, task.recording.size))
        if report.total > 1:  # a step without steps of its own says nothing
            share = max(share, min(1.0, report.done / report.total))
        self._under_way[task.output] = share, size
        under_way = sum(share * size for share, size in self._under_way.values())
        worked = self._bytes_done + under_way
        left = (time.monotonic() - self._started) * (self._bytes_left - under_way) / worked if worked else None
        note = f"{task.recording.path.name}: {report.note or report.task}"
        done = round(self._finished + sum(share for share, _ in self._under_way.values()), 2)
        self._report(Progress("transferring", done, self._files, note, seconds_left=left))

    def finish(self, task: Task, worked: bool) -> None:
        """Count a file as done.

        Args:
            task: The file.
            worked: False if it was skipped, which takes no time.
        """
        self._under_way.pop(task.output, None)
        self._finished += 1
        self._bytes_left -= task.recording.size
        self._bytes_done += task.recording.size if worked else 0
