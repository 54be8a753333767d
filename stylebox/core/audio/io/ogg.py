"""A fixed serial number for Ogg streams: encoders draw a random one, so that equal sound would give different bytes.

Reference:
    RFC 3533, section 6: a page's header, and its checksum.
"""

import struct
import zlib

_HEADER = struct.Struct("<4sBBqIIIB")  # capture pattern, version, type, granule, serial, sequence, checksum, segments
_SERIAL = 1
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_plain_serial(stream: bytes) -> bytes:
    """The same pages with serial number 1; other bytes stay unchanged."""
    pages, start = [], 0
    while stream[start : start + 4] == b"OggS" and len(stream) - start >= _HEADER.size:
        *known, _, sequence, _, segments = _HEADER.unpack_from(stream, start)
        body = start + _HEADER.size
        end = body + segments + sum(stream[body : body + segments])
        page = _HEADER.pack(*known, _SERIAL, sequence, 0, segments) + stream[body:end]
        pages.append(_HEADER.pack(*known, _SERIAL, sequence, checksum(page), segments) + stream[body:end])
        start = end
    return b"".join(pages) + stream[start:]


def checksum(page: bytes) -> int:
    """Checksum of a page whose checksum field is 0: CRC-32 with the highest bit first and initial value 0."""
    lowest_first = zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{lowest_first:032b}"[::-1], 2)
