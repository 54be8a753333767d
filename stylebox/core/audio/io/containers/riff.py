"""WAV and AIFF files as programs write them, put right on the way to the decoders. Decodes nothing.

The decoders refuse, or read in part: several chunks of samples, a chunk of odd size without its pad byte, several files
in one, and more than 4 GB, which sizes of 32 bits cannot tell. Such a file is put together again as they expect it.

Reference:
    IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991): RIFF, WAVE and wave lists.
    EBU Tech 3306, RF64.
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from stylebox.core.audio.io.containers.extent import bytes_behind, ends_inside_frame, share_there
from stylebox.core.audio.io.containers.part import Part, Piece, literal, spliced, stretch
from stylebox.core.audio.io.containers.units import NEVER_FILLED_IN, UNKNOWN

LARGEST_FILE = 0xFFFFFFFF  # bytes whose sizes fit into the header
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"RIFF": "little", b"RF64": "little", b"RIFX": "big", b"FORM": "big"}
_WAVE, _SAMPLES_OF = b"WAVE", {b"WAVE": b"data", b"AIFF": b"SSND", b"AIFC": b"SSND"}
_DESCRIPTIONS = (b"fmt ", b"fact", b"FVER", b"COMM")  # what decoders have to know
_SILENCE = b"slnt"  # of a wave list
_HEADER_BYTES, _FORM_BYTES = 8, 12
_MAX_CHUNKS = 100_000
_AIFF_OFFSET_BYTES = 8  # before the samples of a chunk
_LAYOUT_BYTES, _LAYOUT_PLACES = 20, (0, 12, 14, 18)  # of the chunk that describes a WAV file, and of its numbers
_BLOCK_CODECS = (0x02, 0x11, 0x31)  # ADPCM of Microsoft and of IMA, GSM: the format states the samples of a block
_CODECS_OF_SAMPLES = (0x01, 0x03, 0x06, 0x07, 0xFFFE)  # integers, floats, A-law, mu-law, extensible
_COMMON = struct.Struct(">HIH10s4s")  # of AIFF: channels, samples, bits, rate, codec
_AIFF_CODECS_OF_SAMPLES = (b"NONE", b"sowt", b"twos", b"raw ", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32")
_DS64 = struct.Struct("<4sIQQQI")


class _Chunk(NamedTuple):
    """A chunk: its name, where its content lies, whether it lacks its pad byte, and how much of it the file lacks."""

    name: bytes
    start: int
    stop: int
    is_unpadded: bool
    missing: int


class _Layout(NamedTuple):
    """How the samples of a WAV file are stored: zeros where it does not say it.

    Attributes:
        codec: Its number.
        block_bytes: Of a block of a codec, or of a sample of each channel.
        bits: Per sample.
        block_samples: Per block of a codec of blocks.
    """

    codec: int
    block_bytes: int
    bits: int
    block_samples: int


def part(stream: BinaryIO) -> Part:
    """A WAV or AIFF file, put right if need be; other files stay as they are.

    Args:
        stream: Seekable.
    """
    return _File(stream).part()


class _File:
    """A WAV or AIFF file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._end = stream, stream.seek(0, io.SEEK_END)
        head = self._read(0, _FORM_BYTES)
        self._name, self._kind = head[:4], head[_HEADER_BYTES:]
        self._order = _ORDERS.get(self._name, "little")
        self._samples_name = _SAMPLES_OF.get(self._kind, b"")
        self._is_large = self._end > LARGEST_FILE and self._name == b"RIFF"

    def part(self) -> Part:
        """The file, put right if need be."""
        if self._name not in _ORDERS or not self._samples_name:
            return Part(self._stream)
        chunks = list(self._chunks(_FORM_BYTES, self._end))
        samples = [chunk for chunk in chunks if chunk.name in (self._samples_name, _SILENCE)]
        described = {chunk.name: chunk for chunk in reversed(chunks) if chunk.name in _DESCRIPTIONS}
        if not samples or not described:
            return Part(self._stream)
        filled = [chunk for chunk in samples if chunk.stop > chunk.start] or samples[:1]
        last = filled[-1]
        behind = bytes_behind(self._stream, last.stop, self._is_chunk)
        remarks: tuple[str, ...] = ()
        if len(filled) > 1:
            remarks = (f"it has {len(filled)} chunks of samples; they are played one after another",)
        layout = self._layout(described)
        stated, block_samples = self._stated_samples(described, layout) if len(samples) == 1 else (None, 1)
        is_regular = len(samples) == 1 and not self._is_large and not any(chunk.is_unpadded for chunk in chunks)
        is_header_counted = last.missing in (last.start, last.start - _HEADER_BYTES)  # by some programs
        frame_bytes = self._frame_bytes(described, layout)
        offset = 0 if self._kind == _WAVE else _AIFF_OFFSET_BYTES
        there = max(sum(chunk.stop - chunk.start for chunk in filled) - offset, 0)
        return Part(
            self._stream if is_regular else self._rebuilt(list(described.values()), filled, layout),
            has_end=self._is_stated(last) or not ends_inside_frame(last.stop - last.start - offset, frame_bytes),
            share=1.0 if is_header_counted else share_there(there + last.missing, last.missing, frame_bytes),
            unread=behind / max(there, 1),
            remarks=remarks,
            samples=stated,
            block_samples=block_samples,
        )

    def _chunks(self, at: int, end: int, inside_list: bool = False) -> Iterator[_Chunk]:
        """The chunks between two places, those of a wave list among them."""
        wide = 0
        for _ in range(_MAX_CHUNKS):
            header = self._read(at, _HEADER_BYTES)
            if len(header) < _HEADER_BYTES or at + _HEADER_BYTES > end:
                return
            name, size, start = header[:4], int.from_bytes(header[4:], self._order), at + _HEADER_BYTES
            if name == b"ds64":
                wide = int.from_bytes(self._read(start + 8, 8), "little")
            elif name == self._samples_name:
                size = self._size_of_samples(start, size, end, wide)
            elif name == b"LIST" and not inside_list and self._read(start, 4) == b"wavl":
                yield from self._chunks(start + 4, min(start + size, end), inside_list=True)
                name = b"wavl"
            stop = min(start + size, end)
            is_unpadded = size % 2 == 1 and stop < end and self._is_header(stop, end)
            yield _Chunk(name, start, stop, is_unpadded, start + size - stop)
            at = stop + (size % 2 and not is_unpadded)

    def _size_of_samples(self, start: int, size: int, end: int, wide: int) -> int:
        """The size of a chunk of samples. One of 0 that no chunk follows was never filled in."""
        if wide and size == UNKNOWN:
            return wide
        empty = size == 0 and start < end and not self._is_header(start, end)
        never_filled_in = empty or (size >= NEVER_FILLED_IN and start + size > end)
        return end - start if self._is_large or never_filled_in else size

    def _is_chunk(self, at: int) -> bool:
        """Whether a chunk begins at a place, or behind a byte of padding."""
        return any(self._is_header(at + pad, self._end) for pad in (0, 1))

    def _is_header(self, at: int, end: int) -> bool:
        """Whether a chunk begins at a place: with a name, and with a size that the file has room for."""
        header = self._read(at, _HEADER_BYTES)
        name, size = header[:4], int.from_bytes(header[4:], self._order)
        readable = len(header) == _HEADER_BYTES and all(0x20 <= byte < 0x7F for byte in name) and name[0] != 0x20
        return readable and (name == self._samples_name or at + _HEADER_BYTES + size <= end)

    def _read(self, at: int, size: int) -> bytes:
        self._stream.seek(at)
        return self._stream.read(size)

    def _is_stated(self, samples: _Chunk) -> bool:
        """Whether the size of a chunk is that which its header states."""
        stated = int.from_bytes(self._read(samples.start - 4, 4), self._order)
        return stated == samples.stop - samples.start

    def _layout(self, described: dict[bytes, _Chunk]) -> _Layout:
        """What the description of a WAV file says; zeros for AIFF."""
        content = self._read(described[b"fmt "].start, _LAYOUT_BYTES) if b"fmt " in described else b""
        return _Layout(*(int.from_bytes(content[place : place + 2], self._order) for place in _LAYOUT_PLACES))

    def _frame_bytes(self, described: dict[bytes, _Chunk], layout: _Layout) -> int:
        """Size of an uncompressed sample of each channel; 0 for other codecs."""
        if b"COMM" in described:
            common = self._read(described[b"COMM"].start, _COMMON.size).ljust(_COMMON.size, b"\0")
            channels, _, bits, _, kind = _COMMON.unpack(common)
            is_compressed = self._kind == b"AIFC" and kind not in _AIFF_CODECS_OF_SAMPLES
            return 0 if is_compressed else int(channels * -(-bits // 8))
        return layout.block_bytes if layout.codec in _CODECS_OF_SAMPLES else 0

    def _stated_samples(self, described: dict[bytes, _Chunk], layout: _Layout) -> tuple[int | None, int]:
        """The length that a codec of blocks states, and the samples of a block."""
        if self._kind != _WAVE or self._order != "little" or not {b"fmt ", b"fact"} <= described.keys():
            return None, 1
        stated = int.from_bytes(self._read(described[b"fact"].start, 4), "little")
        return (stated, layout.block_samples) if layout.codec in _BLOCK_CODECS and stated else (None, 1)

    def _rebuilt(self, descriptions: list[_Chunk], samples: list[_Chunk], layout: _Layout) -> BinaryIO:
        """A file of the chunks that matter, with all samples in one."""
        pieces = self._sample_pieces(samples, layout)
        size = sum(piece.size for piece in pieces)
        is_wide = size + (1 << 16) > LARGEST_FILE and self._order == "little"
        head = literal(b"RF64" if is_wide else b"RIFF" if self._name == b"RF64" else self._name)
        body = [literal(self._kind)]
        if is_wide:
            body.append(literal(_DS64.pack(b"ds64", 28, size + (1 << 16), size, 0, 0)))
        for chunk in descriptions:
            body += [literal(self._header(chunk.name, chunk.stop - chunk.start)), stretch(chunk.start, chunk.stop)]
            body.append(Piece((chunk.stop - chunk.start) % 2))
        body += [literal(self._header(self._samples_name, UNKNOWN if is_wide else size)), *pieces, Piece(size % 2)]
        whole = min(sum(piece.size for piece in body), UNKNOWN)
        return spliced(self._stream, [head, literal(whole.to_bytes(4, self._order)), *body])

    def _header(self, name: bytes, size: int) -> bytes:
        return name + min(size, UNKNOWN).to_bytes(4, self._order)

    def _sample_pieces(self, samples: list[_Chunk], layout: _Layout) -> list[Piece]:
        """The samples; of several chunks each in whole blocks, so that the channels stay where they are."""
        first = stretch(samples[0].start, samples[0].stop)
        if len(samples) == 1:
            return [first]
        if self._kind != _WAVE:
            return [first, *(stretch(chunk.start + _AIFF_OFFSET_BYTES, chunk.stop) for chunk in samples[1:])]
        block = max(layout.block_bytes, 1)
        silence = b"\x80" if layout.bits == 8 else b"\0"
        pieces = []
        for chunk in samples:
            if chunk.name == _SILENCE:
                count = int.from_bytes(self._read(chunk.start, 4), self._order)
                pieces.append(Piece(count * block, None, silence))
            else:
                pieces.append(stretch(chunk.start, chunk.stop - (chunk.stop - chunk.start) % block))
        return pieces
