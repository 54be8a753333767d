"""Headers that were never finished, of programs that were stopped or wrote to a pipe: RF64, Wave64 and AU.

Their sizes are put right on the way to a decoder. Of plain WAV, AIFF and CAF the decoders do it themselves. libsndfile
plays what follows the samples of a Wave64 file, and reads past the samples of a CAF file behind many other bytes.

Reference:
    EBU Tech 3306, RF64. Sony Wave64: names of 16 bytes; sizes of 8 bytes include the name and the size.
    Apple, Core Audio Format 1.0.
"""

import io
import struct
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.part import overlaid, spliced, stretch

_HEAD_BYTES = 4096  # that hold the sizes
_UNKNOWN = b"\xff\xff\xff\xff"  # as decoders take it: to the end of the file
_LARGEST_SIZE = 1 << 60  # larger ones stand for an unknown size
_MOST_CHUNKS = 10_000
_MOST_CAF_HEAD_BYTES = 1 << 15  # before the samples, as libsndfile keeps its place
_RF64 = (b"RF64", b"BW64")
_W64_RIFF, _W64_NAME, _W64_SIZE = b"riff\x2e\x91\xcf\x11", 16, struct.Struct("<Q")
_AU_HEADER = struct.Struct(">4sII")  # mark, where the samples begin, their size


class _Chunks(NamedTuple):
    """How a file is divided: where its first chunk lies, and what a chunk is like.

    Attributes:
        first: Place of the first chunk.
        name_bytes: Size of a name.
        size: Format of a size.
        size_has_header: Whether a size counts the name and the size, too.
        unit: A chunk begins at a multiple of it.
        samples: How the name begins of the chunk that holds the samples.
    """

    first: int
    name_bytes: int
    size: struct.Struct
    size_has_header: bool
    unit: int
    samples: bytes


_W64 = _Chunks(2 * _W64_NAME + _W64_SIZE.size, _W64_NAME, _W64_SIZE, True, 8, b"data\xf3\xac\xd3\x11")
_CAF = _Chunks(8, 4, struct.Struct(">Q"), False, 1, b"data")


def with_sizes(stream: BinaryIO) -> BinaryIO:
    """The same file, with its sizes if they were missing.

    Args:
        stream: Seekable.
    """
    head, end = _head_and_end(stream)
    finished = head
    if head.startswith(_RF64) and head[12:16] == b"ds64" and head[28:36] in (bytes(8), 2 * _UNKNOWN):
        finished = b"RIFF" + _UNKNOWN + head[8:12] + b"JUNK" + head[16:]
    elif head.startswith(b".snd") and head[8:12] == bytes(4):
        finished = head[:8] + _UNKNOWN + head[12:]
    elif head.startswith(_W64_RIFF) and (found := _find_samples(stream, _W64)):
        start, size = found
        if 0 < size <= end - start:
            return spliced(stream, [stretch(0, start + size)]) if start + size < end else stream
        finished = _finished_w64(head, start, end)
    return stream if finished == head else overlaid(stream, finished)


def libsndfile_loses_place(stream: BinaryIO) -> bool:
    """Whether a file is CAF with more before its samples than libsndfile can pass over.

    Args:
        stream: Seekable.
    """
    head, _ = _head_and_end(stream)
    found = _find_samples(stream, _CAF) if head.startswith(b"caff") else None
    return found is not None and found[0] > _MOST_CAF_HEAD_BYTES


def share_there(stream: BinaryIO) -> float:
    """The share that is there of the samples which the header of an AU, CAF or Wave64 file states; 1 for others.

    Args:
        stream: Seekable.
    """
    head, end = _head_and_end(stream)
    found: tuple[int, int] | None = None
    if head.startswith(b".snd") and len(head) >= _AU_HEADER.size and head[8:12] != _UNKNOWN:
        found = _AU_HEADER.unpack_from(head)[1:]
    elif head.startswith((b"caff", _W64_RIFF)):
        found = _find_samples(stream, _CAF if head.startswith(b"caff") else _W64)
    if found is None:
        return 1.0
    start, size = found
    return max(end - start, 0) / size if end - start < size < _LARGEST_SIZE else 1.0


def _head_and_end(stream: BinaryIO) -> tuple[bytes, int]:
    """The first bytes of a file, and its size; it is at its beginning afterwards."""
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return head, end


def _find_samples(stream: BinaryIO, chunks: _Chunks) -> tuple[int, int] | None:
    """Where the samples begin, and the size that is stated for them, which may be negative. Ends at the beginning."""
    at, header_bytes, end = chunks.first, chunks.name_bytes + chunks.size.size, stream.seek(0, io.SEEK_END)
    stream.seek(0)
    for _ in range(_MOST_CHUNKS):
        if at >= end:
            break
        stream.seek(at)
        header = stream.read(header_bytes)
        stream.seek(0)
        if len(header) < header_bytes:
            break
        size = chunks.size.unpack_from(header, chunks.name_bytes)[0] - header_bytes * chunks.size_has_header
        if header.startswith(chunks.samples):
            return at + header_bytes, size
        at += header_bytes + max(size, 0)
        at += -at % chunks.unit
    return None


def _finished_w64(head: bytes, start: int, end: int) -> bytes:
    """The head of a Wave64 file that does not say how long its samples are; unchanged if they begin far behind."""
    size_at = start - _W64_SIZE.size
    if start > len(head):
        return head
    sizes = _W64_SIZE.pack(end), _W64_SIZE.pack(end - size_at + _W64_NAME)
    return head[:_W64_NAME] + sizes[0] + head[_W64_NAME + 8 : size_at] + sizes[1] + head[size_at + 8 :]
