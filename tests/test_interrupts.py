"""No request to end is lost, none ends the work of another, and nothing is lost of the work in C code."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stylebox.core.audio.io.write import AudioWriter
from stylebox.core.interrupts import StopRequests, held_interrupts
from stylebox.core.training.signals import StopSignals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
COMMAND = """
import os, signal, sys, time
from stylebox import cli

def work() -> None:
    try:
        os.kill(os.getpid(), signal.{first})
        time.sleep(5)
    finally:
        for number in {others}:
            os.kill(os.getpid(), number)
            time.sleep(0.01)
        print("partial files are removed", flush=True)

cli.app.command("work")(cli.run_command(work))
sys.argv = ["stylebox", "work"]
cli.main()
"""
LOST = """
import os, signal, sys, time
from stylebox import cli

class Finaliser:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.001)

def work() -> None:
    Finaliser()
    time.sleep(5)
    print("went on")

cli.app.command("work")(cli.run_command(work))
sys.argv = ["stylebox", "work"]
cli.main()
"""


@pytest.mark.parametrize(
    ("first", "others", "code"),
    [
        ("SIGHUP", (signal.SIGTERM, signal.SIGCONT), 129),  # the terminal closes
        ("SIGINT", (signal.SIGINT,), 130),  # from the terminal, and from a launcher
        ("SIGTERM", (signal.SIGINT, signal.SIGTERM), 143),
        ("SIGXCPU", (signal.SIGXCPU,), 128 + signal.SIGXCPU),
    ],
)
def test_signals_that_follow_at_once_do_not_stop_the_tidying_up(first: str, others: tuple[int, ...], code: int) -> None:
    script = COMMAND.format(first=first, others=[int(number) for number in others])
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (code, "partial files are removed\n"), ended.stderr


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_a_signal_that_python_drops_in_a_finaliser_is_not_lost(name: str, code: int) -> None:
    ended = subprocess.run([sys.executable, "-c", LOST.format(name=name)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr


def test_training_takes_signals_at_once_for_one_request_and_a_later_one_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.requested
        now = time.monotonic() + 2
        monkeypatch.setattr(time, "monotonic", lambda: now)
        os.kill(os.getpid(), signal.SIGXCPU)  # comes every second: no request of its own
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_first_notice_of_a_limit_is_a_request() -> None:
    requests = StopRequests()
    assert requests.is_new(signal.SIGXCPU)
    assert not requests.is_new(signal.SIGXCPU)


def test_training_in_the_background_ignores_what_its_shell_ignores() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with held_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    with pytest.raises(KeyboardInterrupt):  # the handler of before is back
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".flac"])
def test_a_file_that_was_interrupted_while_it_was_encoded_does_not_appear(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written = tmp_path / f"a{suffix}", soundfile.SoundFile.write

    def interrupted(self: soundfile.SoundFile, block: np.ndarray) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        written(self, block)

    monkeypatch.setattr(soundfile.SoundFile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt), AudioWriter(path, 44100) as writer:
        writer.write(np.zeros(100_000, np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".flac", ".m4a", ".opus"])
def test_an_interrupt_while_an_encoder_writes_is_not_lost(suffix: str) -> None:
    """Encoders of C call back into Python to write, where an exception would be dropped with a part of the file."""

    class Interrupting(io.BytesIO):
        def write(self, content: Any) -> int:
            os.kill(os.getpid(), signal.SIGINT)
            return super().write(content)

    with pytest.raises(KeyboardInterrupt), AudioWriter((Interrupting(), suffix), 48000) as writer:
        writer.write(np.zeros(100_000, np.float32))
