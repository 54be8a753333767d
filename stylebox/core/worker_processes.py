"""A function over many items, in worker processes that end with this one. Knows nothing of the work.

Each worker has a pipe of its own and shares nothing with others: when it dies, even in the middle of a message, its
pipe ends, and the rest is not waited for.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar, cast

from stylebox.core.errors import StyleboxError, error_reason
from stylebox.core.temporary_files import fall_back_for_libraries

Item = TypeVar("Item")
Result = TypeVar("Result")
_MOST_WORKERS = 61  # that Python can wait for on Windows
_LISTEN_SECONDS = 0.1  # at a time: on Windows, Ctrl-C does not interrupt a wait
_hear: Callable[[Any], None] | None = None  # takes the messages of this worker, or of work in this process
_number = 0  # of this worker


class _Kind(Enum):
    """What a worker sends."""

    MESSAGE, RESULT, ERROR = range(3)


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
        jobs: Number of processes, of which at most 61 start; 1 runs in this process.
        heard: Called with each message of the function, before its result.

    Raises:
        StyleboxError: a process cannot start, or died, most likely because memory ran out.
    """
    workers = min(jobs, len(items), _MOST_WORKERS)
    if workers < 2:
        yield from _run_here(function, items, heard)
        return
    waiting = iter(enumerate(items))
    position_of: dict[Connection, int] = {}  # of the item that the worker at the other end of a pipe has
    with _started(function, workers) as pipes:
        for pipe, (position, item) in zip(pipes, waiting, strict=False):
            _pass_on(pipe, item)
            position_of[pipe] = position
        while position_of:
            for pipe in cast(list[Connection], wait(list(position_of), _LISTEN_SECONDS)):
                kind, content = _received(pipe)
                if kind is _Kind.MESSAGE:
                    heard(content)
                elif kind is _Kind.ERROR:
                    raise content
                else:
                    position = position_of.pop(pipe)
                    for following, item in islice(waiting, 1):
                        _pass_on(pipe, item)
                        position_of[pipe] = following
                    yield position, content


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


@contextmanager
def _started(function: Callable[[Item], Result], number: int) -> Iterator[list[Connection]]:
    """Workers, as our ends of their pipes. After an exception, they end at once, without finishing long recordings."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    pipes: list[Connection] = []
    processes: list[SpawnProcess] = []
    try:
        with _terminal_signals_left_to_parent():
            for position in range(number):
                ours, theirs = context.Pipe()
                pipes.append(ours)
                with theirs:  # and only the worker has it: the pipe ends with the worker
                    process = context.Process(target=_work, args=(theirs, function, position), daemon=True)
                    try:
                        process.start()
                    except OSError as error:
                        reason = error_reason(error)
                        raise StyleboxError(f"no worker process can start ({reason}); use fewer --jobs") from error
                processes.append(process)
        yield pipes
    except BaseException:
        for process in processes:
            process.kill()
        raise
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join()


def _pass_on(pipe: Connection, item: object) -> None:
    try:
        pipe.send(item)
    except OSError as error:
        raise _died() from error


def _received(pipe: Connection) -> tuple[_Kind, Any]:
    """What a worker sends."""
    try:
        received: tuple[_Kind, Any] = pipe.recv()
    except (EOFError, OSError) as error:  # OSError: it ended in the middle
        raise _died() from error
    return received


def _died() -> StyleboxError:
    return StyleboxError("a worker process died, perhaps because memory ran out; use fewer --jobs")


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


def _work(pipe: Connection, function: Callable[[Any], object], number: int) -> None:
    """Apply the function to the items that come, until the pipe ends. Ctrl-C is left to the parent."""
    global _hear, _number
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    fall_back_for_libraries()
    turn = threading.Lock()

    def report(kind: _Kind, content: object) -> None:
        with turn:
            pipe.send((kind, content))

    _hear, _number = partial(report, _Kind.MESSAGE), number
    with suppress(EOFError, OSError):  # the parent needs no more
        while True:
            item = pipe.recv()
            try:
                report(_Kind.RESULT, function(item))
            except Exception as error:
                report(_Kind.ERROR, _as_sent(error))


def _as_sent(error: Exception) -> Exception:
    """An error with its traceback as a note, or another one where it cannot be pickled."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
