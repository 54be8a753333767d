"""Dolby Digital and DTS in the place of samples, as digital outputs and CDs have them; as samples they are noise.

Reference:
    IEC 61937-1, 6.1.7: the preamble of a burst. ETSI TS 102 114, 6.2: the sync words of DTS.
"""

import re
from typing import BinaryIO

_SEARCHED_BYTES = 1 << 16  # a burst of a new frame begins every 2048 to 24 576 bytes
_WAV = (b"RIFF", b"RF64")
_PREAMBLE = rb"\x72\xf8\x1f\x4e"
_DTS = rb"\xfe\x7f\x01\x80|\xff\x1f\x00\xe8"  # in words of 16 bits, and of 14
_SYNC = re.compile(_PREAMBLE + b"|" + _DTS)
_LEAST_SYNCS = 2  # one may be chance


def is_bitstream(stream: BinaryIO) -> bool:
    """Whether a file is a WAV file whose samples are the frames of a codec.

    Args:
        stream: Seekable; stays where it is.
    """
    at = stream.tell()
    stream.seek(0)
    head = stream.read(_SEARCHED_BYTES)
    stream.seek(at)
    return head.startswith(_WAV) and len(_SYNC.findall(head)) >= _LEAST_SYNCS
