"""A file of which some bytes read as others: for headers that are wrong. Decodes nothing."""

import io
from typing import BinaryIO, cast


def overlaid(stream: BinaryIO, start: int, content: bytes) -> BinaryIO:
    """The same file with other bytes at one place.

    Args:
        stream: Seekable.
        start: The place, in bytes.
        content: What is read there.
    """
    return cast(BinaryIO, _Overlay(stream, start, content))


class _Overlay(io.RawIOBase):
    """Reads a stream, and puts `content` over what it finds."""

    def __init__(self, stream: BinaryIO, start: int, content: bytes) -> None:
        super().__init__()
        self._stream, self._start, self._content = stream, start, content
        self.seek, self.tell = stream.seek, stream.tell  # type: ignore[method-assign]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        begin = self._stream.tell()
        found = self._stream.read(size)
        first = max(self._start - begin, 0)  # where the content begins in what was found
        laid = self._content[max(begin - self._start, 0) :][: max(len(found) - first, 0)]
        return found[:first] + laid + found[first + len(laid) :]
