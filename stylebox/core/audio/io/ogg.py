"""An Ogg stream's serial number made the same each time: encoders draw it, and equal sound would give unequal bytes.

Reference:
    RFC 3533, section 6: a page's header, and its checksum.
"""

import struct
import zlib

_HEADER = struct.Struct("<4sBBqIIIB")  # capture pattern, version, type, granule, serial, sequence, checksum, segments
_SERIAL = 1
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_plain_serial(stream: bytes) -> bytes:
    """The same pages, all of serial number 1; what is no page is left as it is."""
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
    """Of a page whose own checksum is 0: CRC-32 with the highest bit first, begun at 0; zlib's goes the other way."""
    lowest_first = zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{lowest_first:032b}"[::-1], 2)
