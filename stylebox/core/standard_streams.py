"""Standard input and output as files of bytes. A program may be started with either of them closed."""

import sys
from typing import BinaryIO

from stylebox.core.errors import StyleboxError

STREAM = "-"  # file name that stands for standard input or output


def standard_input(wanted: str) -> BinaryIO:
    """Standard input.

    Args:
        wanted: What it is to give, for the message: "a sound file".

    Raises:
        StyleboxError: it is closed, or a terminal.
    """
    if sys.stdin is None or sys.stdin.isatty():
        state = "closed" if sys.stdin is None else "a terminal"
        raise StyleboxError(f"standard input: is {state}; pipe {wanted} into it or name a file")
    return sys.stdin.buffer


def standard_output() -> BinaryIO:
    """Standard output.

    Raises:
        StyleboxError: it is closed, or a terminal, which would show the bytes as text.
    """
    if sys.stdout is None or sys.stdout.isatty():
        state = "closed" if sys.stdout is None else "a terminal"
        raise StyleboxError(f"standard output: is {state}; redirect it to a file or name a file")
    return sys.stdout.buffer
