"""Faults put into a command at a chosen moment, in a process of its own.

A moment is the n-th time that the command gives a file its final name: before it, nothing of that file is to be seen.
Another is the first time that it opens a certain file to read it. The processes are forks of one that has imported
everything and computed nothing.
"""

import builtins
import ctypes
import hashlib
import io
import itertools
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
        read: Instead, the end of the path of a file: when it is opened to be read.
    """

    rename: int
    after: bool = False
    read: str = ""


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        code: Exit code; minus the signal's number if a signal ended it.
        renames: How many files got their final name.
        met: Whether the fault happened.
        text: What it printed.
    """

    code: int
    renames: int
    met: bool
    text: str


Fault = Callable[[Path], None]  # takes the file that gets its name, or that is read


def kill(path: Path) -> None:
    """The process is gone at once, as by ``kill -9`` or a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate(path: Path) -> None:
    """The system asks the process to end."""
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt(path: Path) -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def hang_up(path: Path) -> None:
    """The terminal is closed."""
    os.kill(os.getpid(), signal.SIGHUP)


def jump_in_time(path: Path) -> None:
    """The clock goes back by a day."""
    now = time.time
    time.time = lambda: now() - 86400.0


def fill_disk(path: Path) -> None:
    """From now on no file grows: each write fails as on a full disk (the error is another, its kind is the same)."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def protect(path: Path) -> None:
    """The folder becomes read-only; root loses its privileges first, which no permission stops."""
    path.parent.chmod(0o555)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capset(header, none):
        raise OSError("capabilities cannot be dropped")


def cut_short(path: Path) -> None:
    """Another program writes the file again: half of it is gone."""
    os.truncate(path, path.stat().st_size // 2)


def vanish(path: Path) -> None:
    """Another program deletes the file after it was listed."""
    path.unlink()


_NAMED, _MET = b".", b"!"  # what the process tells of itself
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        *("torch", "support.microphones", "stylebox.cli", "stylebox.core.data.build", "stylebox.core.jobs.transfer"),
        *("stylebox.core.jobs.train", "stylebox.core.jobs.own_styles", "stylebox.core.evaluation.evaluate"),
        "stylebox.core.sources.render.render",
        # What commands import in the middle of their work takes longer than the work.
        *("torch._dynamo", "accelerate", "scipy.signal", "scipy.stats", "mir_eval", "av", "soxr", "mutagen"),
        *("matplotlib.image", "matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.dates"),
    ]
)


def run_with_fault(
    arguments: Sequence[object], moment: Moment, fault: Fault, prepare: Callable[[], None] | None = None
) -> Ended:
    """Run a command in a process of its own, in the current folder, and put a fault into it.

    Args:
        arguments: Of the command line.
        moment: When.
        fault: What happens; a function of this module.
        prepare: Called in that process before the command; a function of a module.
    """
    printed, printing = _SERVER.Pipe(duplex=False)
    counted, counting = _SERVER.Pipe(duplex=False)
    words = [str(argument) for argument in arguments]
    place = (str(Path.cwd()), dict(os.environ))
    child = _SERVER.Process(target=_child, args=(words, moment, fault, prepare, place, printing, counting))
    child.start()
    printing.close()
    counting.close()
    text, marks = (_drained(connection) for connection in (printed, counted))
    child.join()
    return Ended(int(child.exitcode or 0), marks.count(_NAMED), _MET in marks, text.decode("utf-8", "replace"))


def _child(
    words: list[str],
    moment: Moment,
    fault: Fault,
    prepare: Callable[[], None] | None,
    place: tuple[str, dict[str, str]],
    printing: Connection,
    counting: Connection,
) -> None:
    code = 70
    try:
        signal.alarm(600)  # a process that hangs is ended, also on a busy machine
        os.chdir(place[0])
        os.environ.update(place[1])
        _redirect(printing.fileno())
        marks = counting.fileno()

        def meet(path: Path) -> None:
            os.write(marks, _MET)
            fault(path)

        _count_renames(moment, meet, marks)
        if moment.read:
            _watch_reading(moment.read, meet, before=fault is vanish)
        if prepare is not None:
            prepare()
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
    rename, numbers = os.replace, itertools.count(1)  # `next` is one step, also of several threads

    def counted(source: Any, target: Any, **more: Any) -> None:
        number = next(numbers)
        if number == moment.rename and not moment.after:
            fault(Path(target))
        rename(source, target, **more)
        os.write(marks, _NAMED)
        if number == moment.rename and moment.after:
            fault(Path(target))

    setattr(os, "replace", counted)  # noqa: B010 (mypy knows the signatures of these)
    setattr(os, "rename", counted)  # noqa: B010


def _watch_reading(name: str, fault: Fault, before: bool) -> None:
    """Make the first opening of a file meet the fault, before it or after it."""
    open_file, met = io.open, False

    def watched(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        nonlocal met
        hit = not met and isinstance(file, str | Path) and "r" in mode and str(file).endswith(name)
        met = met or hit
        if hit and before:
            fault(Path(file))
        opened = open_file(file, mode, *more, **named)
        if hit and not before:
            fault(Path(file))
        return opened

    setattr(io, "open", watched)  # noqa: B010 (mypy knows their signatures)
    setattr(builtins, "open", watched)  # noqa: B010


def _run(words: list[str]) -> int:
    from stylebox.cli import main

    sys.argv = ["stylebox", *words]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
