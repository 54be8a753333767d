"""A `python` for scripts that start many: each of its processes is a fork of one that has imported everything.

It understands ``python -m MODULE ARGUMENTS``. Importing PyTorch takes longer than most of the commands.
"""

import importlib
import json
import os
import runpy
import shlex
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMPORTED = (
    *("torch._dynamo", "accelerate", "scipy.signal", "matplotlib.figure", "av", "soxr"),
    *("stylebox.cli", "stylebox.core.data.build", "stylebox.core.jobs.train", "stylebox.core.sources.render.render"),
)
_CLIENT = """
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
socket.send_fds(server, [json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode() + b"\\n"], [1, 2])
sys.exit(int(server.makefile().readline() or 70))
"""


@contextmanager
def warm_python() -> Iterator[Path]:
    """The path of a program that stands for `python` while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        program, client, address = Path(folder, "python"), Path(folder, "client.py"), Path(folder, "socket")
        client.write_text(_CLIENT)
        words = (sys.executable, "-I", "-S", str(client), str(address))
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(address))
            listening.listen()
            running = subprocess.Popen(
                [sys.executable, "-m", "support.warm_python", str(listening.fileno())],
                cwd=Path(__file__).parents[1],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)},
                pass_fds=[listening.fileno()],
            )
            try:
                yield program
            finally:
                running.kill()
                running.wait()


def serve(listening: socket.socket) -> None:
    """Run the commands that come, one after another."""
    for name in IMPORTED:
        importlib.import_module(name)
    while True:
        client, _ = listening.accept()
        with client:
            content, streams, _, _ = socket.recv_fds(client, 1 << 20, 2)
            while not content.endswith(b"\n"):
                content += client.recv(1 << 20)
            child = os.fork()
            if not child:
                words, folder, environment = json.loads(content)
                _run(words, folder, environment, streams)
            for stream in streams:
                os.close(stream)
            _, status = os.waitpid(child, 0)
            client.sendall(b"%d\n" % (os.waitstatus_to_exitcode(status) & 0xFF))


def _run(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """A command, in a process of its own, which ends with it."""
    code: object = 1
    try:
        for number, stream in enumerate(streams, start=1):
            os.dup2(stream, number)
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115 (they last as long as the process)
        os.chdir(folder)
        sys.path[0] = folder
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
