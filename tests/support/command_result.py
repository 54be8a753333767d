"""The result of a command: its exit code and what it printed."""

import subprocess
from collections.abc import Callable
from typing import NamedTuple

Start = Callable[..., subprocess.Popen[str]]  # the fixture `start`: starts a command in the background


class CommandResult(NamedTuple):
    """Exit code, stdout and stderr of a command."""

    code: int
    out: str
    err: str
