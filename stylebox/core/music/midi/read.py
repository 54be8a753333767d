"""From a MIDI file to notes, as a player plays it: clock, pedals, volume, bends. What is not played is reported."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from stylebox.core.errors import SourceError, cannot_read
from stylebox.core.music.midi.channel import SHORTEST_SECONDS
from stylebox.core.music.midi.clock import Clock
from stylebox.core.music.midi.events import DAMAGED_SYSEX, MAX_BYTES, Event, NotMidiError, read_events
from stylebox.core.music.midi.port import Port
from stylebox.core.music.notes import Note

_PATTERNS = 2  # type of a file whose tracks are independent patterns
_LOWEST_PITCH, _HIGHEST_PITCH = 0, 127


class Score(NamedTuple):
    """The notes of a MIDI file, in order of time.

    Attributes:
        notes: All but those of drums and sound effects.
        remarks: What was left out or assumed, a clause each.
    """

    notes: list[Note]
    remarks: list[str]


def read_midi(path: Path) -> Score:
    """Read a MIDI file of any type, division and tempo.

    A note lasts as long as its key, or the pedal, is down and its volume is not 0. Its pitch is the nearest to the key
    and the mean of tuning and pitch bend, and `Note.cents` the rest. Drums, on channel 10 and where the file says so,
    and the sound effects of General MIDI are left out. The patterns of a file of type 2 follow one another.

    Raises:
        SourceError: The file cannot be read, or is not MIDI.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(cannot_read(path, error)) from error
    if len(data) > MAX_BYTES:
        raise SourceError(f"{path}: is larger than {MAX_BYTES >> 20} MB, which no MIDI file of a piece of music is")
    try:
        file = read_events(data)
    except NotMidiError as error:
        raise SourceError(
            f"{path}: cannot be read as MIDI ({error}); export it again or choose another file"
        ) from error
    patterns = [[track] for track in file.tracks] if file.kind == _PATTERNS else [file.tracks]
    player = _Player(file.division, file.damaged)
    for tracks in patterns:
        player.play(tracks)
    remarks = [*file.remarks, *player.remarks()]
    if len(patterns) > 1:
        remarks.append(f"its {len(patterns)} patterns (type 2) are played one after another")
    return Score(sorted(player.notes), remarks)


class _Player:
    """Plays patterns one after another, each with its own clock and channels."""

    def __init__(self, division: int, damaged: Counter[str]) -> None:
        self.notes: list[Note] = []
        self._division, self._begin = division, 0.0
        self._drums, self._effects = Counter[int](), Counter[int]()
        self._unended = self._empty = self._doubled = self._outside = self._silent = 0
        self._damaged, self._other_tunings = damaged, 0

    def play(self, tracks: Sequence[Sequence[Event]]) -> None:
        """Tracks that run at the same time."""
        events = _in_order(tracks)
        tempos = [(event.tick, event.message.tempo) for event in events if event.message.type == "set_tempo"]
        clock = Clock(self._division, tempos)
        ports: dict[int, Port] = defaultdict(Port)
        for event in events:
            if not event.message.is_meta:
                ports[event.port].apply(event, self._begin + clock.seconds(event.tick))
        self._begin += clock.seconds(events[-1].tick) if events else 0.0
        for port in ports.values():
            self._drums += port.drums
            self._effects += port.effects
            self._damaged[DAMAGED_SYSEX] += port.damaged
            self._other_tunings += port.other_tunings
        for channel in (channel for port in ports.values() for channel in port.channels):
            for note in channel.notes(self._begin):
                if _LOWEST_PITCH <= note.pitch <= _HIGHEST_PITCH:
                    self.notes.append(note)
                else:
                    self._outside += 1
            self._unended += channel.unended
            self._empty += channel.empty
            self._doubled += channel.doubled
            self._silent += channel.silent

    def remarks(self) -> list[str]:
        """What was left out or assumed, a clause each."""
        counted = {
            f"left out: drums ({_channels(self._drums)})": self._drums.total(),
            f"left out: sound effects ({_channels(self._effects)})": self._effects.total(),
            "held to the next press of the key, or to the end: the note-off is missing": self._unended,
            f"of no length: given {SHORTEST_SECONDS:g} s": self._empty,
            "left out: the key is pressed twice at one time": self._doubled,
            "left out: bent beyond the range of MIDI": self._outside,
            "left out: the volume is 0": self._silent,
        }
        remarks = [f"{count} note{'s' * (count != 1)} {what}" for what, count in counted.items() if count]
        remarks += [
            f"{count} damaged {kind}{'s' * (count != 1)} left out" for kind, count in self._damaged.items() if count
        ]
        if self._other_tunings:
            remarks.append("its tuning of single keys is not obeyed; they are played in equal temperament")
        return remarks


def _channels(numbers: Iterable[int]) -> str:
    """`channels 10, 11` of 9 and 10."""
    named = [str(number + 1) for number in sorted(numbers)]
    return f"channel{'s' * (len(named) > 1)} {', '.join(named)}"


def _in_order(tracks: Sequence[Sequence[Event]]) -> list[Event]:
    """By time. Of one time, tracks that set up the synthesiser come first, as that holds for all of them."""
    events = [event for track in tracks for event in track]
    setting_up = {(event.tick, event.track) for event in events if event.message.type == "sysex"}
    return sorted(events, key=lambda event: (event.tick, (event.tick, event.track) not in setting_up))
