"""Where bytes of a certain look occur in a file of any size. Decodes nothing."""

import re
from collections.abc import Callable
from typing import BinaryIO

_BLOCK_BYTES = 1 << 16
_LONGEST_BYTES = 4096  # that an occurrence may have


def find(
    stream: BinaryIO, pattern: re.Pattern[bytes], start: int, is_meant: Callable[[bytes], bool] = bool
) -> int | None:
    """The first place at or after `start` where `pattern` matches; None if there is none.

    Args:
        stream: Seekable.
        pattern: Matches at most 4096 bytes.
        start: Where to begin.
        is_meant: Decides on the bytes that match.
    """
    while True:
        stream.seek(start)
        block = stream.read(_BLOCK_BYTES)
        for found in pattern.finditer(block):
            if is_meant(found.group()):
                return start + found.start()
        if len(block) < _BLOCK_BYTES:
            return None
        start += _BLOCK_BYTES - _LONGEST_BYTES
