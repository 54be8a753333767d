"""`stylebox transfer` as a job: files or folders in, files out, by one process or several."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from stylebox.core.jobs.batch import Naming, Part, Plan, Task, plan
from stylebox.core.jobs.inputs import Inputs, find_inputs
from stylebox.core.jobs.outputs import FileReport, SideOutputs
from stylebox.core.jobs.transfer_outcome import TransferBatch, TransferFailure
from stylebox.core.jobs.transfer_progress import TransferProgress
from stylebox.core.jobs.transfer_styles import Listener, transfer_styles
from stylebox.core.jobs.transfer_workers import transfer_in_workers
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.standard_streams import STREAM


def transfer_files(
    sources: Sequence[Path],
    output: Path | None,
    options: TransferOptions,
    pipeline: Pipeline,
    *,
    styles: Sequence[str] = (),
    naming: Naming | None = None,
    part: Part | None = None,
    jobs: int = 1,
    force: bool = False,
    side_outputs: SideOutputs | None = None,
    made: Callable[[FileReport], None] = lambda report: None,
    progress: ProgressCallback = silent,
) -> TransferBatch:
    """Transfer every file, and every audio file of every folder, to one style or several; a bad one stops no other.

    Args:
        sources: Files, folders and patterns; ``-`` is standard input.
        output: A file for one output, a folder for several; ``-`` is standard output. Unless given, files are named
            ``<source>-<style>.wav`` in the current folder. The folders in a folder are kept.
        options: For every file.
        pipeline: The loaded model.
        styles: To transfer to, one after the other; that of `options` unless given.
        naming: Pattern and format of the outputs' names.
        part: Transfer only this share of the files.
        jobs: Number of processes; a script that uses more than one must guard its main part.
        force: Whether to overwrite files. In a batch, finished files are skipped otherwise.
        side_outputs: What else to keep: files for one output, folders for several.
        made: Called with the report of each file when it is written.
        progress: Called as work goes on.

    Raises:
        StyleboxError: nothing to transfer, no folder for several files, an unknown style, or a process that died.
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
    batch = _of_inputs(inputs, planned)
    several = inputs.several or len(styles) > 1
    for style in styles if several else ():
        pipeline.prepare(replace(options, style=style))  # one that is misspelt is found before any work
    whole = TransferProgress(planned.tasks, progress)
    listener = Listener(whole.step if several else lambda task, report: progress(report), made, whole.finish)
    recordings = [list(of_one) for _, of_one in groupby(planned.tasks, key=lambda task: task.recording)]
    if _in_processes(recordings, jobs):
        outcomes = transfer_in_workers(recordings, pipeline, jobs, force, listener)
    else:
        outcomes = [transfer_styles(tasks, pipeline, listener, force=force, several=several) for tasks in recordings]
    for outcome in outcomes:
        batch.add(outcome)
    return batch


def _in_processes(recordings: list[list[Task]], jobs: int) -> bool:
    """Whether several processes share the work. Workers have no standard input."""
    reads_stdin = any(str(tasks[0].recording.path) == STREAM for tasks in recordings)
    return jobs > 1 and len(recordings) > 1 and not reads_stdin


def _of_inputs(inputs: Inputs, planned: Plan) -> TransferBatch:
    """The outcome before any transfer: inputs that cannot be used, and a line per reason why files were passed over."""
    problems = [TransferFailure(source, reason) for source, reason in inputs.problems.items()]
    count = planned.earlier_outputs
    earlier = f"{count} {'file was' if count == 1 else 'files were'} made by an earlier run; passed over"
    return TransferBatch(failed=problems, passed_over=[*inputs.passed_over, *([earlier] if count else [])])
