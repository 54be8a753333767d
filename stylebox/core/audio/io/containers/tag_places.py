"""Where tags lie in a sound file; they are no sound. Reads none of them."""

import re
from typing import BinaryIO

from stylebox.core.audio.io.files import HEAD_BYTES, begins_like_audio

TAG_MARKS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # with which tags begin, between frames or behind a file
_ID3V1_BYTES, _MOST_LYRICS_BYTES = 128, 1 << 17
_LYRICS_END = re.compile(rb"LYRICS200|LYRICSEND")
_APE_MARK, _APE_SIZE, _APE_HEADER_BYTES = b"APETAGEX", slice(12, 16), 32  # the size is without the header
_READ_BYTES, _MOST_ZEROS = 4096, 1 << 20  # at once: of anything, and of zeros after zeros
_MOST_TURNS = 100  # of looking for one more tag
_ID3_BYTES, _ID3_FOOTER = 10, 0x10  # of its header, and of a footer if this bit is set


def after_id3(stream: BinaryIO) -> int:
    """Where a file begins that has ID3 tags in front, which its format does not know; 0 for MP3, which does.

    Args:
        stream: Seekable.
    """
    start = id3_end(stream, 0)
    stream.seek(start)
    return start if begins_like_audio(stream.read(HEAD_BYTES)) else 0


def id3_end(stream: BinaryIO, start: int) -> int:
    """Where the ID3 tags end that begin at a place; the place itself if there are none.

    Args:
        stream: Seekable.
        start: The place.
    """
    while True:
        stream.seek(start)
        head = stream.read(_ID3_BYTES)
        if not head.startswith(b"ID3"):
            return start
        size = 0
        for digit in head[6:_ID3_BYTES]:
            size = size << 7 | digit & 0x7F
        start += _ID3_BYTES + size + (_ID3_BYTES if head[5:6] and head[5] & _ID3_FOOTER else 0)


def after_padding(stream: BinaryIO, place: int = 0) -> int:
    """Where the tags and the zeros end that begin at a place, in any order.

    Args:
        stream: Seekable.
        place: The beginning, or the end of a file.
    """
    for _ in range(_MOST_TURNS):
        start, place = place, id3_end(stream, place)
        stream.seek(place)
        head = stream.read(_READ_BYTES)
        if head.startswith(b"LYRICSBEGIN") or not any(head):
            head += stream.read(_MOST_ZEROS)
        place += _tag_bytes(head) or len(head) - len(head.lstrip(b"\0"))
        if place == start:
            break
    return place


def _tag_bytes(head: bytes) -> int:
    """The size of a tag that is not ID3 of version 2, by its first bytes; 0 if none begins there."""
    if head.startswith(_APE_MARK) and len(head) >= _APE_HEADER_BYTES:
        return _APE_HEADER_BYTES + int.from_bytes(head[_APE_SIZE], "little")
    if head.startswith(b"LYRICSBEGIN"):
        found = _LYRICS_END.search(head, 0, _MOST_LYRICS_BYTES)
        return found.end() if found else 0
    return _ID3V1_BYTES if head.startswith(b"TAG") else 0
