"""Messages to a whole synthesiser (SysEx): which channels are drums, how high and whether everything sounds.

Knows the bytes of each message, and no state.

Reference:
    MIDI Association: universal real-time messages 04 01 (master volume), 04 03 and 04 04 (master tuning, CA-025), the
    MIDI Tuning Standard (08), General MIDI on (09). Roland GS and Yamaha XG: their system and part parameters.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

DRUM_CHANNEL = 9  # channel 10, counted from 0
_CENTRE, _FINE_STEPS = 64, 8192  # of a value of 7 bits; of 14 bits, from the middle to 100 cents
_FINE, _COARSE = "fine", "coarse"
_NIBBLES_CENTRE = 0x400  # of four nibbles that count tenths of a cent


class Reset(NamedTuple):
    """Everything begins again."""

    is_xg: bool


class Drums(NamedTuple):
    """A channel, from 0, is for drums from now on, or no longer."""

    channel: int
    are_drums: bool


class MasterTuning(NamedTuple):
    """All notes but drums sound so many semitones higher; the parts of different names add up."""

    part: str
    semitones: float


class MasterVolume(NamedTuple):
    """How loud everything is; at 0, nothing sounds."""

    value: int


class PartVolume(NamedTuple):
    """How loud a channel, from 0, is, as controller 7 says it."""

    channel: int
    value: int


class OtherTuning(NamedTuple):
    """Keys are tuned one by one."""


Setting = Reset | Drums | MasterTuning | MasterVolume | PartVolume | OtherTuning


class DamagedSettingError(ValueError):
    """A message is shorter than its kind."""


def read_setting(data: bytes) -> Setting | None:
    """What a message asks for; None if that changes no note.

    Args:
        data: Of the message, without its first and its last byte.

    Raises:
        DamagedSettingError: It is too short.
    """
    for pattern, size, read in _KINDS:
        if found := pattern.match(data):
            content = data[found.end() :]
            if len(content) < size:
                raise DamagedSettingError
            return read(found, content)
    return None


_Reader = Callable[[re.Match[bytes], bytes], Setting | None]


def _gs_channel(part: int) -> int:
    number = part & 0xF  # 0 is channel 10, those up to it are one lower
    return DRUM_CHANNEL if number == 0 else number - (number <= DRUM_CHANNEL)


def _gs_drums(found: re.Match[bytes], content: bytes) -> Drums:
    return Drums(_gs_channel(found[1][0]), content[0] != 0)


def _nibbles(found: re.Match[bytes], content: bytes) -> MasterTuning:
    tenths = 0
    for nibble in content[:4]:
        tenths = tenths << 4 | nibble & 0xF
    return MasterTuning(_FINE, (tenths - _NIBBLES_CENTRE) / 1000)


def _fine(found: re.Match[bytes], content: bytes) -> MasterTuning:
    return MasterTuning(_FINE, (content[1] << 7 | content[0]) / _FINE_STEPS - 1)


def _semitones(found: re.Match[bytes], content: bytes) -> MasterTuning:
    return MasterTuning(_COARSE, content[-1] - _CENTRE)


def _octave(step_bytes: int) -> _Reader:
    """The twelve keys of the octave are tuned, by so many bytes each; those in the middle are not moved."""
    equal = bytes([_CENTRE, 0][:step_bytes]) * 12
    return lambda found, content: None if content[: len(equal)] == equal else OtherTuning()


def _kind(pattern: bytes, size: int, read: _Reader) -> tuple[re.Pattern[bytes], int, _Reader]:
    return re.compile(pattern, re.DOTALL), size, read


_GS, _XG = rb"\x41.\x42\x12", rb"\x43[\x10-\x1f]\x4c"
_KINDS = (  # how a message begins, how many bytes follow at least, and what they say
    _kind(rb"\x7e.\x09[\x01\x03]", 0, lambda found, content: Reset(False)),
    _kind(_GS + rb"[\x00\x40]\x00\x7f[\x00\x01]", 0, lambda found, content: Reset(False)),
    _kind(_XG + rb"\x00\x00[\x7e\x7f]\x00", 0, lambda found, content: Reset(True)),
    _kind(_GS + rb"\x40([\x10-\x1f])\x15", 1, _gs_drums),
    _kind(_XG + rb"\x08([\x00-\x0f])\x07", 1, lambda found, content: Drums(found[1][0], content[0] != 0)),
    _kind(rb"\x7f.\x04\x01", 2, lambda found, content: MasterVolume(content[1] << 7 | content[0])),
    _kind(_GS + rb"\x40\x00\x04", 1, lambda found, content: MasterVolume(content[0])),
    _kind(_XG + rb"\x00\x00\x04", 1, lambda found, content: MasterVolume(content[0])),
    _kind(_GS + rb"\x40([\x10-\x1f])\x19", 1, lambda found, content: PartVolume(_gs_channel(found[1][0]), content[0])),
    _kind(_XG + rb"\x08([\x00-\x0f])\x0b", 1, lambda found, content: PartVolume(found[1][0], content[0])),
    _kind(rb"\x7f.\x04\x03", 2, _fine),
    _kind(_GS + rb"\x40\x00\x00", 4, _nibbles),
    _kind(_XG + rb"\x00\x00\x00", 4, _nibbles),
    _kind(rb"\x7f.\x04\x04", 2, _semitones),
    _kind(_GS + rb"\x40\x00\x05", 1, lambda found, content: _semitones(found, content[:1])),
    _kind(_XG + rb"\x00\x00\x06", 1, lambda found, content: _semitones(found, content[:1])),
    _kind(rb"[\x7e\x7f].\x08\x08...", 12, _octave(1)),
    _kind(rb"[\x7e\x7f].\x08\x09...", 24, _octave(2)),
    _kind(_GS + rb"\x40[\x10-\x1f]\x40", 12, _octave(1)),
    _kind(
        _XG + rb"\x08[\x00-\x0f][\x41-\x4c]", 1, lambda found, content: OtherTuning() if content[0] != _CENTRE else None
    ),
    _kind(rb"[\x7e\x7f].\x08[\x01\x02\x04-\x07]", 0, lambda found, content: OtherTuning()),
)
