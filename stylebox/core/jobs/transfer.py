"""`stylebox transfer` as a job: files or folders in, files out. A bad file does not stop the others."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from stylebox.core.errors import StyleboxError, error_message
from stylebox.core.file_names import MAX_OUTPUT_BYTES, shortened
from stylebox.core.jobs.batch import Inputs, Naming, Part, Plan, Task, find_inputs, plan
from stylebox.core.jobs.input_file import InputFile
from stylebox.core.jobs.outputs import FileReport, RecordingPage, SideOutputs
from stylebox.core.jobs.transfer_file import transfer_file
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import Progress, ProgressCallback, silent


@dataclass(frozen=True)
class TransferFailure:
    """One file that could not be made, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class SkippedTransfer:
    """One output that exists already.

    Attributes:
        source: The input.
        output: The file.
        outdated: Whether the input was changed after the output was written.
    """

    source: str
    output: str
    outdated: bool = False


@dataclass
class TransferBatch:
    """The outcome for all files, in order.

    Attributes:
        done: The outputs that were written.
        failed: Those that could not be made.
        skipped: Those that exist already.
        pages: Report pages of several styles.
        passed_over: Lines that say how many files were not taken as recordings, and why.
    """

    done: list[FileReport] = field(default_factory=list)
    failed: list[TransferFailure] = field(default_factory=list)
    skipped: list[SkippedTransfer] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def transfer_files(
    sources: Sequence[Path],
    output: Path | None,
    options: TransferOptions,
    pipeline: Pipeline,
    *,
    styles: Sequence[str] = (),
    naming: Naming | None = None,
    part: Part | None = None,
    force: bool = False,
    side_outputs: SideOutputs | None = None,
    made: Callable[[FileReport], None] = lambda report: None,
    progress: ProgressCallback = silent,
) -> TransferBatch:
    """Transfer every file, and every audio file of every folder, to one style or several.

    Args:
        sources: Files, folders and patterns; ``-`` is standard input.
        output: A file for one output, a folder for several; ``-`` is standard output. Unless given, files are named
            ``<source>-<style>.wav`` in the current folder. The folders in a folder are kept.
        options: For every file.
        pipeline: The loaded model.
        styles: To transfer to, one after the other; that of `options` unless given.
        naming: Pattern and format of the outputs' names.
        part: Transfer only this share of the files.
        force: Whether to overwrite files. In a batch, finished files are skipped otherwise.
        side_outputs: What else to keep: files for one output, folders for several.
        made: Called with the report of each file when it is written.
        progress: Called as work goes on.

    Raises:
        AudioError: nothing to transfer, or a file is named where a folder is needed.
    """
    inputs = find_inputs(sources)
    planned = plan(
        inputs,
        output,
        options,
        styles=styles or [options.style],
        model=pipeline.model,
        naming=naming or Naming(),
        side_outputs=side_outputs or SideOutputs(),
        part=part or Part(),
    )
    problems = [TransferFailure(source, reason) for source, reason in inputs.problems.items()]
    batch = TransferBatch(failed=problems, passed_over=_passed_over(inputs, planned))
    several = inputs.several or len(styles) > 1
    run = _Run(batch, pipeline, force, several, made, progress, _Whole(planned.tasks, progress))
    for _, of_recording in groupby(planned.tasks, key=lambda task: task.recording):
        run.transfer(list(of_recording))
    return batch


def _passed_over(inputs: Inputs, planned: Plan) -> list[str]:
    """A line per reason why files were not taken as recordings."""
    count = planned.earlier_outputs
    earlier = f"{count} {'file was' if count == 1 else 'files were'} made by an earlier run; passed over"
    return [*inputs.passed_over, *([earlier] if count else [])]


@dataclass(frozen=True)
class _Run:
    """What is common to the files of a batch while it is made."""

    batch: TransferBatch
    pipeline: Pipeline
    force: bool
    several: bool
    made: Callable[[FileReport], None]
    progress: ProgressCallback
    whole: "_Whole"

    def transfer(self, tasks: Sequence[Task]) -> None:
        """Make all outputs of one recording, which is read and transcribed once."""
        failed, page = len(self.batch.failed), None
        with InputFile(tasks[0].recording.path, self.pipeline, _notes_folder(tasks)) as source:
            for task in tasks:
                if self.several and not self.force and _is_finished(task):
                    self.batch.skipped.append(_skipped(task))
                    self.whole.finish(task, worked=False)
                    continue
                page = page or (RecordingPage(task.page, str(task.recording.path), len(tasks)) if task.page else None)
                self._transfer(task, source, page)
                self.whole.finish(task, worked=True)
        if len(self.batch.failed) == failed:
            source.remove_notes()
        if page is not None:
            self._write(page)

    def _transfer(self, task: Task, source: InputFile, page: RecordingPage | None) -> None:
        """One output; in a batch no error of a library ends the others."""
        path, reason = task.recording.path, ""
        progress = self.whole.of(task) if self.several else self.progress
        try:
            if page is not None:
                page.check(self.force)
            report = transfer_file(
                source, task.output, task.options, self.pipeline, self.force, task.side_outputs, progress, page
            )
        except (StyleboxError, OSError) as error:
            reason = error_message(error)
        except Exception as error:
            if not self.several:
                raise
            reason = f"{path}: {error_message(error)}; transfer it alone with --debug for the traceback"
        else:
            self.batch.done.append(report)
            self.made(report)
        failure = TransferFailure(str(path), reason)
        if reason and failure not in self.batch.failed:  # what is wrong with a recording is wrong in every style
            self.batch.failed.append(failure)

    def _write(self, page: RecordingPage) -> None:
        """The page of a recording in several styles; without any output there is none."""
        try:
            if page.write():
                self.batch.pages.append(str(page.path))
        except (StyleboxError, OSError) as error:
            self.batch.failed.append(TransferFailure(str(page.path), error_message(error)))


def _notes_folder(tasks: Sequence[Task]) -> Path | None:
    """Where the notes of a long recording are kept for its styles: beside the outputs, or above where they differ."""
    if len(tasks) == 1:
        return None
    folder = Path(os.path.commonpath([task.output.absolute().parent for task in tasks]))
    return folder / f".{shortened(tasks[0].recording.path.name, MAX_OUTPUT_BYTES)}.notes.work"


def _is_finished(task: Task) -> bool:
    pages = [task.page] if task.page is not None else []
    try:
        return all(path.exists() for path in (task.output, *task.side_outputs.paths(), *pages))
    except OSError:  # reported when it is written
        return False


def _skipped(task: Task) -> SkippedTransfer:
    """An output that exists; files are written whole or not at all, so it is complete."""
    source, output = task.recording.path, task.output
    outdated = source.exists() and source.stat().st_mtime > output.stat().st_mtime
    return SkippedTransfer(str(source), str(output), outdated)


class _Whole:
    """The progress of a batch as one task, in files. The work of a file is taken to grow with its size."""

    def __init__(self, tasks: Sequence[Task], progress: ProgressCallback) -> None:
        self._files, self._finished = len(tasks), 0
        self._bytes_left, self._bytes_done = sum(task.recording.size for task in tasks), 0.0
        self._report, self._started = progress, time.monotonic()

    def of(self, task: Task) -> ProgressCallback:
        """The callback of one file: its steps become a fraction of a file."""
        reached = 0.0

        def report(step: Progress) -> None:
            nonlocal reached
            if step.total is None:  # a remark
                self._report(step)
                return
            if step.total > 1:  # a step without steps of its own says nothing
                reached = max(reached, min(1.0, step.done / step.total))
            self._show(task, reached, step.note or step.task)

        return report

    def finish(self, task: Task, worked: bool) -> None:
        """Count a file as done.

        Args:
            task: The file.
            worked: False if it was skipped, which takes no time.
        """
        self._finished += 1
        self._bytes_left -= task.recording.size
        self._bytes_done += task.recording.size if worked else 0

    def _show(self, task: Task, share: float, step: str) -> None:
        size = task.recording.size
        worked = self._bytes_done + share * size
        left = (time.monotonic() - self._started) * (self._bytes_left - share * size) / worked if worked else None
        note = f"{task.recording.path.name}: {step}"
        done = round(self._finished + share, 2)
        self._report(Progress("transferring", done, self._files, note, seconds_left=left))
