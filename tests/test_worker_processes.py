"""Worker processes end with the program, whatever ends it, and write nothing to the terminal."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stylebox.core.errors import StyleboxError
from stylebox.core.worker_processes import run_all, send, worker_number

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
PROGRAM = """
import os, pathlib, sys, time
from stylebox.core.errors import StyleboxError
from stylebox.core.worker_processes import run_all

def work(number):
    pathlib.Path(str(os.getpid())).touch()
    time.sleep(60)

if __name__ == "__main__":
    try:
        list(run_all(work, range(6), 2))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def double(number: int) -> int:
    return 2 * number


@pytest.mark.parametrize("jobs", [1, 2, 100_000])
def test_every_result_comes_with_its_position(jobs: int) -> None:
    assert sorted(run_all(double, [5, 6, 7], jobs)) == [(0, 10), (1, 12), (2, 14)]


def test_no_locks_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some containers lack /dev/shm, where they would lie."""

    def refuse(context: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    for name in ("Lock", "SimpleQueue", "Queue"):
        monkeypatch.setattr(f"multiprocessing.context.BaseContext.{name}", refuse)
    assert sorted(run_all(double, [5, 6, 7], 2)) == [(0, 10), (1, 12), (2, 14)]


def meet(folder: Path) -> int:
    """The number of this worker, as soon as three have come."""
    (folder / str(worker_number())).touch()
    while len(list(folder.iterdir())) < 3:
        time.sleep(0.01)
    return worker_number()


def test_each_worker_has_a_number_of_its_own(tmp_path: Path) -> None:
    assert sorted(number for _, number in run_all(meet, [tmp_path] * 3, 3)) == [0, 1, 2]


def count_up(number: int) -> int:
    for step in range(number):
        send((number, step))
    return number


def test_messages_of_a_function_are_heard_in_order_and_before_its_result() -> None:
    heard: list[tuple[int, int]] = []
    items = [100, 0, 3, 1000]
    for position, result in run_all(count_up, items, 2, heard.append):
        assert [step for number, step in heard if number == result] == list(range(items[position]))
    assert len(heard) == sum(items)


BIG = bytes(1 << 22)  # more than a pipe holds


def die_in_a_message(number: int) -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
    send("begun")
    send(BIG)


def die_in_a_result(number: int) -> bytes:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
    send("begun")
    return BIG


@pytest.mark.parametrize("function", [die_in_a_message, die_in_a_result])
def test_a_worker_that_is_killed_while_it_writes_is_not_waited_for(function: Callable[[int], object]) -> None:
    """Its first message is taken so late that it has filled its pipe, and has died."""

    def late(message: object) -> None:
        time.sleep(0.6)

    begun = time.monotonic()
    with pytest.raises(StyleboxError, match="a worker process died"):
        list(run_all(function, [1, 2], 2, late))
    assert time.monotonic() - begun < 20


class UnsendableError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def fail(number: int) -> object:
    if number == 1:
        raise StyleboxError("a.wav: is empty")
    if number == 2:
        raise UnsendableError("half", "full")
    return (line for line in "no result that can be sent")


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (1, StyleboxError, "^a.wav: is empty"),
        (2, RuntimeError, "UnsendableError: half full"),
        (3, TypeError, "pickle"),
    ],
)
def test_errors_of_the_function_are_raised_here(number: int, kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        list(run_all(fail, [number] * 2, 2))


@pytest.mark.parametrize(
    ("number", "to_all", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGINT, False, 130), (signal.SIGHUP, True, -1), (signal.SIGKILL, False, -9)],
)
def test_no_worker_outlives_the_program(number: signal.Signals, to_all: bool, code: int, tmp_path: Path) -> None:
    """A terminal sends its signals to all processes of the program."""
    (tmp_path / "program.py").write_text(PROGRAM)
    running = subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(workers := [path for path in tmp_path.iterdir() if path.name.isdecimal()]) < 2:
        assert running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, number) if to_all else running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == code
    assert "Traceback" not in err
    deadline = time.monotonic() + 10
    while any(Path("/proc", worker.name).exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
