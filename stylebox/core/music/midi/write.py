"""From notes to a MIDI file. Notes with pitch bends that sound together are on channels of their own, as in MPE."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

from stylebox.core.files import atomic_path
from stylebox.core.music.midi.channel import FIRST_RANGE, WHEEL_STEPS
from stylebox.core.music.midi.clock import DEFAULT_TEMPO
from stylebox.core.music.notes import Note

TICKS_PER_BEAT = 960
_CHANNELS = (*range(9), *range(10, 16))  # all but channel 10, which is for drums
_RANGE_CENTS = 100 * FIRST_RANGE  # of the pitch wheel, to each side
_BEND_STEP_CENTS = 1.0  # smaller changes of a bend are not written


class Bend(NamedTuple):
    """The pitch of a note over time.

    Attributes:
        seconds: Times, ascending, the first one at or before the note's start.
        cents: Distance from the note's key at each time; it holds until the next.

    Shape:
        Both are ``(P,)``.
    """

    seconds: np.ndarray
    cents: np.ndarray


def write_midi(
    path: Path,
    notes: Iterable[Note],
    program: int = 0,
    name: str = "",
    bends: Sequence[Bend] | None = None,
    *,
    follow_link: bool = True,
) -> None:
    """Write notes as a MIDI file with one track.

    Notes without bends are on channel 1. A note with a bend sounds alone on its channel. Where more than 15 such notes
    sound together, the others are written without their bends.

    Args:
        path: The file; it appears whole or not at all.
        notes: In any order.
        program: General MIDI, 0-127.
        name: Of the track.
        bends: The bend of each note; unless given, each note keeps its `cents` from start to end.
        follow_link: Where `path` is a link, write the file where it leads; otherwise the link is replaced.
    """
    ordered = list(notes)
    track = _Track()
    channels = [_Channel(number) for number in _CHANNELS]
    for at in sorted(range(len(ordered)), key=lambda i: ordered[i]):
        note = ordered[at]
        bend = bends[at] if bends is not None else Bend(np.zeros(1), np.array([note.cents]))
        start, end = (_ticks(seconds) for seconds in (note.start_seconds, note.end_seconds))
        stroke = _Stroke(start, max(end, start + 1), note.pitch, bool(np.abs(bend.cents).max() >= _BEND_STEP_CENTS / 2))
        channel = next((c for c in channels if c.takes(stroke)), None)
        if channel is not None:
            track.bend(bend, stroke, channel)
        else:
            channel, stroke = min(channels, key=_Channel.last_end), stroke._replace(bent=False)
        track.play(stroke, midi_velocity(note), channel)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=DEFAULT_TEMPO)]))
    file.tracks.append(track.finished(name, program, [channel for channel in channels if channel.used]))
    with atomic_path(path, follow_link) as partial:
        file.save(partial)


def midi_velocity(note: Note) -> int:
    """The velocity of a note as it is written, 1 to 127."""
    return int(np.clip(round(note.velocity * 127), 1, 127))


def _ticks(seconds: float) -> int:
    """The tick nearest to a time."""
    return round(seconds * TICKS_PER_BEAT * 1e6 / DEFAULT_TEMPO)


class _Stroke(NamedTuple):
    """A note in ticks, and whether it has a bend."""

    start: int
    end: int
    pitch: int
    bent: bool


class _Channel:
    """What sounds on a channel, and where its pitch wheel is."""

    def __init__(self, number: int) -> None:
        self.number, self.wheel = number, 0
        self.used = self.bent = False
        self._sounding: list[_Stroke] = []

    def last_end(self) -> int:
        """When the last of its notes ends."""
        return max((stroke.end for stroke in self._sounding), default=0)

    def takes(self, stroke: _Stroke) -> bool:
        """Whether a note can begin here: no note sounds that has its pitch, and none if it or that one is bent."""
        self._sounding = [other for other in self._sounding if other.end > stroke.start]
        return not any(stroke.bent or other.bent or other.pitch == stroke.pitch for other in self._sounding)

    def add(self, stroke: _Stroke) -> None:
        """A note begins."""
        self._sounding.append(stroke)
        self.used, self.bent = True, self.bent or stroke.bent


class _Track:
    """Messages at their ticks."""

    def __init__(self) -> None:
        self._messages: list[tuple[int, int, mido.Message]] = []  # tick, order within a tick, message

    def play(self, stroke: _Stroke, velocity: int, channel: _Channel) -> None:
        """Add a note."""
        channel.add(stroke)
        key = {"channel": channel.number, "note": stroke.pitch}
        self._messages.append((stroke.start, 2, mido.Message("note_on", velocity=velocity, **key)))
        self._messages.append((stroke.end, 0, mido.Message("note_off", **key)))

    def bend(self, bend: Bend, stroke: _Stroke, channel: _Channel) -> None:
        """Add the places of the wheel while a note sounds, the first one before the note."""
        ticks = [_ticks(seconds) for seconds in bend.seconds]
        first = max(0, bisect_right(ticks, stroke.start) - 1)
        step = _BEND_STEP_CENTS / _RANGE_CENTS * WHEEL_STEPS
        for at in range(first, max(first + 1, bisect_left(ticks, stroke.end))):
            wheel = int(np.clip(round(bend.cents[at] / _RANGE_CENTS * WHEEL_STEPS), -WHEEL_STEPS, WHEEL_STEPS - 1))
            if wheel != channel.wheel and (at == first or abs(wheel - channel.wheel) >= step):
                channel.wheel = wheel
                message = mido.Message("pitchwheel", channel=channel.number, pitch=wheel)
                self._messages.append((max(stroke.start, ticks[at]), 1, message))

    def finished(self, name: str, program: int, channels: Sequence[_Channel]) -> mido.MidiTrack:
        """The whole track: name, programs, ranges of the wheel, then all messages in order of time."""
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)] if name else [])
        for channel in channels or [_Channel(_CHANNELS[0])]:
            track.append(mido.Message("program_change", channel=channel.number, program=program))
            wheel_range = ((101, 0), (100, 0), (6, int(_RANGE_CENTS / 100)), (38, 0)) if channel.bent else ()
            for control, value in wheel_range:
                track.append(mido.Message("control_change", channel=channel.number, control=control, value=value))
        tick = 0
        for at, _, message in sorted(self._messages, key=lambda timed: timed[:2]):
            track.append(message.copy(time=at - tick))
            tick = at
        return track
