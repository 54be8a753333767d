"""From the bytes of a MIDI file to its events, at their ticks. Knows no seconds and no notes.

mido decodes the messages. The file around them is read here, because mido gives up the whole file at its first fault: a
wrong number of tracks, a key signature that does not exist, a track that ends early. Here each fault costs what it
damages, and is reported.
"""

from collections.abc import Iterator
from typing import NamedTuple

import mido

MAX_BYTES = 8 << 20  # larger files are no music
_META, _END_OF_TRACK, _PORT, _TEMPO = 0xFF, 0x2F, 0x21, 0x51
_SYSEX, _WHOLE_SYSEX = (0xF0, 0xF7), 0xF0
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # by the upper half of the status
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # other system messages have none
_GOES_ON = "goes on after its end mark"
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
    """

    kind: int
    division: int
    tracks: list[list[Event]]
    remarks: list[str]


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
    for chunk, complete in _tracks(data, _HEADER_BYTES + max(size, 6)):
        events, fault = _read_track(chunk, len(tracks))
        if fault or not complete:
            used = "what follows is used, too" if fault == _GOES_ON else "what it holds up to there is used"
            remarks.append(f"track {len(tracks) + 1} {fault or 'ends early'}; {used}")
        tracks.append(events)
    if not tracks:
        raise NotMidiError("it has no tracks")
    if len(tracks) != count:
        remarks.append(f"its header names {count} tracks, and there are {len(tracks)}; all of these are used")
    return MidiEvents(kind, division, tracks, remarks)


def _from_header(data: bytes) -> bytes:
    """Without what stands before the MIDI file: the beginning of a RIFF file (`.rmi`), or of a copying program."""
    return data[max(0, data.find(b"MThd", 0, _MAX_LEAD)) :]


def _tracks(data: bytes, start: int) -> Iterator[tuple[bytes, bool]]:
    """The content of each track chunk, and whether the file holds all of it; chunks of other kinds are passed over."""
    while start + _HEADER_BYTES <= len(data):
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "big")
        first = start + _HEADER_BYTES
        stop = first + size
        if name == b"MTrk":
            if stop != len(data) and data[stop : stop + 4] != b"MTrk":  # a wrong size, or another kind of chunk
                following = data.find(b"MTrk", first)
                another = size and stop < len(data) and following >= stop  # a size of 0 was never filled in
                stop = stop if another else following if following > 0 else len(data)
            yield data[first:stop], first + size <= len(data)
        start = stop


def _read_track(data: bytes, track: int) -> tuple[list[Event], str]:
    """The events of a track up to its end or its first fault, and what that fault is."""
    events: list[Event] = []
    try:
        for event in _parse(data, track):
            events.append(event)
    except IndexError:
        fault = "ends early"
    except _DamagedError as error:
        fault = str(error)
    else:
        fault = ""
    end = next((number for number, event in enumerate(events) if event.message.type == "end_of_track"), None)
    if end is None:
        return events, fault
    if all(event.message.type != "note_on" for event in events[end:]):
        return events[: end + 1], ""
    return (events[: end + 1], "is damaged after its end mark") if fault else (events, _GOES_ON)


def _parse(data: bytes, track: int) -> Iterator[Event]:
    """Events one after another; raises IndexError where the bytes end inside a message."""
    at, tick, running, port = 0, 0, 0, 0
    while at < len(data):
        delta, at = _variable_length(data, at)
        tick += delta
        status = data[at] if data[at] & 0x80 else running
        at += data[at] >> 7
        if status == _META:
            kind, (size, at) = data[at], _variable_length(data, at + 1)
            content, at = _slice(data, at, size)
            if kind == _PORT and content:
                port = content[0]
            message = _meta_message(kind, content)
            if message is not None:
                yield Event(tick, track, port, message)
            if kind == _END_OF_TRACK:
                running = 0  # what is no track ends here
        elif status in _SYSEX:
            size, at = _variable_length(data, at)
            content, at = data[at : at + size], at + size
            if status == _WHOLE_SYSEX and content.endswith(b"\xf7") and not any(byte & 0x80 for byte in content[:-1]):
                yield Event(tick, track, port, mido.Message("sysex", data=content[:-1]))
        elif status >= 0xF0:
            at += _SYSTEM_DATA_BYTES.get(status, 0)
        elif status == 0:
            raise _DamagedError(f"is damaged at byte {at}")
        else:
            content, at = _slice(data, at, _DATA_BYTES[status >> 4])
            running = status
            yield Event(tick, track, port, mido.Message.from_bytes([status, *(min(byte, 127) for byte in content)]))


def _meta_message(kind: int, content: bytes) -> mido.MetaMessage | None:
    """The two kinds that matter for notes."""
    if kind == _TEMPO and len(content) >= 3 and any(content[:3]):
        return mido.MetaMessage("set_tempo", tempo=int.from_bytes(content[:3], "big"))
    return mido.MetaMessage("end_of_track") if kind == _END_OF_TRACK else None


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
