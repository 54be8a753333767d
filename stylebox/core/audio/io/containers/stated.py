"""How long a file is by its own header. FFmpeg's estimates from sizes and rates are not that. Decodes nothing.

Reference:
    RFC 7845, section 4: granule positions of Opus. Adobe FLV 10.1, E.5: onMetaData.
"""

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition

from stylebox.core.audio.io.containers import adx, asf, matroska, musepack
from stylebox.core.audio.io.containers.raw_frames import xing_seconds

# Containers whose header states the length of each track.
_STATING = {"mov", "tta", "wv", "ape", "flac", "ogg", "rm"}
_XING_MOST_SAMPLES = 2 * 4095  # that encoders put before and behind the sound, which FFmpeg leaves out
_OPUS_RATE, _OPUS_SKIP = 48000, slice(10, 12)  # Hz; where its header says how many samples come before the sound
_ITUNES_LENGTH = re.compile(r" ?[0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{16})\b", re.IGNORECASE)
_HEAD_BYTES, _LONGEST_SECONDS = 1 << 16, 1e6
_FLV_DURATION = re.compile(rb"\x08duration\0(.{8})", re.DOTALL)


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
    if formats & _STATING or ("wtv" in formats and _is_alone(container)):
        return by_track
    if "mpc8" in formats and (samples := musepack.stated_samples(stream)):
        return samples / audio.codec_context.sample_rate
    if "matroska" in formats:
        return _matroska_seconds(container, audio, _first_bytes(stream))
    for name in formats & _READERS.keys():
        return _READERS[name](_first_bytes(stream)) if _is_alone(container) else None
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


def _matroska_seconds(container: InputContainer, audio: av.AudioStream, head: bytes) -> float | None:
    """By a tag of the track, or by the header if the file has no other track."""
    by_tag = matroska.tagged_seconds(audio.metadata.get("DURATION", ""))
    if by_tag is not None:
        return by_tag - float((audio.start_time or 0) * (audio.time_base or 0))
    is_stated = _is_alone(container) and container.duration and matroska.states_duration(head)
    return container.duration / av.time_base if is_stated and container.duration else None


def _is_alone(container: InputContainer) -> bool:
    """Whether a track is the only one but for pictures, so that the length of the file is that of the track."""
    return sum(Disposition.attached_pic not in track.disposition for track in container.streams) == 1


def _flv_seconds(head: bytes) -> float | None:
    """By a script at the beginning, which live recordings do not fill in."""
    found = _FLV_DURATION.search(head)
    seconds = float(struct.unpack(">d", found[1])[0]) if found else 0.0
    return seconds if 0 < seconds < _LONGEST_SECONDS else None


def _first_bytes(stream: BinaryIO) -> bytes:
    at = stream.tell()
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    stream.seek(at)
    return head


# By FFmpeg's names.
_READERS: dict[str, Callable[[bytes], float | None]] = {
    "flv": _flv_seconds,
    "adx": adx.stated_seconds,
    "asf": asf.stated_seconds,
}
