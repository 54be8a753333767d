"""A sound track that is being decoded, and what is missing of it. Decodes nothing."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from stylebox.core.audio.io.containers.behind import LEAST_BYTES, remark
from stylebox.core.audio.io.containers.part import Part

_MISSING_SECONDS = 0.1  # headers are rounded, and count what encoders add
_UNREAD_SECONDS = 0.1  # from which on what follows the sound is reported
_LEAST_SAMPLES = 1e-3  # that are more than an error of arithmetic

Block = tuple[int, np.ndarray]  # rate in Hz; float32 samples (S, channels)


@dataclass
class Track:
    """A sound track that is being decoded."""

    sample_rate: int  # Hz
    channels: int
    codec: str  # flac, mp3, vorbis, opus, aac, pcm_16, float, ...
    bits: int  # per sample; 0 for codecs that lose something, which have no depth
    blocks: Iterator[Block]
    known_samples: int | None = None  # per channel, where the size of the file leaves no doubt
    stated_seconds: float | None = None  # what its header states, where that is more than an estimate
    is_exact: bool = False  # whether what its header states is right to the sample
    remarks: list[str] = field(default_factory=list)  # what was left out or filled, complete after the last block
    lacks_end: Callable[[], bool] = lambda: False  # whether its last packet is partial; known after the last block
    unread_bytes: Callable[[], int] = lambda: 0  # the size of what follows its end; known after the last block
    following: Callable[[], int | None] = lambda: None  # where another file begins behind it; known at the end


def examined(track: Track, part: Part) -> Track:
    """The same track, completed: with remarks on what was put right, what is missing and what is not read.

    Where sound of the part is missing, its length is known only after the last block.
    """
    track.remarks += part.remarks
    if part.share < 1 or not part.has_end:
        track.known_samples = None
    if track.known_samples is None:
        track.blocks = _watched(track.blocks, track, part)
    else:
        track.remarks += _unread(track.known_samples / track.sample_rate, part)
    return track


def _watched(blocks: Iterator[Block], track: Track, part: Part) -> Iterator[Block]:
    """The same blocks; after the last one, remarks if some are missing or follow unread."""
    seconds, rate = 0.0, track.sample_rate
    for rate, block in blocks:
        seconds += len(block) / rate
        yield rate, block
    behind = track.unread_bytes() if track.following() is None else 0
    missing = (track.stated_seconds or seconds / (part.share or 1)) - seconds
    if missing > _MISSING_SECONDS:
        track.remarks.append(f"it is damaged or cut short: {seconds:.2f} of {seconds + missing:.2f} s are there")
    elif track.is_exact and missing * rate > _LEAST_SAMPLES:
        samples = math.ceil(missing * rate - _LEAST_SAMPLES)
        verb = "sample is" if samples == 1 else f"{samples} samples are"
        track.remarks.append(f"it is damaged or cut short: its last {verb} missing")
    elif behind < LEAST_BYTES and (not part.has_end or track.lacks_end()):
        track.remarks.append(f"it is cut short: {seconds:.2f} s are there")
    track.remarks += [remark(behind)] if behind >= LEAST_BYTES else _unread(seconds, part)


def _unread(seconds: float, part: Part) -> list[str]:
    """A remark on sound that follows the end which the header states, as of a recorder that lost power."""
    unread = seconds * part.unread
    text = f"{unread:.2f} s follow the end that its header states; they are not read"
    return [text] if unread >= _UNREAD_SECONDS else []
