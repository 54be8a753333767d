"""FFmpeg as a decoder, through PyAV, whose wheels contain it: frames, the time line of containers, tracks.

The only module that decodes with PyAV. It begins where the sound begins, as FFmpeg's own programs do: the samples that
AAC, Opus and MP3 encoders put in front are not given.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition

from stylebox.core.audio.io.decode import Block, Track
from stylebox.core.errors import AudioError

# Containers that store the time of each packet; others count packets, and FFmpeg's count can be wrong.
_TIMED = {"matroska", "mov", "mpegts", "flv", "asf", "ogg", "mpeg", "nut", "mxf", "rm"}
_GAP_SECONDS = 0.01  # between two frames; what containers round is far below, a lost packet is above
_MAX_GAPS_SECONDS = 3600.0  # in all; longer ones are jumps of the clock, not silence
_LOSSLESS = {"flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd", "shorten", "wmalossless", "s302m"}


@contextmanager
def open_ffmpeg(stream: BinaryIO, name: str) -> Iterator[Track]:
    """Open the first sound track of a file with FFmpeg.

    Args:
        stream: Seekable.
        name: Of the file, for error messages.

    Raises:
        AudioError: this is not a sound file, or it has no sound track.
    """
    with open_container(stream, name) as container:
        if not container.streams.audio:
            raise AudioError(f"{name}: has no sound track; choose a file with sound")
        audio = container.streams.audio[0]
        context = audio.codec_context
        if context is None or context.codec is None or not context.sample_rate or context.format is None:
            raise AudioError(f"{name}: its sound is of an unknown kind, or damaged; export it again as WAV or FLAC")
        remarks: list[str] = []
        if (tracks := len(container.streams.audio)) > 1:
            remarks.append(f"it has {tracks} sound tracks; the first is used")
        codec = context.name.removesuffix("float")
        yield Track(
            context.sample_rate,
            context.channels,
            codec,
            _bits(audio, codec),
            _trimmed(container, audio, remarks),
            remarks=remarks,
        )


@contextmanager
def open_container(stream: BinaryIO, name: str) -> Iterator[InputContainer]:
    """Open a file of any container format. It can't make FFmpeg open other files or addresses.

    Args:
        stream: Seekable.
        name: Of the file, for error messages.

    Raises:
        AudioError: the format is unknown, or the file is damaged.
    """
    stream.seek(0)
    try:
        # A playlist could name other files or addresses: no protocol is allowed.
        container = av.open(stream, "r", metadata_errors="ignore", options={"protocol_whitelist": "none"})
    except (av.FFmpegError, ValueError, OSError) as error:
        _raise_if_unread(error)
        fix = "choose a sound file, or export it again as WAV or FLAC"
        raise AudioError(f"{name}: is not a sound file, or is damaged; {fix}") from error
    with container:
        yield container


def _bits(audio: av.AudioStream, codec: str) -> int:
    """Bits per sample of a lossless codec, 0 for others."""
    digits = re.match(r"pcm_[suf](\d+)", audio.codec_context.codec.name)
    if digits:
        return int(digits[1])
    if codec not in _LOSSLESS:
        return 0
    kind = audio.codec_context.format
    return 24 if kind.name.startswith("s32") else 8 * kind.bytes  # 24 bits are decoded to the upper ones of 32


def _trimmed(container: InputContainer, audio: av.AudioStream, remarks: list[str]) -> Iterator[Block]:
    """Blocks without what AAC adds to its last frame; only the duration in the MP4 header shows by how much."""
    declared = float(audio.duration * audio.time_base) if audio.duration and audio.time_base else 0.0
    pending: np.ndarray | None = None
    rate, total = 0, 0
    for rate, block in _float_blocks(_in_time(container, audio, remarks)):
        if pending is not None:
            yield rate, pending
        pending, total = block, total + len(block)
    if pending is None:
        return
    excess = total - round(declared * rate) if "mp4" in container.format.name and declared else 0
    yield rate, pending[: len(pending) - excess] if 0 < excess < len(pending) else pending


def _in_time(
    container: InputContainer, audio: av.AudioStream, remarks: list[str]
) -> Iterator[av.AudioFrame | tuple[int, int]]:
    """Frames, and between them silence where the container has none, as (samples, rate)."""
    is_timed = bool(_TIMED & set(container.format.name.split(",")))
    left = _MAX_GAPS_SECONDS
    filled = _late_seconds(container, audio) if is_timed else 0.0
    if filled:
        yield round(filled * audio.codec_context.sample_rate), audio.codec_context.sample_rate
    begin, given, last_end = None, 0, None
    for frame in _frames(container, audio):
        now = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else None
        if is_timed and now is not None:
            jump = 0.0 if last_end is None else now - last_end
            if begin is None or jump < -_GAP_SECONDS or jump > left:
                begin = now - given / frame.sample_rate  # the clock begins again
            elif jump > _GAP_SECONDS:
                missing = _whole_frames(round((now - begin) * frame.sample_rate) - given, frame)
                if missing > 0:
                    yield missing, frame.sample_rate
                    given += missing
                    filled, left = filled + missing / frame.sample_rate, left - missing / frame.sample_rate
            last_end = now + frame.samples / frame.sample_rate
        given += frame.samples
        yield frame
    if filled:
        remarks.append(f"{filled:.2f} s of its time hold no sound; they are silent")


def _whole_frames(missing: int, frame: av.AudioFrame) -> int:
    """The number of missing samples, corrected for the rounding of time stamps: packets are lost whole."""
    lost = round(missing / frame.samples) * frame.samples
    rounding = float(frame.time_base or 0) * frame.sample_rate
    return lost if abs(lost - missing) <= rounding else missing


def _late_seconds(container: InputContainer, audio: av.AudioStream) -> float:
    """How much later than a film its sound begins."""
    starts = [
        float(other.start_time * other.time_base)
        for other in (*container.streams.video, *container.streams.audio)
        if other.start_time is not None and other.time_base and Disposition.attached_pic not in other.disposition
    ]
    if audio.start_time is None or audio.time_base is None or not starts:
        return 0.0
    late = float(audio.start_time * audio.time_base) - min(starts)
    return late if _GAP_SECONDS < late <= _MAX_GAPS_SECONDS else 0.0


def _float_blocks(frames: Iterator[av.AudioFrame | tuple[int, int]]) -> Iterator[Block]:
    """FFmpeg's frames as arrays, at the rate and with the channels that each has."""
    kind, channels = None, 1
    converter: av.AudioResampler | None = None
    for frame in frames:
        if isinstance(frame, tuple):
            yield from _silence(*frame, channels)
            continue
        channels = frame.layout.nb_channels
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            converter = None if kind[0] == "fltp" else av.AudioResampler(format="fltp")
        for converted in converter.resample(frame) if converter else [frame]:
            yield frame.sample_rate, converted.to_ndarray().T


def _silence(samples: int, rate: int, channels: int) -> Iterator[Block]:
    while samples > 0:
        yield rate, np.zeros((min(samples, rate), channels), np.float32)
        samples -= rate


def _frames(container: InputContainer, audio: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Decoded frames without the damaged ones."""
    try:
        for packet in container.demux(audio):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue
    except (av.FFmpegError, OSError) as error:  # the file is truncated, or points beyond its ends
        _raise_if_unread(error)


def _raise_if_unread(error: Exception) -> None:
    """Raise an error of the disk again; a damaged file that points before its beginning gives EINVAL."""
    if isinstance(error, OSError) and not isinstance(error, av.FFmpegError) and error.errno != errno.EINVAL:
        raise error
