"""Musepack files of version 8: where their sound begins and ends, and a file without its seek table. Decodes nothing.

FFmpeg gives what the filters of the decoder put in front of the sound, and refuses a file that lacks its seek table,
which lies at its end.

Reference:
    Musepack, SV8 specification: packets, stream header, seek table offset.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from stylebox.core.audio.io.containers import units
from stylebox.core.audio.io.containers.part import Part, overlaid
from stylebox.core.audio.io.containers.place import kept_place

MARK = b"MPCK"
_HEADER, _SEEK_TABLE, _SOUND = b"SH", b"SO", b"AP"  # names of packets
_BEHIND = (b"ST", b"CT", b"SE")  # packets behind the sound: the seek table, chapters, the end
_IGNORED = b"ZZ"  # a name that decoders pass over
_FILTER_SAMPLES = 481  # that the filters of the decoder put in front
_FRAME_SAMPLES = 1152
_BEFORE_SAMPLES_AT = 5  # bytes of the header: a checksum and the version
_MOST_DIGITS = 9


class _Packet(NamedTuple):
    name: bytes
    start: int
    content: int
    end: int


def part(stream: BinaryIO) -> Part | None:
    """The file as decoders read it, and which of the samples that they give are its sound; None for other files.

    Args:
        stream: Seekable.
    """
    head = units.head(stream, 0)
    if not head.startswith(MARK):
        return None
    sound = _sound(head)
    found = next((packet for packet in _packets(head) if packet.name == _SEEK_TABLE), None)
    if found:
        stream = overlaid(stream, head[: found.start] + _IGNORED + head[found.start + len(_IGNORED) :])
    if sound is None:
        return Part(stream)
    silent, samples = sound
    return Part(stream, samples=samples, block_samples=_FRAME_SAMPLES, skipped=_FILTER_SAMPLES + silent)


def stated_samples(stream: BinaryIO) -> int | None:
    """The length of its sound that its header states; None if it states none.

    Args:
        stream: Seekable; stays where it is.
    """
    with kept_place(stream):
        sound = _sound(units.head(stream, 0))
    return sound[1] if sound else None


def packet_bytes(head: bytes) -> int | None:
    """Size of the packet that begins with these bytes; None if none does."""
    return seven_bit_number(head, 2)[0] if head.startswith(_BEHIND) and len(head) > 2 else None


def _sound(head: bytes) -> tuple[int, int] | None:
    """The number of silent samples that the header states before the sound, and of those of the sound."""
    header = next((packet for packet in _packets(head) if packet.name == _HEADER), None)
    if header is None:
        return None
    end, at = seven_bit_number(head, header.content + _BEFORE_SAMPLES_AT)
    silent, _ = seven_bit_number(head, at)
    return (silent, end - silent) if end > silent else None


def _packets(head: bytes) -> Iterator[_Packet]:
    """The packets before the sound."""
    at = len(MARK)
    while at + 3 <= len(head) and not head.startswith(_SOUND, at):
        size, content = seven_bit_number(head, at + 2)
        yield _Packet(head[at : at + 2], at, content, at + size)
        at += max(size, 3)


def seven_bit_number(content: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the highest first, and where it ends."""
    number = 0
    for byte in content[at : at + _MOST_DIGITS]:
        number, at = number << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            break
    return number, at
