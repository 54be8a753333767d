"""One function over many items on all cores. Knows nothing of what the function does."""

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
    """Yield ``(position, function(item))`` as results come, in no order; each call has one thread.

    Args:
        function: A top-level function, so that other processes can find it.
        jobs: Processes; 1 works in this one.

    Raises:
        DatasetError: a process died, most likely for want of memory.
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
        raise DatasetError("a worker process died, out of memory perhaps; use fewer --jobs") from error
    except BaseException:
        lifeline.close()  # interrupted: nobody waits for long recordings to be finished
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        lifeline.close()
        far_end.close()


def _begin_worker(far_end: Connection) -> None:
    """One thread; Ctrl-C is the parent's to handle; no life after the lifeline is cut or its holder killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(far_end,), daemon=True).start()


def _end_with(far_end: Connection) -> None:
    far_end.poll(None)
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The same number of threads as in a worker: the order of sums, and so the last bit, depends on it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
