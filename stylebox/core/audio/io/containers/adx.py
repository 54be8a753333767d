"""The header of an ADX file. Decodes nothing.

Reference:
    CRI ADX, as in FFmpeg's `adx.c`.
"""

import struct
from typing import BinaryIO

MARK, END = b"\x80\0", b"\x80\x01"  # with which the file and what ends it begin
_HEADER = struct.Struct(">HHBBBBII")  # mark, place of the sound, encoding, block size, bits, channels, rate, samples
_COPYRIGHT = b"(c)CRI"  # in front of the sound
_ENCODING, _BLOCK_BYTES, _BITS = 3, 18, 4  # that FFmpeg knows
_MOST_HEAD_BYTES = 1 << 17
_MOST_CHANNELS, _MOST_BITS_PER_SECOND = 2, 2**31 - 1


def sound(head: bytes) -> tuple[int, int] | None:
    """Where the sound of a file begins, and the size that is stated for it; None if this is no ADX.

    Args:
        head: The first bytes of the file.

    Raises:
        struct.error: It ends inside the header.
    """
    _, start, _, block_bytes, _, channels, _, samples = _HEADER.unpack_from(head)
    if _COPYRIGHT not in head[: 4 + start]:
        return None
    blocks = samples // ((block_bytes - 2) * 2) if block_bytes > 2 else 0
    return 4 + start, (blocks - 1) * block_bytes * channels  # FFmpeg writes one block less than it states


def stated_seconds(head: bytes) -> float | None:
    """How long a file lasts; damage that looks like the mark of the end ends the decoding sooner.

    Args:
        head: The first bytes of the file.
    """
    *_, rate, samples = _HEADER.unpack_from(head)
    return samples / rate if rate else None


def ends_program(stream: BinaryIO) -> bool:
    """Whether a file begins like ADX, and FFmpeg 8 does not know its header: it then divides by zero.

    Args:
        stream: Seekable; it is at its beginning afterwards.
    """
    stream.seek(0)
    head = stream.read(_MOST_HEAD_BYTES).ljust(_HEADER.size, b"\0")
    stream.seek(0)
    if not head.startswith(MARK):
        return False
    _, start, encoding, block_bytes, bits, channels, rate, _ = _HEADER.unpack_from(head)
    is_known = (encoding, block_bytes, bits) == (_ENCODING, _BLOCK_BYTES, _BITS) and 0 < channels <= _MOST_CHANNELS
    is_known &= head[: 4 + start].endswith(_COPYRIGHT)
    return not is_known or not 0 < rate <= _MOST_BITS_PER_SECOND // (8 * _BLOCK_BYTES * channels)
