"""Dolby Digital and DTS in the place of samples, as digital outputs and CDs have them; as samples they are noise.

Reference:
    IEC 61937-1, 6.1.7: the preamble of a burst. ETSI TS 102 114, 6.2: the sync words of DTS.
"""

import itertools
import re
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from stylebox.core.audio.io.containers.place import kept_place
from stylebox.core.errors import AudioError

_SEARCHED_BYTES = 1 << 17  # a frame begins every 2048 to 24 576 bytes
_WAV = (b"RIFF", b"RF64")
_BEGINNINGS = (  # of a burst; of a frame of DTS in words of 16 bits, and of 14: its sync word and what follows
    re.compile(rb"\x72\xf8\x1f\x4e"),
    re.compile(rb"\xfe\x7f\x01\x80.[\xfc-\xff]", re.DOTALL),
    re.compile(rb"\xff\x1f\x00\xe8[\xf0-\xff]\x07"),
)
_LEAST_FRAMES = 3  # at equal distances: loud samples of opposite channels look like a sync word
_LEAST_FRAME_BYTES = 256


def is_bitstream(stream: BinaryIO) -> bool:
    """Whether a file is a WAV file whose samples are the frames of a codec.

    Args:
        stream: Seekable; stays where it is.
    """
    with kept_place(stream):
        stream.seek(0)
        head = stream.read(_SEARCHED_BYTES)
    return head.startswith(_WAV) and _has_frames(head)


def check_samples(blocks: Iterable[np.ndarray], name: str) -> None:
    """Refuse samples of 16 bits that are the frames of a codec, in files that FFmpeg does not search for them.

    Args:
        blocks: The first ones.
        name: Of the file, for the error message.

    Raises:
        AudioError: They are frames.

    Shape:
        Each block is ``(S, channels)``.
    """
    if _has_frames(b"".join(np.round(block * 32768).astype("<i2").tobytes() for block in blocks)):
        fix = "save it as WAV with the same samples, which can be read"
        raise AudioError(f"{name}: holds Dolby Digital or DTS in the place of samples; {fix}")


def _has_frames(words: bytes) -> bool:
    for beginning in _BEGINNINGS:
        places = [found.start() for found in beginning.finditer(words)]
        distances = {after - before for before, after in itertools.pairwise(places)}
        if len(places) >= _LEAST_FRAMES and len(distances) == 1 and min(distances) >= _LEAST_FRAME_BYTES:
            return True
    return False
