"""From the bytes of a file to blocks of samples at its own rate. Knows nothing of mixing or resampling.

The first bytes decide on the decoder, not the suffix. libsndfile decodes Vorbis and lossless formats, FFmpeg everything
else (`ffmpeg.py`). Neither can replace the other: read in blocks, libsndfile begins Opus late and restarts MP3 at every
block, and its MP3 decoder writes to standard error; FFmpeg loses the end of short Vorbis files. Where Vorbis or FLAC is
damaged FFmpeg takes over: libsndfile ends there, or moves what follows.
"""

import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import soundfile

from stylebox.core.audio.io import boxes, flac, ogg, riff
from stylebox.core.audio.io.formats import VORBIS_PLACES
from stylebox.core.audio.io.part import Part, spliced, stretch
from stylebox.core.audio.io.tags import after_id3
from stylebox.core.audio.io.unfinished import libsndfile_loses_place, share_there, with_sizes
from stylebox.core.errors import AudioError

LIBSNDFILE_MARKS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"FORM", b".snd", b"caff")
FLAC_MARK = b"fLaC"
OGG_MARK, OGG_CODEC_OFFSET, OGG_VORBIS_MARK = b"OggS", 28, b"\x01vorbis"
BLOCK_VALUES = 1 << 16  # decoded at once: the most that a damaged place can cost
_MISSING_SECONDS = 0.1  # headers are rounded, and count what encoders add
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_BITS |= {f"ALAC_{bits}": bits for bits in (16, 20, 24, 32)}
_FOR_FFMPEG = {"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "IMA_ADPCM", "MS_ADPCM", "GSM610"}

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
    remarks: list[str] = field(default_factory=list)  # what was left out or filled, complete after the last block
    lacks_end: Callable[[], bool] = lambda: False  # whether its last packet is partial; known after the last block


@contextmanager
def open_track(stream: BinaryIO, name: str) -> Iterator[Track]:
    """Open the first sound track of a file.

    Damaged parts are left out, and a truncated file ends early. Where several files were joined, as in chained Ogg, all
    are decoded.

    Args:
        stream: Seekable.
        name: Of the file, for error messages.

    Raises:
        AudioError: this is not a sound file.
    """
    first, *others = _parts(stream)
    with ExitStack() as opening:
        failures: list[AudioError] = []
        for part in (first, *others):
            try:
                track = opening.enter_context(_open_part(part, name))
                break
            except AudioError as error:  # a link may hold a header and no sound
                failures.append(error)
        else:
            raise failures[0]
        others = others[len(failures) :]
        if others:
            track.known_samples = None
            track.blocks = itertools.chain(track.blocks, *(_blocks_of(part, name, track.remarks) for part in others))
        yield track


def _parts(stream: BinaryIO) -> list[Part]:
    """The sounds of a file that follow one another, without a tag in front; most files have one."""
    start = after_id3(stream)
    if start:
        stream = spliced(stream, [stretch(start, stream.seek(0, io.SEEK_END))])
    share, stream = share_there(stream), with_sizes(stream)
    if share < 1:
        return [Part(stream, share=share)]
    head = _head(stream)
    if head[boxes.MARK_AT] == boxes.MARK:
        return boxes.sounds(stream)
    if not head.startswith(OGG_MARK):
        return riff.sounds(stream)
    links = ogg.links(stream)
    if not links:
        return [Part(stream)]
    return [
        Part(
            spliced(stream, [stretch(link.start, link.end)]),
            link.is_whole,
            link.has_end,
            after_gaps=link.after_gaps,
        )
        for link in links
    ]


def _blocks_of(part: Part, name: str, remarks: list[str]) -> Iterator[Block]:
    """The blocks of a later part; its remarks go to those of the first one."""
    try:
        with _open_part(part, name) as following:
            yield from following.blocks
            remarks += following.remarks
    except AudioError:
        return


@contextmanager
def _open_part(part: Part, name: str) -> Iterator[Track]:
    with _libsndfile(part.stream, part.is_whole) as file:
        first = _first_block(file) if file is not None else None
        if file is not None and first is not None:
            track = _libsndfile_track(file, first, part.stream, name)
            yield _examined(track, part)
            return
    from stylebox.core.audio.io.ffmpeg import open_ffmpeg  # loads all of FFmpeg

    with open_ffmpeg(part.stream, name, part.after_gaps) as track:
        if part.samples is not None:
            track.blocks = _up_to(part.samples, track.blocks, part.block_samples)
        yield _examined(track, part)


def _examined(track: Track, part: Part) -> Track:
    """The track of a part, with remarks on what was put right and on what is missing."""
    track.remarks += part.remarks
    if part.share < 1:
        track.known_samples = None
    if track.known_samples is None:
        track.blocks = _watched(track.blocks, track, part)
    return track


def _watched(blocks: Iterator[Block], track: Track, part: Part) -> Iterator[Block]:
    """The same blocks; after the last one, a remark if some are missing."""
    seconds = 0.0
    for rate, block in blocks:
        seconds += len(block) / rate
        yield rate, block
    stated = track.stated_seconds or seconds / (part.share or 1)
    if stated - seconds > _MISSING_SECONDS:
        track.remarks.append(f"it is damaged or cut short: {seconds:.2f} of {stated:.2f} s are there")
    elif not part.has_end or track.lacks_end():
        track.remarks.append(f"it is cut short: {seconds:.2f} s are there")


def _up_to(samples: int, blocks: Iterator[Block], tolerance: int) -> Iterator[Block]:
    """The first samples of a sound; all if it has more by a whole `tolerance`, as the length is wrong then."""
    given, rest = 0, list[Block]()
    for rate, block in blocks:
        kept = block[: max(samples - given, 0)]
        given += len(block)
        if len(kept):
            yield rate, kept
        if len(kept) < len(block):
            rest.append((rate, block[len(kept) :]))
        if given - samples >= tolerance:
            yield from rest
            rest = []


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    head = stream.read(OGG_CODEC_OFFSET + len(OGG_VORBIS_MARK))
    stream.seek(0)
    return head


class _Unfailing:
    """A stream for libsndfile, whose callbacks must not raise: a damaged header may seek to any position."""

    def __init__(self, stream: BinaryIO) -> None:
        self.tell, self._stream = stream.tell, stream
        self.error: OSError | None = None

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError):
            return self._stream.tell()


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file without seeking: soundfile would seek after each read, which breaks some codecs."""

    def __init__(self, stream: BinaryIO) -> None:
        self._source, self.is_damaged = _Unfailing(stream), False
        super().__init__(self._source)
        places = VORBIS_PLACES.get(self.channels) if self.subtype == "VORBIS" else None
        self._order = None if places is None else np.argsort(places)

    def seekable(self) -> bool:
        return False

    def next_block(self, samples: int) -> np.ndarray:
        """The next samples, ``(S, channels)``; none at the end or at damage. A disk's error is raised."""
        try:
            block: np.ndarray = self.read(samples, "float32", always_2d=True)
        except soundfile.LibsndfileError:
            self.is_damaged, block = True, np.zeros((0, self.channels), np.float32)
        if self._source.error is not None:
            raise self._source.error
        return block if self._order is None else block[:, self._order]


@contextmanager
def _libsndfile(stream: BinaryIO, is_whole: bool) -> Iterator[_ForwardOnly | None]:
    """`stream` opened by libsndfile; None if libsndfile is not its decoder."""
    head = _head(stream)
    is_vorbis = is_whole and head[OGG_CODEC_OFFSET:] == OGG_VORBIS_MARK
    known = is_vorbis or (head[:4] in LIBSNDFILE_MARKS and not libsndfile_loses_place(stream))
    try:
        file = _ForwardOnly(flac.of_unknown_length(stream) if head.startswith(FLAC_MARK) else stream) if known else None
    except soundfile.LibsndfileError:
        file = None
    if file is not None and file.subtype in _FOR_FFMPEG:
        file.close()
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def _first_block(file: _ForwardOnly) -> np.ndarray | None:
    """None if libsndfile finds no samples, whatever the header promises."""
    return next(_libsndfile_blocks(file), (0, None))[1]


def _libsndfile_blocks(file: _ForwardOnly) -> Iterator[Block]:
    """All blocks up to the end or the first damage."""
    block_samples = max(1, BLOCK_VALUES // file.channels)
    while len(block := file.next_block(block_samples)):
        yield file.samplerate, block


def _libsndfile_track(file: _ForwardOnly, first: np.ndarray, stream: BinaryIO, name: str) -> Track:
    is_flac = file.format == "FLAC"
    stated = flac.stated_samples(stream) if is_flac else None
    blocks = itertools.chain([(file.samplerate, first)], _libsndfile_blocks(file))
    remarks: list[str] = []
    return Track(
        file.samplerate,
        file.channels,
        "flac" if is_flac else file.subtype.lower(),
        _BITS.get(file.subtype, 0),
        _repaired(file, blocks, stream, name, remarks) if is_flac else blocks,
        # libsndfile compares the header of uncompressed formats with the size of the file
        file.frames if file.subtype in _BITS and not is_flac and not file.subtype.startswith("ALAC") else None,
        stated / file.samplerate if stated else None,
        remarks,
    )


def _repaired(
    file: _ForwardOnly, blocks: Iterator[Block], stream: BinaryIO, name: str, remarks: list[str]
) -> Iterator[Block]:
    """All blocks: up to the first damage those of libsndfile, then FFmpeg's."""
    given = 0
    for rate, block in blocks:
        given += len(block)
        yield rate, block
    if file.is_damaged:
        from stylebox.core.audio.io.ffmpeg import open_ffmpeg  # loads all of FFmpeg

        following = flac.next_beginning(stream)
        own = spliced(stream, [stretch(0, following)]) if following else stream
        with open_ffmpeg(own, name) as track:
            for rate, block in track.blocks:
                if given < len(block):
                    yield rate, block[given:]
                given = max(given - len(block), 0)
            remarks += track.remarks
        if following:
            rest = spliced(stream, [stretch(following, stream.seek(0, io.SEEK_END))])
            yield from _blocks_of(Part(rest), name, remarks)
