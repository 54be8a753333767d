"""How a command ended: what a test of the command line looks at."""

from typing import NamedTuple


class Ended(NamedTuple):
    code: int
    out: str
    err: str
