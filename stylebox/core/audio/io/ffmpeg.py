"""Opening a file with FFmpeg, through PyAV, whose wheels contain it: which of its tracks is played, and what it is."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

import av
from av.stream import Disposition

from stylebox.core.audio.io import edits as edit_lists
from stylebox.core.audio.io.containers import units
from stylebox.core.audio.io.containers.boxes import edit_list
from stylebox.core.audio.io.containers.frame_sizes import is_adts
from stylebox.core.audio.io.containers.stated import stated_seconds
from stylebox.core.audio.io.ffmpeg_container import open_container
from stylebox.core.audio.io.ffmpeg_decoder import Decoder
from stylebox.core.audio.io.frames import bits_per_sample, float_blocks
from stylebox.core.audio.io.track import Track
from stylebox.core.errors import AudioError

_MOST_CHANNELS = 64  # that FFmpeg converts
_WITH_CHECKSUMS = {"flac", "wavpack", "tta", "ac3", "eac3"}  # codecs whose damaged frames would otherwise be played
_EXACT = {"flac", "tta", "wv", "ape", "sox", "nistsphere", "au"}  # containers that state the length in samples


@contextmanager
def open_ffmpeg(stream: BinaryIO, name: str, after_gaps: Collection[int] = ()) -> Iterator[Track]:
    """Open the sound track of a file that players choose with FFmpeg: its default one, or the first.

    Args:
        stream: Seekable.
        name: Of the file, for error messages.
        after_gaps: Where pages of Ogg begin that follow missing ones.

    Raises:
        AudioError: this is not a sound file, it has no sound track, or more channels than can be read.
    """
    # A packet of AAC knows its place in the file only if FFmpeg does not search it for frames.
    with ExitStack() as opening:
        options = {"fflags": "noparse"} if is_adts(units.head(stream, 0)) else {}
        container = opening.enter_context(open_container(stream, name, **options))
        if not container.streams.audio:
            raise AudioError(f"{name}: has no sound track; choose a file with sound")
        tracks = container.streams.audio
        audio = next((track for track in tracks if Disposition.default in track.disposition), tracks[0])
        context = audio.codec_context
        if context is None or not (context.codec and context.sample_rate and context.channels and context.format):
            raise AudioError(f"{name}: its sound is of an unknown kind, or damaged; export it again as WAV or FLAC")
        if context.channels > _MOST_CHANNELS:
            raise AudioError(f"{name}: has {context.channels} channels, and {_MOST_CHANNELS} can be read; export fewer")
        if context.name in _WITH_CHECKSUMS:
            context.options = {"err_detect": "crccheck+explode"}
        stated, edits = stated_seconds(container, audio, stream), edit_list(stream, audio.id)
        decoder = Decoder(container, audio, stream, after_gaps, stated is not None)
        blocks = decoder.blocks()
        if edit_lists.is_inexact_by_ffmpeg(edits):
            media = opening.enter_context(open_container(stream, name, ignore_editlist="1"))
            track = cast("av.AudioStream", media.streams[audio.index])
            stated, blocks = edit_lists.stated_seconds(edits), edit_lists.blocks(media, track, edits, float_blocks)
        if len(tracks) > 1:
            chosen = "first" if audio is tracks[0] else f"default one, number {tracks.index(audio) + 1},"
            decoder.remarks.append(f"it has {len(tracks)} sound tracks; the {chosen} is used")
        codec = context.name.removesuffix("float")
        yield Track(
            context.sample_rate,
            context.channels,
            codec,
            bits_per_sample(audio, codec),
            blocks,
            stated_seconds=stated,
            is_exact=bool(_EXACT & set(container.format.name.split(","))) and bits_per_sample(audio, codec) > 0,
            remarks=decoder.remarks,
            lacks_end=decoder.lacks_end,
            unread_bytes=decoder.unread_bytes,
            following=decoder.following,
        )
