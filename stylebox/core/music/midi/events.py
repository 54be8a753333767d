"""From the bytes of a MIDI file to its events, at their ticks. Knows no seconds and no notes.

mido decodes the messages. The file around them is read here, because mido gives up the whole file at its first fault: a
wrong number of tracks, a key signature that does not exist, a track that ends early. Here each fault costs what it
damages, and is reported.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import mido

MAX_BYTES = 8 << 20  # larger files are no music
_META, _END_OF_TRACK, _PORT, _TEMPO = 0xFF, 0x2F, 0x21, 0x51
_SYSEX, _SYSEX_BEGINS, _SYSEX_END = (0xF0, 0xF7), 0xF0, b"\xf7"
_DAMAGED_TEMPO, _DAMAGED_PORT, DAMAGED_SYSEX = "tempo change", "port number", "SysEx message"
"""What damaged events, which are left out, are called in remarks."""
_TOO_LARGE = "value above 127"  # is played, and said
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # by the upper half of the status
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # other system messages have none
_GOES_ON, _SHORTER = "goes on after its end mark", "is shorter than it states"
_USED = {_GOES_ON: "what follows is used, too", _SHORTER: "events may be missing"}  # by the fault of a track
_LARGEST_VALUE = 127
_HEADER_BYTES = 8  # of a chunk
_MAX_LEAD = 4096  # bytes that may stand before the header, such as those of a copy from an old Macintosh


class Event(NamedTuple):
    """A message of a track.

    Attributes:
        tick: When, from the start of the track.
        track: Number of the track, from 0.
        port: Each port has 16 channels of its own.
        message: `set_tempo`, `end_of_track`, `sysex` or a message of a channel.
    """

    tick: int
    track: int
    port: int
    message: mido.Message | mido.MetaMessage


class MidiEvents(NamedTuple):
    """What a MIDI file holds.

    Attributes:
        kind: 0 one track, 1 tracks at the same time, 2 patterns that are independent.
        division: The header's unit of time: ticks per beat, or frames and ticks per frame if bit 15 is set.
        tracks: The events of each track, in order of time.
        remarks: What is damaged or missing, a clause each.
        damaged: How many events of a kind are left out because they are damaged.
    """

    kind: int
    division: int
    tracks: list[list[Event]]
    remarks: list[str]
    damaged: Counter[str]


_Message: TypeAlias = mido.Message | mido.MetaMessage | str  # the kind of a damaged one


class NotMidiError(ValueError):
    """The bytes are no MIDI file."""


class _DamagedError(ValueError):
    """A track cannot be read any further."""


def read_events(data: bytes) -> MidiEvents:
    """All events of a MIDI file, also of a damaged one.

    Raises:
        NotMidiError: There is no header, or no track.
    """
    data = _from_header(data)
    if data[:4] != b"MThd" or len(data) < _HEADER_BYTES + 6:
        raise NotMidiError("it does not begin like a MIDI file")
    size = int.from_bytes(data[4:8], "big")
    kind, count, division = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10, 12))
    if kind > 2:
        raise NotMidiError(f"MIDI files of type {kind} are unknown")
    if division & 0x7FFF == 0:
        raise NotMidiError("its header says how long a tick is, and says 0")
    tracks: list[list[Event]] = []
    remarks: list[str] = []
    damaged: Counter[str] = Counter()
    for chunk, wrong_size in _tracks(data, _HEADER_BYTES + max(size, 6)):
        track = _read_track(chunk, len(tracks))
        if fault := track.fault or wrong_size:
            remarks.append(f"track {len(tracks) + 1} {fault}; {_USED.get(fault, 'what it holds up to there is used')}")
        damaged.update(track.damaged)
        tracks.append(track.events)
    if not tracks:
        raise NotMidiError("it has no tracks")
    if number := damaged.pop(_TOO_LARGE, 0):
        have = "has a value" if number == 1 else "have values"
        remarks.append(
            f"{number} message{'s' * (number != 1)} {have} above {_LARGEST_VALUE}, taken as {_LARGEST_VALUE}"
        )
    if len(tracks) != count:
        remarks.append(f"its header names {count} tracks, and there are {len(tracks)}; all of these are used")
    return MidiEvents(kind, division, tracks, remarks, damaged)


def _from_header(data: bytes) -> bytes:
    """Without what stands before the MIDI file: the beginning of a RIFF file (`.rmi`), or of a copying program."""
    return data[max(0, data.find(b"MThd", 0, _MAX_LEAD)) :]


def _tracks(data: bytes, start: int) -> Iterator[tuple[bytes, str]]:
    """The content of each track chunk, and how its size is wrong; chunks of other kinds are passed over."""
    while start + _HEADER_BYTES <= len(data):
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "big")
        first = start + _HEADER_BYTES
        stop = first + size
        if name == b"MTrk":
            if stop != len(data) and data[stop : stop + 4] != b"MTrk":  # a wrong size, or another kind of chunk
                following = data.find(b"MTrk", first)
                another = size and stop < len(data) and following >= stop  # a size of 0 was never filled in
                stop = stop if another else following if following > 0 else len(data)
            is_shorter = stop < first + size  # another track begins inside it
            yield data[first:stop], "ends early" if first + size > len(data) else _SHORTER * is_shorter
        start = stop


class _Track(NamedTuple):
    """The events of a track up to its end or its first fault, what that fault is, and which events are damaged."""

    events: list[Event]
    fault: str
    damaged: list[str]


def _read_track(data: bytes, track: int) -> _Track:
    events: list[Event] = []
    damaged: list[tuple[int, str]] = []  # how many events precede it, and its kind
    try:
        for tick, port, message in _parse(data):
            if isinstance(message, str):
                damaged.append((len(events), message))
            elif message is not None:
                events.append(Event(tick, track, port, message))
    except IndexError:
        fault = "ends early"
    except _DamagedError as error:
        fault = str(error)
    else:
        fault = ""
    end = next((number for number, event in enumerate(events) if event.message.type == "end_of_track"), None)
    if end is not None:
        if all(event.message.type != "note_on" for event in events[end:]):
            events, fault = events[: end + 1], ""
        elif fault:
            events, fault = events[: end + 1], "is damaged after its end mark"
        else:
            fault = _GOES_ON
    return _Track(events, fault, [kind for place, kind in damaged if place < len(events) or end is None])


def _parse(data: bytes) -> Iterator[tuple[int, int, _Message | None]]:
    """Tick, port and message of each event, in turn; raises IndexError where the bytes end inside a message."""
    at, tick, running, port, system = 0, 0, 0, 0, _SystemMessages()
    while at < len(data):
        delta, at = _variable_length(data, at)
        tick += delta
        status = data[at] if data[at] & 0x80 else running
        at += data[at] >> 7
        if status == _META:
            kind, (size, at) = data[at], _variable_length(data, at + 1)
            content, at = _slice(data, at, size)
            port = content[0] if kind == _PORT and content else port
            if kind == _END_OF_TRACK:
                running = 0  # what is no track ends here
                yield from ((tick, port, message) for message in system.end())
            yield tick, port, _meta_message(kind, content)
        elif status in _SYSEX:
            size, at = _variable_length(data, at)
            content, at = _slice(data, at, size)
            yield from ((tick, port, message) for message in system.add(content, status == _SYSEX_BEGINS))
        elif status >= 0xF0:
            at += _SYSTEM_DATA_BYTES.get(status, 0)
        elif status == 0:
            raise _DamagedError(f"is damaged at byte {at}")
        else:
            content, at = _slice(data, at, _DATA_BYTES[status >> 4])
            running = status
            if max(content) > _LARGEST_VALUE:
                yield tick, port, _TOO_LARGE
            yield tick, port, mido.Message.from_bytes([status, *(min(byte, _LARGEST_VALUE) for byte in content)])
    yield from ((tick, port, message) for message in system.end())


def _meta_message(kind: int, content: bytes) -> _Message | None:
    """The two kinds that matter for notes; the kind of a damaged one."""
    if kind == _TEMPO:
        tempo = int.from_bytes(content[:3], "big")
        return mido.MetaMessage("set_tempo", tempo=tempo) if len(content) >= 3 and tempo else _DAMAGED_TEMPO
    if kind == _PORT and not content:
        return _DAMAGED_PORT
    return mido.MetaMessage("end_of_track") if kind == _END_OF_TRACK else None


class _SystemMessages:
    """Joins the packets of messages to a synthesiser; a message may also stand whole among bytes to be sent unread."""

    def __init__(self) -> None:
        self._packets = b""

    def add(self, content: bytes, begins: bool) -> Iterator[_Message]:
        """A packet, which begins a message or goes on; gives the message if it is whole."""
        if begins:
            yield from self.end()
            self._packets = content
        elif self._packets:
            self._packets += content
        elif content[:1] == bytes([_SYSEX_BEGINS]):
            self._packets = content[1:]
        if self._packets.endswith(_SYSEX_END):
            message, self._packets = self._packets[:-1], b""
            yield DAMAGED_SYSEX if max(message, default=0) & 0x80 else mido.Message("sysex", data=message)

    def end(self) -> Iterator[_Message]:
        """No packet follows; gives that a message is damaged if it has no end."""
        if self._packets:
            yield DAMAGED_SYSEX
        self._packets = b""


def _slice(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """`size` bytes from `at` on, and where they end."""
    if at + size > len(data):
        raise IndexError
    return data[at : at + size], at + size


def _variable_length(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes with seven bits each, and where it ends."""
    value = 0
    for position in range(at, at + 4):
        value = value << 7 | data[position] & 0x7F
        if data[position] < 0x80:
            return value, position + 1
    raise _DamagedError(f"is damaged at byte {at}")
