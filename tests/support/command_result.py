"""How a command ended: what a test of the command line looks at."""

import subprocess
from collections.abc import Callable
from typing import NamedTuple

Start = Callable[..., subprocess.Popen[str]]  # the fixture `start`: a command that runs beside the test


class CommandResult(NamedTuple):
    code: int
    out: str
    err: str
