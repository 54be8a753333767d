"""One recording of a batch to all of its styles: it is read and transcribed once. A bad file stops no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stylebox.core.errors import StyleboxError, error_message
from stylebox.core.file_names import MAX_OUTPUT_BYTES, shortened
from stylebox.core.jobs.batch import Task
from stylebox.core.jobs.input_file import InputFile
from stylebox.core.jobs.outputs import FileReport, RecordingPage
from stylebox.core.jobs.transfer_file import transfer_file
from stylebox.core.jobs.transfer_outcome import SkippedTransfer, TransferBatch, TransferFailure
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import Progress


@dataclass(frozen=True)
class Listener:
    """Who hears of the files while they are made.

    Attributes:
        step: Called with a file and each report of its progress.
        made: Called with the report of a file when it is written.
        finished: Called with each file when it is done, and whether that took any work.
    """

    step: Callable[[Task, Progress], None]
    made: Callable[[FileReport], None]
    finished: Callable[[Task, bool], None]


def transfer_styles(
    tasks: Sequence[Task], pipeline: Pipeline, listener: Listener, *, force: bool, several: bool
) -> TransferBatch:
    """Make all outputs of one recording.

    Args:
        tasks: One per style, of the same recording.
        pipeline: The loaded model.
        listener: Hears of the files.
        force: Whether to overwrite files.
        several: Whether the batch has more outputs: those that exist are skipped then, and no error ends the others.
    """
    batch, page = TransferBatch(), None
    with InputFile(tasks[0].recording.path, pipeline, _notes_folder(tasks)) as source:
        for task in tasks:
            if several and not force and _is_finished(task):
                batch.skipped.append(_skipped(task))
                listener.finished(task, False)
                continue
            page = page or (RecordingPage(task.page, str(task.recording.path), len(tasks)) if task.page else None)
            outcome = _transfer(task, source, pipeline, listener, page, force, several)
            if not isinstance(outcome, TransferFailure):
                batch.done.append(outcome)
            elif outcome not in batch.failed:  # what is wrong with a recording is wrong in every style
                batch.failed.append(outcome)
            listener.finished(task, True)
    if not batch.failed:
        source.remove_notes()
    if page is not None:
        _write(page, batch)
    return batch


def _transfer(
    task: Task,
    source: InputFile,
    pipeline: Pipeline,
    listener: Listener,
    page: RecordingPage | None,
    force: bool,
    several: bool,
) -> FileReport | TransferFailure:
    """One output; in a batch an error of a library is a failure as well."""
    path, progress = task.recording.path, partial(listener.step, task)
    try:
        if page is not None:
            page.check(force)
        report = transfer_file(source, task.output, task.options, pipeline, force, task.side_outputs, progress, page)
    except (StyleboxError, OSError) as error:
        return TransferFailure(str(path), error_message(error))
    except Exception as error:
        if not several:
            raise
        reason = f"{path}: {error_message(error)}; transfer it alone with --debug for the traceback"
        return TransferFailure(str(path), reason)
    listener.made(report)
    return report


def _write(page: RecordingPage, batch: TransferBatch) -> None:
    """The page of a recording in several styles; without any output there is none."""
    try:
        if page.write():
            batch.pages.append(str(page.path))
    except (StyleboxError, OSError) as error:
        batch.failed.append(TransferFailure(str(page.path), error_message(error)))


def _notes_folder(tasks: Sequence[Task]) -> Path | None:
    """Where the notes of a long recording are kept for its styles: beside the first output, whose name no other has."""
    if len(tasks) == 1:
        return None
    output = tasks[0].output.absolute()
    return output.with_name(f".{shortened(output.name, MAX_OUTPUT_BYTES)}.notes.work")


def _is_finished(task: Task) -> bool:
    if task.output.absolute() == task.recording.path.absolute():  # refused when it is written
        return False
    pages = [task.page] if task.page is not None else []
    try:
        return all(path.exists() for path in (task.output, *task.side_outputs.paths(), *pages))
    except OSError:  # reported when it is written
        return False


def _skipped(task: Task) -> SkippedTransfer:
    """An output that exists; files are written whole or not at all, so it is complete."""
    source, output = task.recording.path, task.output
    try:
        outdated = source.stat().st_mtime > output.stat().st_mtime
    except OSError:  # standard input, or one of the files has just been deleted
        outdated = False
    return SkippedTransfer(str(source), str(output), outdated)
