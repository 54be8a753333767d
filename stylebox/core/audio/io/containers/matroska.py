"""How long a track of Matroska is by its file, and whether packets are missing at the end. Decodes nothing.

Reference:
    RFC 9559, 5.1.2.12: Duration; 5.1.5, 5.1.8: Cues and Tags, tables that may follow the last cluster.
"""

import re
import struct
from typing import BinaryIO

from stylebox.core.audio.io.containers import units
from stylebox.core.audio.io.containers.behind import LEAST_BYTES
from stylebox.core.audio.io.containers.search import find

_DURATION = re.compile(rb"\x15\x49\xa9\x66.{1,300}?\x44\x89(?:\x84(.{4})|\x88(.{8}))", re.DOTALL)
_CLOCK_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_TABLES = re.compile(rb"\x1c\x53\xbb\x6b|\x12\x54\xc3\x67|\x11\x4d\x9b\x74|\x19\x41\xa4\x69|\x10\x43\xa7\x70")
_MOST_TABLES = 100  # that are looked for


def states_duration(head: bytes) -> bool:
    """Whether the header states how long the file is, and was filled in.

    Args:
        head: The first bytes of the file.
    """
    found = _DURATION.search(head)
    if found is None:
        return False
    short, long = found.groups()
    return bool((struct.unpack(">d", long) if long else struct.unpack(">f", short))[0] > 0)


def tagged_seconds(tag: str) -> float | None:
    """The time of the end of a track as programs write it into a tag; None if it is no such time.

    >>> tagged_seconds("00:01:02.500000000")
    62.5
    """
    found = _CLOCK_TIME.match(tag)
    hours, minutes, seconds = map(float, found.groups()) if found else (0.0, 0.0, 0.0)
    return 3600 * hours + 60 * minutes + seconds if found else None


def lacks_packets(stream: BinaryIO, place: int) -> bool:
    """Whether something else than tables lies behind the last packet, so that FFmpeg found no more of them.

    Args:
        stream: Seekable.
        place: Where that packet ends.
    """
    end = units.walked(stream, 0, units.element)
    tables: int | None = place
    for _ in range(_MOST_TABLES):
        if tables is None or units.walked(stream, tables, units.element) == end:
            break
        tables = find(stream, _TABLES, tables + 1)
    return 0 < place < end - LEAST_BYTES and (tables is None or tables - place >= LEAST_BYTES)
