"""libsndfile as a decoder of Vorbis, of MP3 in free format and of lossless formats, without seeking.

libsndfile reads blocks up to the end or the first damage. Of FLAC it passes over what follows the last frame; the place
of the end that the header states is kept, so that it can be looked at.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from stylebox.core.audio.io.containers import flac
from stylebox.core.audio.io.containers.bitstreams import is_bitstream
from stylebox.core.audio.io.containers.free_format import is_free_format
from stylebox.core.audio.io.containers.unfinished import libsndfile_loses_place
from stylebox.core.audio.io.formats import VORBIS_PLACES
from stylebox.core.audio.io.track import Block

_MARKS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"FORM", b".snd", b"caff")
_FLAC_MARK = b"fLaC"
_OGG_CODEC_OFFSET, _OGG_VORBIS_MARK = 28, b"\x01vorbis"
BLOCK_VALUES = 1 << 16  # decoded at once: the most that a damaged place can cost
_FOR_FFMPEG = {"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "IMA_ADPCM", "MS_ADPCM", "GSM610"}


class _Unfailing:
    """A stream for libsndfile, whose callbacks must not raise: a damaged header may seek to any position."""

    def __init__(self, stream: BinaryIO) -> None:
        self.tell, self._stream = stream.tell, stream
        self.error: OSError | None = None
        self.most_bytes = -1  # that are given at once; all that are asked for if negative

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read(size if self.most_bytes < 0 else min(size, self.most_bytes))
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError):
            return self._stream.tell()


class ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file without seeking: soundfile would seek after each read, which breaks some codecs."""

    def __init__(self, stream: BinaryIO, stated: int | None = None) -> None:
        """Open a file.

        Args:
            stream: Seekable.
            stated: The length that the header of a FLAC file states.
        """
        self._source, self.is_damaged = _Unfailing(stream), False
        self.stated, self.given = stated, 0  # samples
        self.end: int | None = None  # at most `flac.READ_BYTES` behind the last frame, if that ends where it is stated
        super().__init__(self._source)
        places = VORBIS_PLACES.get(self.channels) if self.subtype == "VORBIS" else None
        self._order = None if places is None else np.argsort(places)

    def approach_end(self, is_near: bool, is_here: bool) -> None:
        """Read few bytes at once where the end of the sound is near, and keep its place where it is reached.

        Args:
            is_near: Whether the next samples are among the last that the header states, or it is reached.
            is_here: Whether all of them were given.
        """
        self._source.most_bytes = flac.READ_BYTES if is_near and not is_here else -1
        self.end = self._source.tell() if is_here else None

    def seekable(self) -> bool:
        """It is not, as far as soundfile knows."""
        return False

    def next_block(self, samples: int) -> np.ndarray:
        """The next samples; none at the end or at damage. A disk's error is raised.

        Shape:
            ``(S, channels)``.
        """
        try:
            block: np.ndarray = self.read(samples, "float32", always_2d=True)
        except soundfile.LibsndfileError:
            self.is_damaged, block = True, np.zeros((0, self.channels), np.float32)
        if self._source.error is not None:
            raise self._source.error
        self.given += len(block)
        return block if self._order is None else block[:, self._order]


@contextmanager
def opened(stream: BinaryIO, is_whole: bool) -> Iterator[ForwardOnly | None]:
    """A file opened by libsndfile; None if libsndfile is not its decoder.

    Args:
        stream: Seekable.
        is_whole: Whether nothing of it is missing; otherwise Vorbis is left to FFmpeg.
    """
    head = _head(stream)
    is_vorbis = is_whole and head[_OGG_CODEC_OFFSET:] == _OGG_VORBIS_MARK
    is_free = is_free_format(stream)
    known = is_vorbis or is_free or (head[:4] in _MARKS and not libsndfile_loses_place(stream))
    is_flac = head.startswith(_FLAC_MARK)
    stated = flac.stated_samples(stream) if is_flac else None
    try:
        file = ForwardOnly(flac.of_unknown_length(stream) if is_flac else stream, stated) if known else None
    except soundfile.LibsndfileError:
        file = None
    if file is not None and (
        (file.subtype in _FOR_FFMPEG and not is_free)
        or file.format == "SVX"  # two channels follow one another there, which libsndfile mixes up
        or (file.subtype == "PCM_16" and is_bitstream(stream))
    ):
        file.close()
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def _head(stream: BinaryIO) -> bytes:
    """The first bytes, which show the format and the codec of Ogg; the stream is at its beginning afterwards."""
    stream.seek(0)
    head = stream.read(_OGG_CODEC_OFFSET + len(_OGG_VORBIS_MARK))
    stream.seek(0)
    return head


def first_block(file: ForwardOnly) -> np.ndarray | None:
    """The first samples; None if libsndfile finds none, whatever the header promises.

    Shape:
        ``(S, channels)``.
    """
    return next(blocks(file), (0, None))[1]


def blocks(file: ForwardOnly) -> Iterator[Block]:
    """All blocks up to the end or the first damage."""
    most = max(1, BLOCK_VALUES // file.channels)
    while True:
        left = math.inf if file.stated is None else file.stated - file.given
        file.approach_end(0 <= left <= 2 * most, left == 0)
        block = file.next_block(most if left <= 0 else int(min(most, left)))
        if not len(block):
            return
        yield file.samplerate, block
