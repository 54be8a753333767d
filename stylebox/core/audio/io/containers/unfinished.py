"""Headers beside the samples that follow: RF64, Wave64, AU, CAF, SoX, SPHERE and ADX.

Sizes that programs never filled in, as they were stopped or wrote to a pipe, are put right on the way to a decoder. Of
plain WAV, AIFF and CAF the decoders do it themselves. libsndfile plays what follows the samples of a Wave64 file, and
reads past the samples of a CAF file behind many other bytes; FFmpeg plays what follows the samples of SoX and SPHERE.

Reference:
    EBU Tech 3306, RF64. Sony Wave64: names of 16 bytes; sizes of 8 bytes include the name and the size.
    Apple, Core Audio Format 1.0.
"""

import io
import struct
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.containers import adx, units
from stylebox.core.audio.io.containers.extent import bytes_behind, ends_inside_frame, share_there
from stylebox.core.audio.io.containers.part import Part, literal, overlaid, spliced, stretch

_UNKNOWN = b"\xff\xff\xff\xff"  # as decoders take it: to the end of the file
_MOST_CHUNKS = 10_000
_MOST_CAF_HEAD_BYTES = 1 << 15  # before the samples, as libsndfile keeps its place
_RF64 = (b"RF64", b"BW64")
_W64_RIFF, _W64_NAME, _W64_SIZE = b"riff\x2e\x91\xcf\x11", 16, struct.Struct("<Q")
_W64_NAME_ENDS = (bytes.fromhex("f3acd3118cd100c04f8edb8a"), bytes.fromhex("2f91cf11a5d628db04c10000"))
_W64_FRAME_BYTES = slice(76, 78)
_AU, _AU_KIND, _AU_CHANNELS = b".snd", slice(12, 16), slice(20, 24)  # kind of samples, number of channels
_AU_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # of kinds
_CAF_MARK, _CAF_FRAME_BYTES = b"caff", slice(36, 40)
_CAF_EDITS = 4  # bytes before the samples, in their chunk
_ADX_END_BYTES = 128
_READ_ON_RIGHTLY = (_CAF_MARK, adx.MARK)  # CAF may have tables behind the samples; ADX ends with a mark


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
    elif head.startswith(_AU) and head[8:12] == bytes(4):
        finished = head[:8] + _UNKNOWN + head[12:]
    elif head.startswith(_W64_RIFF) and (found := _find_samples(stream, _W64)):
        start, size = found
        finished = head if 0 < size <= end - start else _finished_w64(head, start, end)
    elif head.startswith(_CAF_MARK) and (found := _find_samples(stream, _CAF)) and found[1] > end - found[0]:
        size_at = found[0] - _CAF.size.size
        there = literal(_CAF.size.pack(end - found[0]))
        return spliced(stream, [stretch(0, size_at), there, stretch(found[0], end)])
    return stream if finished == head else overlaid(stream, finished)


def part(stream: BinaryIO) -> Part | None:
    """An AU, CAF, Wave64, SoX, SPHERE or ADX file up to the end that its header states; None for other files.

    Args:
        stream: Seekable.
    """
    head, end = _head_and_end(stream)
    found = _stated_sound(stream, head)
    if found is None:
        return None
    start, size = found
    if not 0 < size < units.LARGEST_SIZE:
        has_end = not ends_inside_frame(end - start, _frame_bytes(head))
        return Part(with_sizes(stream), has_end=has_end)
    stop = start + size
    adx_end = _adx_end(stream, stop) if head.startswith(adx.MARK) else None
    behind = bytes_behind(stream, adx_end or stop, lambda at: _is_chunk(head, units.head(stream, at)))
    ends_there = stop >= end or head.startswith(_READ_ON_RIGHTLY)
    return Part(
        with_sizes(stream) if ends_there else spliced(stream, [stretch(0, stop)]),
        has_end=not head.startswith(adx.MARK) or adx_end is not None,
        share=share_there(size, stop - end, _frame_bytes(head)),
        unread=behind / size,
    )


def libsndfile_loses_place(stream: BinaryIO) -> bool:
    """Whether a file is CAF with more before its samples than libsndfile can pass over.

    Args:
        stream: Seekable.
    """
    head, _ = _head_and_end(stream)
    found = _find_samples(stream, _CAF) if head.startswith(_CAF_MARK) else None
    return found is not None and found[0] > _MOST_CAF_HEAD_BYTES


def _stated_sound(stream: BinaryIO, head: bytes) -> tuple[int, int] | None:
    """Where the samples begin, and the size that is stated for them; one that is not positive or huge is unknown."""
    if head.startswith(_CAF_MARK):
        found = _find_samples(stream, _CAF)
        return found and (found[0] + _CAF_EDITS, found[1] - _CAF_EDITS)
    return _find_samples(stream, _W64) if head.startswith(_W64_RIFF) else units.sound(head)


def _frame_bytes(head: bytes) -> int:
    """Size of a sample of each channel; 0 where it is not known."""
    if head.startswith(_AU):
        return _AU_SAMPLE_BYTES.get(int.from_bytes(head[_AU_KIND]), 0) * int.from_bytes(head[_AU_CHANNELS])
    if head.startswith(_CAF_MARK):
        return int.from_bytes(head[_CAF_FRAME_BYTES])
    return int.from_bytes(head[_W64_FRAME_BYTES], "little") if head[40:44] == b"fmt " else 0


def _is_chunk(head: bytes, found: bytes) -> bool:
    """Whether a chunk of a file with this head begins with the bytes that were found."""
    if head.startswith(_W64_RIFF):
        return found[4:_W64_NAME] in _W64_NAME_ENDS
    return head.startswith(_CAF_MARK) and units.caf(found) is not None


def _adx_end(stream: BinaryIO, stop: int) -> int | None:
    """Where the block ends that ends an ADX file, near the end that its header states; None if it is not there."""
    stream.seek(stop)
    found = stream.read(_ADX_END_BYTES)
    place = found.find(adx.END)
    size = units.with_mark_of_end(found[place:]) if place >= 0 else None
    return stop + place + size if size else None


def _head_and_end(stream: BinaryIO) -> tuple[bytes, int]:
    """The first bytes of a file, and its size; it is at its beginning afterwards."""
    head = units.head(stream, 0)
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
