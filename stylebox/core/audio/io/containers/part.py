"""A file put together from pieces of another one, and of bytes that another lacks. Decodes nothing."""

import io
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO, NamedTuple, cast


class Piece(NamedTuple):
    """A stretch of a file that is put together.

    Attributes:
        size: In bytes.
        start: Where it lies in the original file; None if it is not from there.
        content: What it holds otherwise, repeated up to its size.
    """

    size: int
    start: int | None = None
    content: bytes = b"\0"


@dataclass(frozen=True)
class Part:
    """One of the sounds that follow one another in a file, as a file of its own.

    Attributes:
        stream: The file.
        is_whole: Whether nothing of it is missing or damaged, as far as its container tells.
        has_end: Whether its end is there, as far as its container tells.
        share: Of its sound that is there, by the sizes that it states.
        unread: What follows its end and may be sound, as a share of its sound.
        remarks: What was put right.
        samples: Its length as its header states it, where the last block of a codec may hold more; None elsewhere.
        block_samples: The samples of such a block.
        skipped: The samples that its decoder puts in front.
        after_gaps: Where pages of Ogg begin that follow missing ones.
    """

    stream: BinaryIO
    is_whole: bool = True
    has_end: bool = True
    share: float = 1.0
    unread: float = 0.0
    remarks: tuple[str, ...] = ()
    samples: int | None = None
    block_samples: int = 1
    skipped: int = 0
    after_gaps: frozenset[int] = frozenset()


def literal(content: bytes) -> Piece:
    """A piece of these bytes."""
    return Piece(len(content), None, content)


def stretch(start: int, stop: int) -> Piece:
    """A piece of the original file."""
    return Piece(max(stop - start, 0), start)


def spliced(stream: BinaryIO, pieces: Iterable[Piece]) -> BinaryIO:
    """A file of pieces, one after another; nothing is copied.

    Args:
        stream: The original file, seekable.
        pieces: In order.
    """
    return cast(BinaryIO, _Spliced(stream, [piece for piece in pieces if piece.size]))


def overlaid(stream: BinaryIO, head: bytes) -> BinaryIO:
    """The same file with another beginning of the same length."""
    return spliced(stream, [literal(head), stretch(len(head), stream.seek(0, io.SEEK_END))])


class _Spliced(io.RawIOBase):
    """Reads each piece from its place."""

    def __init__(self, stream: BinaryIO, pieces: list[Piece]) -> None:
        super().__init__()
        self._stream, self._pieces, self._at = stream, pieces, 0
        self._starts = [0, *accumulate(piece.size for piece in pieces)]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        if at < 0:
            raise ValueError(f"negative position {at}")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._starts[-1] - self._at, 0)
        left = left if size < 0 else min(size, left)
        found = []
        while left:
            number = bisect_right(self._starts, self._at) - 1
            skipped = self._at - self._starts[number]
            content = self._read_piece(self._pieces[number], skipped, left)
            if not content:  # the file has become shorter since
                break
            found.append(content)
            self._at += len(content)
            left -= len(content)
        return b"".join(found)

    def _read_piece(self, piece: Piece, skipped: int, most: int) -> bytes:
        size = min(most, piece.size - skipped)
        if piece.start is not None:
            self._stream.seek(piece.start + skipped)
            return self._stream.read(size)
        first = skipped % len(piece.content)
        repeats = -(-(first + size) // len(piece.content))
        return (piece.content * repeats)[first : first + size]
