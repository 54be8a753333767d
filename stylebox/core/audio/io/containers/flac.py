"""The length that the header of a FLAC file states, and what follows its last frame. Decodes nothing.

Reference:
    RFC 9639, section 8.2: a file begins with its mark and a block of 34 bytes that describes the stream.
"""

import io
from typing import BinaryIO

from stylebox.core.audio.io.containers.joined import another_file, is_beginning
from stylebox.core.audio.io.containers.part import overlaid
from stylebox.core.audio.io.containers.place import kept_place
from stylebox.core.audio.io.containers.tag_places import TAG_MARKS, after_padding

READ_BYTES = 64  # that are read at once near the end, so that its place is known
_AFTER_BYTES = 1 << 16  # behind the last frame in which another file may begin
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


def following(stream: BinaryIO, end: int) -> int | None:
    """Where another file begins behind the last frame; None if none does.

    Args:
        stream: Seekable; stays where it is.
        end: A place at most `READ_BYTES` behind the last frame.
    """
    first = max(end - READ_BYTES, 1)
    with kept_place(stream):
        places = (*range(first, end + 1), _after_tags(stream, end))
        place = another_file(stream, first, _AFTER_BYTES)
        return place or next((one for one in places if is_beginning(stream, one)), None)


def unread_bytes(stream: BinaryIO, end: int) -> int:
    """The size of what follows the last frame; 0 if that is tags, zeros or another file.

    Args:
        stream: Seekable; stays where it is.
        end: A place at most `READ_BYTES` behind the last frame.
    """
    with kept_place(stream):
        total = stream.seek(0, io.SEEK_END)
        return max(total - _after_tags(stream, end), 0) if following(stream, end) is None else 0


def _after_tags(stream: BinaryIO, end: int) -> int:
    """Where the tags and zeros end that may begin before a place."""
    first = max(end - READ_BYTES, 0)
    stream.seek(first)
    content = stream.read(end - first + len(max(TAG_MARKS, key=len)))
    marks = [first + place for mark in TAG_MARKS if (place := content.find(mark)) >= 0]
    return after_padding(stream, min(marks, default=end))
