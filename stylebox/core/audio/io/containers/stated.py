"""How long a file is by its own header. FFmpeg's estimates from sizes and rates are not that. Decodes nothing.

Reference:
    RFC 7845, section 4: granule positions of Opus. RFC 9559: Info and Duration of Matroska.
"""

import re
import struct
from typing import BinaryIO

import av
from av.container import InputContainer

from stylebox.core.audio.io.containers import musepack
from stylebox.core.audio.io.containers.raw_frames import xing_seconds

_STATING = {"mov", "tta", "wv", "ape", "flac", "ogg", "rm"}  # containers whose header states the length of each track
_XING_MOST_SAMPLES = 2 * 4095  # that encoders put before and behind the sound, which FFmpeg leaves out
_OPUS_RATE, _OPUS_SKIP = 48000, slice(10, 12)  # Hz; where its header says how many samples come before the sound
_ITUNES_LENGTH = re.compile(r" ?[0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{16})\b", re.IGNORECASE)
_MATROSKA_HEAD_BYTES = 1 << 16
_MATROSKA_DURATION = re.compile(rb"\x15\x49\xa9\x66.{1,300}?\x44\x89(?:\x84(.{4})|\x88(.{8}))", re.DOTALL)


def stated_seconds(container: InputContainer, audio: av.AudioStream, stream: BinaryIO) -> float | None:
    """The length of a track that the header states; None if it states none.

    Args:
        container: Opened.
        audio: The track.
        stream: The file; stays where it is.
    """
    formats = set(container.format.name.split(","))
    base = float(audio.time_base or 0)
    by_track = audio.duration * base if audio.duration and base else None
    if "ogg" in formats and by_track is not None:  # which is the time of its end
        return by_track - (audio.start_time or 0) * base - _opus_skip_seconds(audio)
    if formats & _STATING:
        return by_track
    if "mpc8" in formats and (samples := musepack.stated_samples(stream)):
        return samples / audio.codec_context.sample_rate
    if "matroska" in formats and len(container.streams) == 1 and container.duration:
        return container.duration / av.time_base if _states_matroska_duration(stream) else None
    by_xing = xing_seconds(stream) if "mp3" in formats else None
    if by_xing is None or by_track is None:
        return by_xing
    rounding = _XING_MOST_SAMPLES / audio.codec_context.sample_rate
    return by_track if abs(by_track - by_xing) <= rounding else by_xing


def itunes_samples(container: InputContainer) -> int | None:
    """The length that iTunes wrote into a comment of an MP4 file, where old releases wrote no edit list.

    Args:
        container: Opened.
    """
    found = _ITUNES_LENGTH.match(container.metadata.get("iTunSMPB", ""))
    return int(found[1], 16) if found else None


def _opus_skip_seconds(audio: av.AudioStream) -> float:
    if audio.codec_context.name != "opus":
        return 0.0
    return int.from_bytes((audio.codec_context.extradata or b"")[_OPUS_SKIP], "little") / _OPUS_RATE


def _states_matroska_duration(stream: BinaryIO) -> bool:
    """Whether there is a duration, and it was filled in."""
    at = stream.tell()
    try:
        stream.seek(0)
        found = _MATROSKA_DURATION.search(stream.read(_MATROSKA_HEAD_BYTES))
    finally:
        stream.seek(at)
    if found is None:
        return False
    short, long = found.groups()
    return bool((struct.unpack(">d", long) if long else struct.unpack(">f", short))[0] > 0)
