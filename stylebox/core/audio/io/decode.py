"""From the bytes of a file to blocks of samples. Knows nothing of mixing or resampling.

The first bytes decide on the decoder, not the suffix. libsndfile decodes Vorbis and lossless formats, FFmpeg (through
PyAV, whose wheels contain it) everything else. Neither can replace the other: read in blocks, libsndfile begins Opus
late and restarts MP3 at every block, and its MP3 decoder writes to standard error; FFmpeg loses the end of short Vorbis
files.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile

from stylebox.core.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler, AudioStream
    from av.container import InputContainer

LIBSNDFILE_MARKS = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"FORM", b".snd", b"caff")
OGG_CODEC_OFFSET, OGG_VORBIS_MARK = 28, b"\x01vorbis"
BLOCK_SAMPLES = 1 << 16  # decoded at once: the most that a damaged place can cost
UNKNOWN_LENGTH = 1 << 62  # samples; libsndfile reports more for a FLAC file whose writer was killed

Block = tuple[int, np.ndarray]  # rate in Hz; float32 samples (S, channels)


@dataclass(frozen=True)
class AudioInfo:
    """Properties of a sound file, from its header."""

    seconds: float  # an estimate for bare MP3 and AAC streams, which have no header
    sample_rate: int  # Hz
    channels: int
    codec: str  # flac, mp3, vorbis, opus, aac, pcm_16, float, ...


def decode(stream: BinaryIO, name: str) -> Iterator[Block]:
    """Decode block by block. Damaged parts are left out, and a truncated file ends early.

    Args:
        stream: Seekable, at its start.
        name: Of the file, for error messages.

    Raises:
        AudioError: this is not a sound file.
    """
    decoded = False
    for block in _decode_libsndfile(stream):
        decoded = True
        yield block
    if not decoded:
        yield from _decode_ffmpeg(stream, name)


def read_info(stream: BinaryIO, name: str) -> AudioInfo:
    """Duration, rate, channels and codec, from the header if possible.

    Raises:
        AudioError: this is not a sound file.
    """
    with _libsndfile(stream) as file:
        if file is not None:
            codec = {"FLAC": "flac"}.get(file.format, file.subtype.lower())
            samples = file.frames
            if samples >= UNKNOWN_LENGTH:
                samples = sum(len(block) for _, block in _decode_libsndfile(stream))
            return AudioInfo(samples / file.samplerate, file.samplerate, file.channels, codec)
    with _ffmpeg(stream, name) as container:
        track = container.streams.audio[0]
        context = track.codec_context
        if declared := _declared_seconds(track):
            seconds = declared
        elif container.duration and not container.streams.video:
            seconds = container.duration / 1e6
        else:
            seconds = sum(frame.samples / frame.sample_rate for frame in _frames(container, track))
        return AudioInfo(seconds, context.sample_rate, context.channels, context.name.removesuffix("float"))


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file without seeking: soundfile would seek after each read, which breaks some codecs."""

    def seekable(self) -> bool:
        return False


class _Unfailing:
    """A stream for libsndfile, whose callbacks must not raise: a damaged header may seek to any position."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.tell, self._stream = stream.read, stream.tell, stream

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError):
            return self._stream.tell()


@contextmanager
def _libsndfile(stream: BinaryIO) -> Iterator[soundfile.SoundFile | None]:
    """`stream` opened by libsndfile; None if libsndfile is not its decoder."""
    stream.seek(0)
    head = stream.read(len(OGG_VORBIS_MARK) + OGG_CODEC_OFFSET)
    known = head[:4] in LIBSNDFILE_MARKS or head[OGG_CODEC_OFFSET:] == OGG_VORBIS_MARK
    stream.seek(0)
    try:
        file = _ForwardOnly(_Unfailing(stream)) if known else None
    except soundfile.LibsndfileError:
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def _decode_libsndfile(stream: BinaryIO) -> Iterator[Block]:
    """All blocks up to the end or the first damage; none if libsndfile is not the decoder."""
    with _libsndfile(stream) as file:
        try:
            while file is not None and len(block := file.read(BLOCK_SAMPLES, "float32", always_2d=True)):
                yield file.samplerate, block
        except soundfile.LibsndfileError:
            return


def _decode_ffmpeg(stream: BinaryIO, name: str) -> Iterator[Block]:
    """All blocks that can be decoded."""
    with _ffmpeg(stream, name) as container:
        track = container.streams.audio[0]
        declared = _declared_seconds(track)
        pending, rate, total = None, 0, 0
        for rate, block in _float_blocks(_frames(container, track)):
            if pending is not None:
                yield rate, pending
            pending, total = block, total + len(block)
        if pending is None:
            return
        # AAC pads its last frame; only the duration in the MP4 header, often in ms, shows by how much.
        excess = total - round(declared * rate) if "mp4" in container.format.name and declared else 0
        yield rate, pending[: len(pending) - excess] if 0 < excess < len(pending) else pending


def _declared_seconds(track: "AudioStream") -> float:
    """Duration in the header; 0 if it has none."""
    return float(track.duration * track.time_base) if track.duration and track.time_base else 0.0


def _float_blocks(frames: Iterator["AudioFrame"]) -> Iterator[Block]:
    """FFmpeg's frames as arrays, all at the rate of the first."""
    import av

    rate, kind = 0, None
    converter: AudioResampler | None = None
    for frame in frames:
        rate = rate or frame.sample_rate
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            # The format of a broadcast may change; a converter accepts only one.
            for rest in converter.resample(None) if converter else ():
                yield rate, rest.to_ndarray().T
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            converter = None if kind[::2] == ("fltp", rate) else av.AudioResampler(format="fltp", rate=rate)
        for converted in converter.resample(frame) if converter else [frame]:
            yield rate, converted.to_ndarray().T
    for rest in converter.resample(None) if converter else ():
        yield rate, rest.to_ndarray().T


def _frames(container: "InputContainer", track: "AudioStream") -> Iterator["AudioFrame"]:
    """Decoded frames without the damaged ones."""
    import av

    try:
        for packet in container.demux(track):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue
    except av.FFmpegError:  # the file is truncated
        return


@contextmanager
def _ffmpeg(stream: BinaryIO, name: str) -> Iterator["InputContainer"]:
    """`stream` opened by FFmpeg, with at least one audio track."""
    import av  # loads all of FFmpeg

    stream.seek(0)
    try:
        # A playlist could name other files or addresses: no protocol is allowed.
        container = av.open(stream, "r", metadata_errors="ignore", options={"protocol_whitelist": "none"})
    except (av.FFmpegError, ValueError) as error:
        fix = "choose a sound file, or export it again as WAV or FLAC"
        raise AudioError(f"{name}: is not a sound file, or is damaged; {fix}") from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name}: has no sound track; choose a file with sound")
        yield container
