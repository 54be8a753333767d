"""The recordings of a batch in several processes, each with a model of its own.

With the same number of threads in each, the bytes are those of one process.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch

from stylebox.core.files import remove_partial_files_of
from stylebox.core.jobs.batch import Task
from stylebox.core.jobs.pipelines import load_pipeline
from stylebox.core.jobs.transfer_outcome import TransferBatch
from stylebox.core.jobs.transfer_styles import Listener, transfer_styles
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.worker_processes import run_all, send, worker_number


@dataclass(frozen=True)
class _Job:
    """One recording for one process."""

    tasks: Sequence[Task]
    model: str
    device: str
    threads: int
    force: bool


def transfer_in_workers(
    recordings: Sequence[Sequence[Task]], pipeline: Pipeline, jobs: int, force: bool, listener: Listener
) -> list[TransferBatch]:
    """Transfer several recordings; gives the outcome of each, in their order.

    Args:
        recordings: The outputs of each.
        pipeline: The model, which each process loads by its name.
        jobs: Number of processes, which share the threads of this one.
        force: Whether to overwrite files.
        listener: Hears of the files, in this process.

    Raises:
        StyleboxError: a process died.
    """
    jobs = min(jobs, len(recordings))
    threads = max(1, torch.get_num_threads() // jobs)
    # The longest first: otherwise a single process works on it at the end.
    order = sorted(range(len(recordings)), key=lambda position: -recordings[position][0].recording.size)
    work = [_Job(recordings[at], pipeline.model, str(pipeline.device), threads, force) for at in order]
    try:
        outcomes = {order[at]: outcome for at, outcome in run_all(_transfer, work, jobs, partial(_heard, listener))}
    except BaseException:  # workers have ended at once, and left what they were writing
        for task in itertools.chain.from_iterable(recordings):
            remove_partial_files_of(task.output)
        raise
    return [outcomes[position] for position in range(len(recordings))]


def _heard(listener: Listener, message: tuple[str, tuple[object, ...]]) -> None:
    """Pass on what a worker's listener heard."""
    name, arguments = message
    getattr(listener, name)(*arguments)


def _transfer(job: _Job) -> TransferBatch:
    """Transfer one recording in a worker."""
    sending = {name: partial(_send, name) for name in ("step", "made", "finished")}
    pipeline = pipeline_of_worker(job.model, job.device, job.threads)
    return transfer_styles(job.tasks, pipeline, Listener(**sending), force=job.force, several=True)


def _send(name: str, *arguments: object) -> None:
    """Send what the listener of this worker heard."""
    send((name, arguments))


@cache
def pipeline_of_worker(model: str, device: str, threads: int) -> Pipeline:
    """The model, loaded once per process; of several cards, each process uses one.

    Args:
        model: Its name, or a folder.
        device: Where it computes.
        threads: Of the processor.
    """
    torch.set_num_threads(threads)
    if device == "cuda":
        torch.cuda.set_device(worker_number() % torch.cuda.device_count())
    return load_pipeline(model, device)
