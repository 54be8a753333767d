"""Memory that a process has freed, given back to the system. Knows nothing of what used it."""

import ctypes
import sys
from contextlib import suppress


def trim_memory() -> None:
    """Give free memory back to the system, so that a long process does not grow; takes milliseconds.

    glibc keeps what is freed in pieces between others. Other C libraries have no such function, and nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
