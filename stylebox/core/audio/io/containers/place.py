"""The place of a stream, which stays where it is while something else of the file is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def kept_place(stream: BinaryIO) -> Iterator[None]:
    """Bring a stream back to its place after the block, whatever the block reads.

    Args:
        stream: Seekable.
    """
    at = stream.tell()
    try:
        yield
    finally:
        stream.seek(at)
