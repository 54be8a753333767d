"""Writing WAV as a stream: 16 and 24 bits or float; past 4 GB the file becomes RF64. Knows nothing of paths.

libsndfile's own writer puts the time of day into float files, and has to know before the first sample whether a file
will pass 4 GB.

Reference:
    EBU Tech 3306, RF64: a placeholder, JUNK, keeps room for the chunk that holds 64-bit sizes.
"""

import struct
from typing import BinaryIO

import numpy as np

from stylebox.core.audio.io.tags import Tags, id3_bytes

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of formats in an extensible header
_DS64 = struct.Struct("<QQQI")  # sizes of the file and of the data, samples, length of a table
_MAX_RIFF = 0xFFFFFFFF
_INFO = {"INAM": "title", "IART": "artist", "IPRD": "album", "ICRD": "date", "ICMT": "comment"}


class WavStream:
    """A WAV file being written to a stream: blocks, then `finish`."""

    def __init__(self, stream: BinaryIO, sample_rate: int, channels: int, bits: int, tags: Tags) -> None:
        """Write the header.

        Args:
            stream: Seekable, empty.
            sample_rate: In Hz.
            channels: Number of channels.
            bits: 16 and 24 are integers, 32 is float.
            tags: Written behind the samples.
        """
        self._stream, self._sample_bytes, self._tags = stream, bits // 8 * channels, tags
        kind = _FLOAT if bits == 32 else _PCM
        extensible = channels > 2
        shape = (channels, sample_rate, sample_rate * self._sample_bytes, self._sample_bytes, bits)
        form = struct.pack("<HHIIHH", _EXTENSIBLE if extensible else kind, *shape)
        if extensible:
            form += struct.pack("<HHIH", 22, bits, 0, kind) + _GUID_TAIL
        elif kind == _FLOAT:
            form += struct.pack("<H", 0)
        stream.write(b"RIFF" + bytes(4) + b"WAVE" + _chunk(b"JUNK", bytes(_DS64.size)) + _chunk(b"fmt ", form))
        if kind == _FLOAT:
            stream.write(_chunk(b"fact", bytes(4)))
        self._has_fact = kind == _FLOAT
        stream.write(b"data" + bytes(4))
        self._data_start = stream.tell()

    def write(self, samples: np.ndarray) -> None:
        """Append samples.

        Args:
            samples: int16, int32 of which the upper 24 bits count, or float32, as `bits` demands.

        Shape:
            ``samples`` is ``(samples, channels)``.
        """
        if samples.dtype == np.int32:
            octets = np.ascontiguousarray(samples, "<i4").view(np.uint8).reshape(-1, 4)
            self._stream.write(octets[:, 1:].tobytes())
        else:
            self._stream.write(samples.astype(samples.dtype.newbyteorder("<")).tobytes())

    def finish(self) -> None:
        """Write the tags and the sizes."""
        stream = self._stream
        data_bytes = stream.tell() - self._data_start
        stream.write(bytes(data_bytes % 2) + _tag_chunks(self._tags))
        riff_bytes, samples = stream.tell() - 8, data_bytes // self._sample_bytes
        large = riff_bytes > _MAX_RIFF
        if large:
            ds64 = _DS64.pack(riff_bytes, data_bytes, samples, 0)
            self._overwrite(0, b"RF64" + struct.pack("<I", _MAX_RIFF) + b"WAVE" + _chunk(b"ds64", ds64))
        else:
            self._overwrite(4, struct.pack("<I", riff_bytes))
        self._overwrite(self._data_start - 4, struct.pack("<I", _MAX_RIFF if large else data_bytes))
        if self._has_fact:
            self._overwrite(self._data_start - 12, struct.pack("<I", min(samples, _MAX_RIFF)))

    def _overwrite(self, position: int, content: bytes) -> None:
        self._stream.seek(position)
        self._stream.write(content)


def _chunk(name: bytes, content: bytes) -> bytes:
    """A chunk: name, size, content, padded to an even size."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _tag_chunks(tags: Tags) -> bytes:
    """Tags twice: as a list that most programs read, and as ID3, which keeps the cover."""
    if not tags:
        return b""
    texts = [(name, getattr(tags, field)) for name, field in _INFO.items()]
    listed = b"".join(_chunk(name.encode(), text.encode() + b"\0") for name, text in texts if text)
    return _chunk(b"LIST", b"INFO" + listed) + _chunk(b"id3 ", id3_bytes(tags))
