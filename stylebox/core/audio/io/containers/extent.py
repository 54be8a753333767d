"""A sound beside the size that its header states: how much of it is there, what follows its end. Decodes nothing."""

import io
from collections.abc import Callable
from typing import BinaryIO

from stylebox.core.audio.io.containers.tag_places import after_padding, id3_end


def share_there(size: int, missing: int, frame_bytes: int) -> float:
    """The share of a sound that is there.

    Args:
        size: Of the sound that its header states, in bytes.
        missing: How much of that the file lacks, in bytes; nothing if it is negative.
        frame_bytes: Size of a sample of each channel, of which parts do not count; 0 where it is not known.
    """
    stated = size // (frame_bytes or 1)
    there = (size - missing) // (frame_bytes or 1)
    return min(max(there, 0) / stated, 1.0) if stated > 0 else 1.0


def ends_inside_frame(size: int, frame_bytes: int) -> bool:
    """Whether a sound whose size is not stated ends inside a frame, which is a sample of each channel.

    Args:
        size: Of the sound, in bytes.
        frame_bytes: Size of a frame.
    """
    left = size % frame_bytes if frame_bytes else 0
    return left > (frame_bytes % 2)  # a sound of odd size is followed by one byte more


def bytes_behind(stream: BinaryIO, stop: int, is_chunk: Callable[[int], bool]) -> int:
    """The size of what follows a sound and may be sound; 0 if it is padding, a tag or a chunk.

    Args:
        stream: Seekable.
        stop: Where the sound ends.
        is_chunk: Whether a part of the same file begins at a place.
    """
    end = stream.seek(0, io.SEEK_END)
    start = id3_end(stream, min(stop, end))  # the system may refuse a place far behind
    if start >= end or is_chunk(start):
        return 0
    return end - start if after_padding(stream, start) < end else 0
