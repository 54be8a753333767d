"""Worker processes end with the program, whatever ends it, and write nothing to the terminal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stylebox.core.worker_processes import run_all, send, worker_number

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
PROGRAM = """
import os, pathlib, sys, time
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


def test_where_processes_cannot_share_locks_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without /dev/shm."""

    def refuse(context: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("multiprocessing.context.BaseContext.Lock", refuse)
    monkeypatch.setattr("multiprocessing.context.BaseContext.SimpleQueue", refuse)
    heard: list[tuple[int, int]] = []
    assert list(run_all(count_up, [2, 1], 2, heard.append)) == [(0, 2), (1, 1)]
    assert heard == [(2, 0), (2, 1), (1, 0)]


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
