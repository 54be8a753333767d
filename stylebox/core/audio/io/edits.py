"""Plays the edit list of an MP4 or QuickTime file to the sample, where FFmpeg plays whole packets, or the wrong ones.

Editors cut, repeat and move sound by such lists, without a change of the sound itself.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import av
import numpy as np
from av.container import InputContainer

from stylebox.core.audio.io.containers.boxes import Edit
from stylebox.core.audio.io.time_line import GAP_SECONDS, LONGEST_GAPS_SECONDS, Silence, TimeLine
from stylebox.core.audio.io.track import Block

_LEAD_SECONDS = 0.5  # that decoders need to be exact


def is_inexact_by_ffmpeg(edits: Sequence[Edit]) -> bool:
    """Whether FFmpeg plays a list inexactly: several stretches, one after a silence, or one to the end."""
    silence = sum(edit.seconds for edit in edits if edit.begin is None)
    is_plain = len(edits) == 1 and edits[0].seconds > 0
    return bool(edits) and not is_plain and silence <= LONGEST_GAPS_SECONDS


def stated_seconds(edits: Sequence[Edit]) -> float | None:
    """The length of a list; None if its last edit goes to the end."""
    return sum(edit.seconds for edit in edits) if all(edit.seconds for edit in edits) else None


def blocks(
    media: InputContainer,
    audio: av.AudioStream,
    edits: Sequence[Edit],
    as_blocks: Callable[[Iterator[av.AudioFrame | Silence]], Iterator[Block]],
) -> Iterator[Block]:
    """The blocks of a track in the order of its edits.

    What the track lacks before the last edit is silent. After an hour of such silence the sound ends.

    Args:
        media: Opened without its edit lists.
        audio: The track.
        edits: Its list.
        as_blocks: Converts frames.
    """
    rate, channels = audio.codec_context.sample_rate, audio.codec_context.channels
    end, given, most_silence = 0.0, 0, LONGEST_GAPS_SECONDS * rate
    for number, edit in enumerate(edits):
        end += edit.seconds or math.inf
        wanted = round(end * rate) - given if end < math.inf else math.inf
        for block in _stretch(media, audio, edit.begin, as_blocks) if edit.begin is not None else ():
            kept = block[: int(min(len(block), wanted))]
            yield rate, kept
            given, wanted = given + len(kept), wanted - len(kept)
            if wanted <= 0:
                break
        if end == math.inf:
            return
        while wanted > 0 and most_silence >= 1 and (edit.begin is None or number < len(edits) - 1):
            silence = np.zeros((int(min(wanted, rate, most_silence)), channels), np.float32)
            yield rate, silence
            given, wanted, most_silence = given + len(silence), wanted - len(silence), most_silence - len(silence)
        if most_silence < 1:
            return


def _stretch(
    media: InputContainer,
    audio: av.AudioStream,
    begin: float,
    as_blocks: Callable[[Iterator[av.AudioFrame | Silence]], Iterator[Block]],
) -> Iterator[np.ndarray]:
    """The samples of a track from a time on."""
    base, rate = float(audio.time_base or 1), audio.codec_context.sample_rate
    frames = _frames(media, audio, int(max(begin - _LEAD_SECONDS, 0) / base))
    first = next(frames, None)
    if first is None:
        return
    skipped = round(begin * rate) - round((first.pts or 0) * base * rate)
    line = TimeLine(GAP_SECONDS, LONGEST_GAPS_SECONDS)
    for _, block in as_blocks(line.in_time(itertools.chain([first], frames))):
        if skipped < len(block):
            yield block[max(skipped, 0) :]
        skipped -= min(len(block), max(skipped, 0))


def _frames(media: InputContainer, audio: av.AudioStream, time: int) -> Iterator[av.AudioFrame]:
    """The frames from one before a time on, up to the first damage of the container."""
    try:
        media.seek(time, stream=audio)
        for packet in media.demux(audio):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        return
