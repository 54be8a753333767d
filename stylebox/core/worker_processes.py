"""A function over many items, in worker processes that end with this one. Knows nothing of the work."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TypeVar

from stylebox.core.errors import StyleboxError

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[tuple[int, Result]]:
    """Yield ``(position, function(item))`` as results arrive, in any order.

    Args:
        function: A top-level function, so that other processes can import it.
        items: Its arguments.
        jobs: Number of processes; 1 runs in this process.

    Raises:
        StyleboxError: a process died, most likely because memory ran out.
    """
    if jobs == 1 or len(items) < 2:
        for position, item in enumerate(items):
            yield position, function(item)
        return
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    far_end, lifeline = context.Pipe(duplex=False)
    with _terminal_signals_left_to_parent():
        pool = ProcessPoolExecutor(min(jobs, len(items)), context, _begin_worker, (far_end,))
        position_of = {pool.submit(function, item): position for position, item in enumerate(items)}
    try:
        for done in as_completed(position_of):
            yield position_of.pop(done), done.result()
    except BrokenProcessPool as error:
        raise StyleboxError("a worker process died, perhaps because memory ran out; use fewer --jobs") from error
    except BaseException:
        lifeline.close()  # interrupted: workers end at once, without finishing long recordings
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        lifeline.close()
        far_end.close()


@contextmanager
def _terminal_signals_left_to_parent() -> Iterator[None]:
    """Processes that begin in the block do not get Ctrl-C and the end of the terminal; this one gets them after it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signals = {signal.SIGINT, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        resource_tracker.ensure_running()  # it lets Ctrl-C through again
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(far_end: Connection) -> None:
    """Leave Ctrl-C to the parent, and end when the parent closes the lifeline or is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(far_end,), daemon=True).start()


def _end_with(far_end: Connection) -> None:
    far_end.poll(None)
    os._exit(1)
