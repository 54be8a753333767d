"""The memory of a process: what is freed goes back to the system, what stays is not searched for garbage.

Knows nothing of what uses it.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def trim_memory() -> None:
    """Give free memory back to the system, so that a long process does not grow; takes milliseconds.

    glibc keeps what is freed in pieces between others. Other C libraries have no such function, and nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def kept_to_the_end() -> Iterator[None]:
    """No search for garbage within the block, and none later in what it has made: imported modules, loaded networks.

    PyTorch makes some hundred thousand objects when it is imported; each search looks at all of them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
