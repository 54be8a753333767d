"""Faults put into a command at a chosen moment, in a process of its own.

A moment is the n-th time that the command gives a file its final name: before it, nothing of that file is to be seen.
The processes are forks of one that has imported everything and computed nothing.
"""

import hashlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple


class Moment(NamedTuple):
    """When a fault happens.

    Attributes:
        rename: Counted from 1; 0 means never.
        after: Whether it happens after that rename instead of before it.
    """

    rename: int
    after: bool = False


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        code: Exit code; minus the signal's number if a signal ended it.
        renames: How many files got their final name.
        text: What it printed.
    """

    code: int
    renames: int
    text: str


Fault = Callable[[], None]


def kill() -> None:
    """The process is gone at once, as by ``kill -9`` or a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate() -> None:
    """The system asks the process to end."""
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def hang_up() -> None:
    """The terminal is closed."""
    os.kill(os.getpid(), signal.SIGHUP)


def jump_in_time() -> None:
    """The clock goes back by a day."""
    now = time.time
    time.time = lambda: now() - 86400.0


def fill_disk() -> None:
    """From now on no file grows: each write fails as on a full disk (the error is another, its kind is the same)."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["torch", "stylebox.cli", "stylebox.core.jobs.transfer", "stylebox.core.data.build"])


def run_with_fault(arguments: Sequence[object], moment: Moment, fault: Fault) -> Ended:
    """Run a command in a process of its own, in the current folder, and put a fault into it.

    Args:
        arguments: Of the command line.
        moment: When.
        fault: What happens; a function of this module.
    """
    printed, printing = _SERVER.Pipe(duplex=False)
    counted, counting = _SERVER.Pipe(duplex=False)
    words = [str(argument) for argument in arguments]
    place = (str(Path.cwd()), dict(os.environ))
    child = _SERVER.Process(target=_child, args=(words, moment, fault, place, printing, counting))
    child.start()
    printing.close()
    counting.close()
    text, renames = (_drained(connection) for connection in (printed, counted))
    child.join()
    return Ended(int(child.exitcode or 0), len(renames), text.decode("utf-8", "replace"))


def _child(
    words: list[str],
    moment: Moment,
    fault: Fault,
    place: tuple[str, dict[str, str]],
    printing: Connection,
    counting: Connection,
) -> None:
    code = 70
    try:
        signal.alarm(120)  # a process that hangs is ended
        os.chdir(place[0])
        os.environ.update(place[1])
        _redirect(printing.fileno())
        _count_renames(moment, fault, counting.fileno())
        code = _run(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def snapshot(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder that is meant to be seen, by its path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            found["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _drained(connection: Connection) -> bytes:
    with open(os.dup(connection.fileno()), "rb") as stream:  # noqa: PTH123 (a pipe)
        return stream.read()


def _redirect(descriptor: int) -> None:
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 (the child's own)


def _count_renames(moment: Moment, fault: Fault, marks: int) -> None:
    """Make every rename count itself, and one of them meet the fault."""
    rename, done = os.replace, 0

    def counted(source: Any, target: Any, **more: Any) -> None:
        nonlocal done
        done += 1
        if done == moment.rename and not moment.after:
            fault()
        rename(source, target, **more)
        os.write(marks, b".")
        if done == moment.rename and moment.after:
            fault()

    setattr(os, "replace", counted)  # noqa: B010 (mypy knows the signatures of these)
    setattr(os, "rename", counted)  # noqa: B010


def _run(words: list[str]) -> int:
    from stylebox.cli import main

    sys.argv = ["stylebox", *words]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
