"""Where tags lie in a sound file; they are no sound. Reads none of them."""

from typing import BinaryIO

from stylebox.core.audio.io.files import begins_like_audio

TAG_MARKS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # with which tags begin, between frames or behind a file
_APE_MARK, _APE_SIZE, _APE_HEADER_BYTES = b"APETAGEX", slice(12, 16), 32  # the size is without the header
_MOST_ZEROS, _MOST_TURNS = 1 << 20, 100  # bytes at once; of looking for one more tag
_ID3_BYTES, _ID3_FOOTER = 10, 0x10  # of its header, and of a footer if this bit is set
_LONGEST_MARK_BYTES = 12  # that tell a sound file


def after_id3(stream: BinaryIO) -> int:
    """Where a file begins that has ID3 tags in front, which its format does not know; 0 for MP3, which does.

    Args:
        stream: Seekable.
    """
    start = id3_end(stream, 0)
    stream.seek(start)
    return start if begins_like_audio(stream.read(_LONGEST_MARK_BYTES)) else 0


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


def after_padding(stream: BinaryIO) -> int:
    """Where the ID3 tags, the APE tags and the zeros end that a file begins with, in any order.

    Args:
        stream: Seekable.
    """
    place = 0
    for _ in range(_MOST_TURNS):
        start, place = place, id3_end(stream, place)
        stream.seek(place)
        head = stream.read(_MOST_ZEROS)
        if head.startswith(_APE_MARK) and len(head) >= _APE_HEADER_BYTES:
            place += _APE_HEADER_BYTES + int.from_bytes(head[_APE_SIZE], "little")
        place += len(head) - len(head.lstrip(b"\0"))
        if place == start:
            break
    return place
