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
from typing import BinaryIO

import numpy as np

from stylebox.core.audio.io import libsndfile
from stylebox.core.audio.io.containers import behind, flac
from stylebox.core.audio.io.containers.bitstreams import check_samples
from stylebox.core.audio.io.containers.part import Part, spliced, stretch
from stylebox.core.audio.io.containers.parts import parts
from stylebox.core.audio.io.track import Block, Track, examined
from stylebox.core.errors import AudioError

_CD_BITS = 16  # of samples in whose place another codec may be
_MOST_REMARKS = 10  # on later parts
_FOLLOWING = "a file that follows its end"
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_BITS |= {f"ALAC_{bits}": bits for bits in (16, 20, 24, 32)}


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
    found = parts(stream)
    with ExitStack() as opening:
        failures: list[AudioError] = []
        for part in found:
            try:
                track = opening.enter_context(_open_part(part, name))
                break
            except AudioError as error:  # a link may hold a header and no sound
                failures.append(error)
        else:
            raise failures[0]
        if len(found) > 1:
            track.known_samples = None
            later = _blocks_of_later(found, len(failures) + 1, name, track.remarks)
            track.blocks = itertools.chain(track.blocks, later)
        yield track


def _blocks_of_later(found: list[Part], start: int, name: str, remarks: list[str]) -> Iterator[Block]:
    """The blocks of the parts after the first that can be read; the remarks on them go to those on that one.

    Args:
        found: All parts.
        start: Where the later ones begin; all before the one before it cannot be read.
        name: Of the file, for error messages.
        remarks: On the first part.
    """
    unread, own = list(range(1, start)), list[str]()  # numbers of parts, from 1; remarks on the later ones
    for number, part in enumerate(found[start:], start + 1):
        which = f"number {number} of the {len(found)} sounds in it"
        try:
            with _open_part(part, name) as following:
                yield from following.blocks
                own += _with_name(which, following.remarks)
        except AudioError:
            unread.append(number)
    remarks += own[:_MOST_REMARKS]
    if len(own) > _MOST_REMARKS:
        remarks.append(f"{len(own) - _MOST_REMARKS} more of the {len(found)} sounds in it are damaged or cut short")
    if unread:
        more = f" and {len(unread) - _MOST_REMARKS} more" if len(unread) > _MOST_REMARKS else ""
        numbers = ", ".join(str(number) for number in unread[:_MOST_REMARKS]) + more
        plural, they_are = ("s", "they are") if len(unread) > 1 else ("", "it is")
        remarks.append(f"number{plural} {numbers} of the {len(found)} sounds in it cannot be read; {they_are} left out")


def _with_name(which: str, remarks: list[str]) -> list[str]:
    """Remarks on one of several files, beginning with its name; those on what follows it say so already."""
    return [remark if remark.startswith(_FOLLOWING) else f"{which}: {remark}" for remark in remarks]


@contextmanager
def _open_part(part: Part, name: str) -> Iterator[Track]:
    """The track of one part, with remarks on it: libsndfile's if that is its decoder, otherwise FFmpeg's."""
    with libsndfile.opened(part.stream, part.is_whole) as file:
        first = libsndfile.first_block(file) if file is not None else None
        if file is not None and first is not None:
            if file.subtype in ("PCM_16", "ALAC_16"):
                check_samples([first], name)
            track = _libsndfile_track(file, first, part.stream, name)
            yield examined(track, part)
            return
    from stylebox.core.audio.io.ffmpeg import open_ffmpeg  # loads all of FFmpeg

    with open_ffmpeg(part.stream, name, part.after_gaps) as track:
        if track.bits == _CD_BITS:
            beginning = list(_first_blocks(track.blocks))
            check_samples([block for _, block in beginning], name)
            track.blocks = itertools.chain(beginning, track.blocks)
        if part.samples is not None:
            track.blocks = _up_to(part.samples, _after(part.skipped, track.blocks), part.block_samples)
        track = examined(track, part)
        rest = _blocks_behind(part.stream, track.following, name, track.remarks)
        track.blocks = itertools.chain(track.blocks, rest)
        yield track


def _first_blocks(blocks: Iterator[Block]) -> Iterator[Block]:
    """As many blocks as show whether they hold samples, or another codec."""
    values = 0
    for rate, block in blocks:
        yield rate, block
        values += block.size
        if values >= libsndfile.BLOCK_VALUES:
            return


def _after(samples: int, blocks: Iterator[Block]) -> Iterator[Block]:
    """A sound without its first samples."""
    for rate, block in blocks:
        if samples < len(block):
            yield rate, block[samples:]
        samples = max(samples - len(block), 0)


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


def _libsndfile_track(file: libsndfile.ForwardOnly, first: np.ndarray, stream: BinaryIO, name: str) -> Track:
    """The track of a file whose first samples were read."""
    is_flac = file.format == "FLAC"
    is_counted = file.subtype in _BITS and not file.subtype.startswith("ALAC")  # its header states the samples
    blocks = itertools.chain([(file.samplerate, first)], libsndfile.blocks(file))
    remarks: list[str] = []
    return Track(
        file.samplerate,
        file.channels,
        codec="flac" if is_flac else file.subtype.lower().replace("mpeg_layer_iii", "mp3"),
        bits=_BITS.get(file.subtype, 0),
        blocks=_flac_blocks(file, blocks, stream, name, remarks) if is_flac else blocks,
        # libsndfile compares the header of uncompressed formats with the size of the file
        known_samples=file.frames if is_counted and not is_flac else None,
        stated_seconds=file.stated / file.samplerate if file.stated else None,
        is_exact=is_counted,
        remarks=remarks,
    )


def _flac_blocks(
    file: libsndfile.ForwardOnly, blocks: Iterator[Block], stream: BinaryIO, name: str, remarks: list[str]
) -> Iterator[Block]:
    """All blocks of a FLAC file: those of libsndfile up to the first damage, then FFmpeg's, then of what follows."""
    given = 0
    for rate, block in blocks:
        given += len(block)
        yield rate, block
    if file.end is not None:
        end = file.end
        yield from _blocks_behind(stream, lambda: flac.following(stream, end), name, remarks)
        remarks += [behind.remark(size)] if (size := flac.unread_bytes(stream, end)) >= behind.LEAST_BYTES else []
    elif file.is_damaged:
        from stylebox.core.audio.io.ffmpeg import open_ffmpeg  # loads all of FFmpeg

        with open_ffmpeg(stream, name) as track:
            for rate, block in track.blocks:
                if given < len(block):
                    yield rate, block[given:]
                given = max(given - len(block), 0)
            remarks += track.remarks
        yield from _blocks_behind(stream, track.following, name, remarks)


def _blocks_behind(
    stream: BinaryIO, following: Callable[[], int | None], name: str, remarks: list[str]
) -> Iterator[Block]:
    """The blocks of what follows a file.

    Args:
        stream: Of the file.
        following: Gives the place where it begins, or None if nothing follows, after the last block of the file.
        name: Of the file, for error messages.
        remarks: On the file, to which those on what follows are added.
    """
    place = following()
    if place is not None:
        rest = spliced(stream, [stretch(place, stream.seek(0, io.SEEK_END))])
        try:
            with open_track(rest, name) as track:
                yield from track.blocks
                remarks += _with_name(_FOLLOWING, track.remarks)
        except (AudioError, RecursionError):  # the latter after some fifty files of several kinds
            remarks.append(f"{_FOLLOWING} cannot be read; it is left out")
