"""A function over many items, in worker processes that end with this one. Knows nothing of the work."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

from stylebox.core.errors import StyleboxError
from stylebox.core.temporary_files import fall_back_for_libraries

Item = TypeVar("Item")
Result = TypeVar("Result")
_START_METHOD = "spawn"  # torch's threads do not survive a fork
_MOST_WORKERS = 61  # that Python can wait for on Windows
_LISTEN_SECONDS = 0.1  # between two looks for messages
_hear: Callable[[Any], None] | None = None  # takes the messages of this worker, or of work in this process
_number = 0  # of this worker


def send(message: object) -> None:
    """Send a message from the function of `run_all` to the process that called it; anything that can be pickled."""
    if _hear is not None:
        _hear(message)


def worker_number() -> int:
    """Which of the workers of `run_all` this process is, from 0."""
    return _number


def run_all(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    heard: Callable[[Any], None] = lambda message: None,
) -> Iterator[tuple[int, Result]]:
    """Yield ``(position, function(item))`` as results arrive, in any order.

    Args:
        function: A top-level function, so that other processes can import it.
        items: Its arguments.
        jobs: Number of processes, of which at most 61 start; 1 runs in this process, as any number does where processes
            cannot share locks.
        heard: Called with each message of the function, before its result.

    Raises:
        StyleboxError: a process died, most likely because memory ran out.
    """
    workers = min(jobs, len(items), _MOST_WORKERS)
    if workers < 2 or not can_share_locks():
        yield from _run_here(function, items, heard)
        return
    context = multiprocessing.get_context(_START_METHOD)
    far_end, lifeline = context.Pipe(duplex=False)
    messages, numbers = context.SimpleQueue(), context.SimpleQueue()
    for number in range(workers):
        numbers.put(number)
    ended: queue.SimpleQueue[Future[Result]] = queue.SimpleQueue()
    with _terminal_signals_left_to_parent():
        pool = ProcessPoolExecutor(workers, context, _begin_worker, (far_end, messages, numbers))
        position_of = {pool.submit(function, item): position for position, item in enumerate(items)}
    try:
        for future in position_of:
            future.add_done_callback(ended.put)
        while position_of:
            done = None
            with suppress(queue.Empty):
                done = ended.get(timeout=_LISTEN_SECONDS)
            while not messages.empty():  # the messages of a function are here before its result
                heard(messages.get())
            if done is not None:
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
        messages.close()
        numbers.close()


def _run_here(
    function: Callable[[Item], Result], items: Sequence[Item], heard: Callable[[Any], None]
) -> Iterator[tuple[int, Result]]:
    global _hear
    for position, item in enumerate(items):
        before, _hear = _hear, heard
        try:
            result = function(item)
        finally:
            _hear = before
        yield position, result


def can_share_locks() -> bool:
    """Whether this system has several processes work together: on Linux, some containers lack or protect /dev/shm."""
    try:
        multiprocessing.get_context(_START_METHOD).Lock()
    except (ImportError, OSError):
        return False
    return True


@contextmanager
def _terminal_signals_left_to_parent() -> Iterator[None]:
    """Processes that begin in the block do not get Ctrl-C and the end of the terminal; this one gets them after it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signals = {signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        resource_tracker.ensure_running()  # it lets Ctrl-C through again
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(far_end: Connection, messages: "SimpleQueue[Any]", numbers: "SimpleQueue[int]") -> None:
    """Leave Ctrl-C to the parent, and end when the parent closes the lifeline or is killed."""
    global _hear, _number
    _hear, _number = messages.put, numbers.get()
    fall_back_for_libraries()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(far_end,), daemon=True).start()


def _end_with(far_end: Connection) -> None:
    far_end.poll(None)
    os._exit(1)
