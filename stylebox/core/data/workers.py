"""Parallel map of a function over items, in worker processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

import torch

from stylebox.core.errors import DatasetError

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[tuple[int, Result]]:
    """Yield ``(position, function(item))`` as results arrive, in any order; each call uses one thread.

    Args:
        function: A top-level function, so that other processes can import it.
        items: Its arguments.
        jobs: Number of processes; 1 runs in this process.

    Raises:
        DatasetError: a process died, most likely because memory ran out.
    """
    if jobs == 1 or len(items) < 2:
        for position, item in enumerate(items):
            with _one_thread():
                result = function(item)
            yield position, result
        return
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    far_end, lifeline = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(min(jobs, len(items)), context, _begin_worker, (far_end,))
    try:
        position_of = {pool.submit(function, item): position for position, item in enumerate(items)}
        for done in as_completed(position_of):
            yield position_of.pop(done), done.result()
    except BrokenProcessPool as error:
        raise DatasetError("a worker process died, perhaps because memory ran out; use fewer --jobs") from error
    except BaseException:
        lifeline.close()  # interrupted: workers end at once, without finishing long recordings
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        lifeline.close()
        far_end.close()


def _begin_worker(far_end: Connection) -> None:
    """Use one thread, leave Ctrl-C to the parent, and end when the parent closes the lifeline or is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(far_end,), daemon=True).start()


def _end_with(far_end: Connection) -> None:
    far_end.poll(None)
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, as in a worker: the order of sums, and so the last bit, depends on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
