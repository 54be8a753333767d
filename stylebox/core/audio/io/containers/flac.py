"""The length that the header of a FLAC file states. Decodes nothing.

Reference:
    RFC 9639, section 8.2: a file begins with its mark and a block of 34 bytes that describes the stream.
"""

from typing import BinaryIO

from stylebox.core.audio.io.containers.part import overlaid

_LENGTH, _LARGEST_LENGTH = slice(21, 26), (1 << 36) - 1  # its bytes, of which the lowest 36 bits count


def stated_samples(stream: BinaryIO) -> int | None:
    """The length that the header states; None if it states none.

    Args:
        stream: A FLAC file, seekable.
    """
    stream.seek(0)
    return int.from_bytes(stream.read(_LENGTH.stop)[_LENGTH]) & _LARGEST_LENGTH or None


def of_unknown_length(stream: BinaryIO) -> BinaryIO:
    """The same file without the length that its header states, at which a decoder would stop.

    Args:
        stream: A FLAC file, seekable.
    """
    stream.seek(0)
    head = stream.read(_LENGTH.stop)
    unknown = int.from_bytes(head[_LENGTH]) & ~_LARGEST_LENGTH
    return overlaid(stream, head[: _LENGTH.start] + unknown.to_bytes(_LENGTH.stop - _LENGTH.start))
