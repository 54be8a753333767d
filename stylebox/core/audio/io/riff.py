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

from stylebox.core.audio.io.part import Part, Piece, literal, spliced, stretch
from stylebox.core.audio.io.tags import TAG_MARKS

LARGEST_FILE = 0xFFFFFFFF  # bytes whose sizes fit into the header
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"RIFF": "little", b"RF64": "little", b"RIFX": "big", b"FORM": "big"}
_WAVE, _SAMPLES_OF = b"WAVE", {b"WAVE": b"data", b"AIFF": b"SSND", b"AIFC": b"SSND"}
_DESCRIPTIONS = (b"fmt ", b"fact", b"FVER", b"COMM")  # what decoders have to know
_SILENCE = b"slnt"  # of a wave list
_UNKNOWN = 0xFFFFFFFF  # as a size
NEVER_FILLED_IN = 0x7FFF0000  # least size that programs write which cannot know it
_HEADER_BYTES, _FORM_BYTES = 8, 12
_MAX_CHUNKS = 100_000
_PADDING_BYTES = 1 << 20  # of zeros behind the samples, which are no sound
_UNREAD_SECONDS = 0.1  # from which on what follows the samples is reported
_AIFF_OFFSET_BYTES = 8  # before the samples of a chunk
_FORMAT = struct.Struct(
    "<HHIIHHHH"
)  # codec, channels, rate, bytes per second, block, bits, size of the rest, its first
_BLOCK_CODECS = (0x02, 0x11, 0x31)  # ADPCM of Microsoft and of IMA, GSM: the format states the samples of a block
_DS64 = struct.Struct("<4sIQQQI")


class _Chunk(NamedTuple):
    """A chunk: its name, where its content lies, whether it lacks its pad byte, and how much of it the file lacks."""

    name: bytes
    start: int
    stop: int
    is_unpadded: bool
    missing: int


def sounds(stream: BinaryIO) -> list[Part]:
    """The sounds of a WAV or AIFF file: one, or those of several files that were joined. Other files stay as they are.

    Args:
        stream: Seekable.
    """
    total = stream.seek(0, io.SEEK_END)
    found: list[Part] = []
    start: int | None = 0
    while start is not None:
        following = _next_form(stream, start, total)
        part = _Form(stream, start, following or total).part()
        if part is None:
            break
        found.append(part)
        start = following
    return found or [Part(stream)]


def _next_form(stream: BinaryIO, start: int, total: int) -> int | None:
    """Where the next file begins if one was joined to that at `start`."""
    name, kind, size = _form_at(stream, start)
    if name not in _ORDERS or kind not in _SAMPLES_OF:
        return None
    if name == b"RF64" and size == _UNKNOWN:
        stream.seek(start + _FORM_BYTES + _HEADER_BYTES)
        size = int.from_bytes(stream.read(8), "little")
    end = start + _HEADER_BYTES + size
    for following in (end + size % 2, end):
        if following + _FORM_BYTES < total and _form_at(stream, following)[:2] == (name, kind):
            return following
    return None


def _form_at(stream: BinaryIO, start: int) -> tuple[bytes, bytes, int]:
    """Name, kind and size of a file at a place."""
    stream.seek(start)
    head = stream.read(_FORM_BYTES)
    return head[:4], head[8:], int.from_bytes(head[4:8], _ORDERS.get(head[:4], "little"))


class _Form:
    """A WAV or AIFF file between two places of a stream."""

    def __init__(self, stream: BinaryIO, start: int, end: int) -> None:
        self._stream, self._start, self._end = stream, start, end
        self._name, self._kind, _ = _form_at(stream, start)
        self._order = _ORDERS.get(self._name, "little")
        self._samples_name = _SAMPLES_OF.get(self._kind, b"")
        self._is_large = end - start > LARGEST_FILE and self._name == b"RIFF"

    def part(self) -> Part | None:
        """The file, put right if need be; None if it is of another kind."""
        if self._name not in _ORDERS or not self._samples_name:
            return None
        chunks = list(self._chunks(self._start + _FORM_BYTES, self._end))
        samples = [chunk for chunk in chunks if chunk.name in (self._samples_name, _SILENCE)]
        described = {chunk.name: chunk for chunk in reversed(chunks) if chunk.name in _DESCRIPTIONS}
        if not samples or not described:
            return Part(self._own_stream())
        filled = [chunk for chunk in samples if chunk.stop > chunk.start] or samples[:1]
        remarks: tuple[str, ...] = ()
        if len(filled) > 1:
            remarks = (f"it has {len(filled)} chunks of samples; they are played one after another",)
        elif described.get(b"fmt ") and (unread := self._unread_seconds(described[b"fmt "], filled[-1].stop)):
            remarks = (f"{unread:.2f} s follow the end that its header states; they are not read",)
        stated, block_samples = self._stated_samples(described) if len(samples) == 1 else (None, 1)
        is_regular = len(samples) == 1 and not self._is_large and not any(chunk.is_unpadded for chunk in chunks)
        stream = self._own_stream() if is_regular else self._rebuilt(list(described.values()), filled)
        there = sum(chunk.stop - chunk.start for chunk in filled)
        share = there / max(there + filled[-1].missing, 1)
        return Part(stream, share=share, remarks=remarks, samples=stated, block_samples=block_samples)

    def _own_stream(self) -> BinaryIO:
        """The file as it is."""
        if self._start == 0 and self._end == self._stream.seek(0, io.SEEK_END):
            return self._stream
        return spliced(self._stream, [stretch(self._start, self._end)])

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
        if wide and size == _UNKNOWN:
            return wide
        empty = size == 0 and start < end and not self._is_header(start, end)
        never_filled_in = empty or (size >= NEVER_FILLED_IN and start + size > end)
        return end - start if self._is_large or never_filled_in else size

    def _is_header(self, at: int, end: int) -> bool:
        """Whether a chunk begins at a place: with a name, and with a size that the file has room for."""
        header = self._read(at, _HEADER_BYTES)
        name, size = header[:4], int.from_bytes(header[4:], self._order)
        readable = len(header) == _HEADER_BYTES and all(0x20 <= byte < 0x7F for byte in name) and name[0] != 0x20
        return readable and (name == self._samples_name or at + _HEADER_BYTES + size <= end)

    def _unread_seconds(self, form: _Chunk, stop: int) -> float:
        """How much sound seems to follow the samples, as of a recorder that lost power; 0 if it is something else."""
        order = "<" if self._order == "little" else ">"
        _, _, rate, _, block = struct.unpack(f"{order}HHIIH", self._read(form.start, 14).ljust(14, b"\0"))
        seconds = (self._end - stop) / max(rate * block, 1)
        if seconds < _UNREAD_SECONDS or any(self._is_header(stop + pad, self._end) for pad in (0, 1)):
            return 0.0
        head = self._read(stop, _PADDING_BYTES)
        return 0.0 if head.startswith(TAG_MARKS) or not any(head) else seconds

    def _read(self, at: int, size: int) -> bytes:
        self._stream.seek(at)
        return self._stream.read(size)

    def _stated_samples(self, described: dict[bytes, _Chunk]) -> tuple[int | None, int]:
        """The length that a codec of blocks states, and the samples of a block."""
        if self._kind != _WAVE or self._order != "little" or not {b"fmt ", b"fact"} <= described.keys():
            return None, 1
        form = self._read(described[b"fmt "].start, _FORMAT.size)
        if len(form) < _FORMAT.size:
            return None, 1
        codec, *_, block_samples = _FORMAT.unpack(form)
        stated = int.from_bytes(self._read(described[b"fact"].start, 4), "little")
        return (stated, block_samples) if codec in _BLOCK_CODECS and stated else (None, 1)

    def _rebuilt(self, descriptions: list[_Chunk], samples: list[_Chunk]) -> BinaryIO:
        """A file of the chunks that matter, with all samples in one."""
        pieces = self._sample_pieces(descriptions, samples)
        size = sum(piece.size for piece in pieces)
        is_wide = size + (1 << 16) > LARGEST_FILE and self._order == "little"
        head = literal(b"RF64" if is_wide else b"RIFF" if self._name == b"RF64" else self._name)
        body = [literal(self._kind)]
        if is_wide:
            body.append(literal(_DS64.pack(b"ds64", 28, size + (1 << 16), size, 0, 0)))
        for chunk in descriptions:
            body += [literal(self._header(chunk.name, chunk.stop - chunk.start)), stretch(chunk.start, chunk.stop)]
            body.append(Piece((chunk.stop - chunk.start) % 2))
        body += [literal(self._header(self._samples_name, _UNKNOWN if is_wide else size)), *pieces, Piece(size % 2)]
        whole = min(sum(piece.size for piece in body), _UNKNOWN)
        return spliced(self._stream, [head, literal(whole.to_bytes(4, self._order)), *body])

    def _header(self, name: bytes, size: int) -> bytes:
        return name + min(size, _UNKNOWN).to_bytes(4, self._order)

    def _sample_pieces(self, descriptions: list[_Chunk], samples: list[_Chunk]) -> list[Piece]:
        """The samples; of several chunks each in whole blocks, so that the channels stay where they are."""
        first = stretch(samples[0].start, samples[0].stop)
        if len(samples) == 1:
            return [first]
        if self._kind != _WAVE:
            return [first, *(stretch(chunk.start + _AIFF_OFFSET_BYTES, chunk.stop) for chunk in samples[1:])]
        form = next((self._read(chunk.start, 16) for chunk in descriptions if chunk.name == b"fmt "), bytes(16))
        block = max(int.from_bytes(form[12:14], self._order), 1)
        silence = b"\x80" if int.from_bytes(form[14:16], self._order) == 8 else b"\0"
        pieces = []
        for chunk in samples:
            if chunk.name == _SILENCE:
                count = int.from_bytes(self._read(chunk.start, 4), self._order)
                pieces.append(Piece(count * block, None, silence))
            else:
                pieces.append(stretch(chunk.start, chunk.stop - (chunk.stop - chunk.start) % block))
        return pieces
