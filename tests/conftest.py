"""Fixtures of every test: a home folder of its own, no network, few threads.

Tests write only below `tmp_path`; a test that would reach another machine fails instead.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from support.command_result import CommandResult, Start
from support.microphones import FakeInput, PlugIn
from support.sound_server import SoundServer, serving

# Before torch, numpy or matplotlib are imported: they read these once.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"

pytest_plugins = ["support.command_fixtures"]

# A shell starts background jobs with Ctrl-C and Ctrl-\\ ignored, and their children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there


def _is_loopback(host: object) -> bool:
    """Whether `host` names this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ip_address(str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Redirect all folders that a program may write to; gives the `STYLEBOX_HOME` of this test."""
    user = tmp_path_factory.mktemp("user")
    for name, folder in {
        "HOME": ".",
        "USERPROFILE": ".",
        "XDG_DATA_HOME": ".local/share",
        "XDG_CONFIG_HOME": ".config",
        "XDG_CACHE_HOME": ".cache",
        "XDG_STATE_HOME": ".local/state",
        "STYLEBOX_HOME": "stylebox",
    }.items():
        monkeypatch.setenv(name, str(user / folder))
    # One for the whole run: matplotlib takes seconds to list the fonts again in every subprocess.
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path_factory.getbasetemp() / "matplotlib"))
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return user / "stylebox"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow loopback only: this process refuses to connect, subprocesses get a proxy that does not exist."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise OSError(f"tests have no network: {address[0]}")
        connect(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_loopback(host):
            raise socket.gaierror(f"tests have no network: {host}")
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, NOWHERE)
        monkeypatch.setenv(name.upper(), NOWHERE)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost,::1")


@pytest.fixture(autouse=True, scope="session")
def _terminals_can_close() -> None:
    """Under ``nohup`` this process, and so those that tests start, would ignore a closed terminal."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, so that default outputs do not land in the repository."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a dataset and a model "tiny", trained once for all tests; read only."""
    from support.models import train_tiny

    home = tmp_path_factory.mktemp("trained")
    before = os.environ.get("STYLEBOX_HOME")
    os.environ["STYLEBOX_HOME"] = str(home)
    try:
        train_tiny(home)
    finally:
        if before is None:
            del os.environ["STYLEBOX_HOME"]
        else:
            os.environ["STYLEBOX_HOME"] = before
    return home


@pytest.fixture
def tiny_home(trained_home: Path, own_home: Path) -> Path:
    """This test's home, with a copy of the model "tiny" and the dataset it was trained on."""
    shutil.copytree(trained_home, own_home, dirs_exist_ok=True)
    return own_home


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `python ARGUMENTS` in the background; a process that still runs at the end of the test is killed."""
    with ExitStack() as started:

        def call(*arguments: object, **options: Any) -> subprocess.Popen[str]:
            command = [sys.executable, *map(str, arguments)]
            program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
            started.enter_context(program)
            started.callback(program.kill)
            return program

        yield call


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run a command in this process."""
    from stylebox.cli import app

    def call(*arguments: object) -> CommandResult:
        with pytest.raises(SystemExit) as stop:
            app([str(argument) for argument in arguments], prog_name="stylebox")
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return CommandResult(int(stop.value.code or 0), out, err)

    return call


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> PlugIn:
    """Make a fake the system's microphone."""
    from stylebox.core.audio.io.devices import sound_card

    def plug(stream: FakeInput) -> FakeInput:
        monkeypatch.setattr(sound_card, "open_input", lambda device=None, channel=None: stream)
        return stream

    return plug


@pytest.fixture
def server() -> Iterator[SoundServer]:
    """A web server on this machine."""
    with serving() as running:
        yield running


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """A folder to fetch into, not there yet."""
    return tmp_path / "a" / "b" / "sources"
