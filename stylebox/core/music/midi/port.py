"""The 16 channels of a MIDI port: drums and sound effects are left out, MPE zones follow their managers.

Reference:
    General MIDI 2, 2.2 and 3.3.1: drums are on channel 10, and on others in bank 120. Roland GS: "use for rhythm part".
    Yamaha XG: drums are in banks 126 and 127, or where the part mode is not 0.
    MIDI Polyphonic Expression 1.1: a zone is announced by registered parameter 6 of channel 1 or 16; its members bend
    by 48 semitones, until they are set to others all together; what the manager does holds for all of them.
"""

from collections import Counter
from collections.abc import Iterator

from stylebox.core.music.midi.channel import FIRST_RANGE, SHARED_CONTROLS, VOLUME, Channel
from stylebox.core.music.midi.events import Event
from stylebox.core.music.midi.system import (
    DRUM_CHANNEL,
    DamagedSettingError,
    Drums,
    MasterTuning,
    MasterVolume,
    OtherTuning,
    PartVolume,
    Reset,
    Setting,
    read_setting,
)

_BANK, _DRUM_BANK, _MELODY_BANK, _XG_DRUM_BANKS = 0, 120, 121, (126, 127)  # a controller, and values of it
_EFFECTS = range(120, 128)  # programs of General MIDI that have no pitch, from fret noise to gunshot
_NUM_CHANNELS = 16
_LOWER, _UPPER = 0, 15  # managers: their members are the channels next to them, upwards and downwards
_MEMBER_RANGE = 48.0  # semitones, as a zone begins


class Port:
    """Gives each message to its channel, and to those that follow it.

    Attributes:
        channels: All 16.
        drums: How many notes of drums were left out, by their channel.
        effects: How many notes of sound effects were left out, by their channel.
        damaged: How many messages to the synthesiser were too short.
        other_tunings: How many messages tune keys one by one, which is not done.
    """

    def __init__(self) -> None:
        self.drums, self.effects = Counter[int](), Counter[int]()
        self.damaged = self.other_tunings = 0
        self._drum_channels, self._banks, self._is_xg = {DRUM_CHANNEL}, dict[int, int](), False
        self._effect_channels = set[int]()
        self.channels = [Channel() for _ in range(_NUM_CHANNELS)]
        self._members: dict[int, set[int]] = {_LOWER: set(), _UPPER: set()}
        self._tuning: dict[str, float] = {}  # of all channels, in semitones

    def apply(self, event: Event, seconds: float) -> None:
        """Play a message of a channel or to the synthesiser.

        Args:
            event: The message.
            seconds: When.
        """
        message = event.message
        if message.type == "sysex":
            try:
                self._set_up(seconds, read_setting(bytes(message.data)))
            except DamagedSettingError:
                self.damaged += 1
            return
        number = message.channel
        if message.type == "control_change" and message.control == _BANK:
            self._banks[number] = message.value
        elif message.type == "program_change":
            self._choose_bank(number)
            is_effect = message.program in _EFFECTS and self._banks.get(number, 0) in (0, _MELODY_BANK)
            (self._effect_channels.add if is_effect else self._effect_channels.discard)(number)
        channel, is_press = self.channels[number], message.type == "note_on" and message.velocity > 0
        if message.type in ("note_on", "note_off"):
            left_out = self.drums if number in self._drum_channels else self.effects
            if number in self._drum_channels | self._effect_channels and not self._zone_of(number):
                left_out[number] += is_press
            elif is_press:
                channel.press(seconds, event.track, message.note, message.velocity)
            else:
                channel.release(seconds, event.track, message.note)
        elif message.type == "control_change":
            self._control(seconds, number, message.control, message.value)
        elif message.type == "pitchwheel":
            channel.bend(seconds, message.pitch)
            self._bend_members(seconds, number)

    def _set_up(self, seconds: float, setting: Setting | None) -> None:
        """Obey a message to the synthesiser."""
        match setting:
            case Reset(is_xg):
                self._drum_channels, self._banks, self._is_xg = {DRUM_CHANNEL}, {}, is_xg
                self._effect_channels.clear()
                self._members = {_LOWER: set(), _UPPER: set()}
                for channel in self.channels:
                    channel.reset(seconds)
                self._set_up(seconds, MasterVolume(1))
                self._tune(seconds, {})
            case Drums(number, are_drums):
                self._set_drums(number, are_drums)
            case MasterVolume(value):
                for channel in self.channels:
                    channel.set_master_volume(seconds, value)
            case PartVolume(number, value):
                self._control(seconds, number, VOLUME, value)
            case MasterTuning(part, semitones):
                self._tune(seconds, self._tuning | {part: semitones})
            case OtherTuning():
                self.other_tunings += 1

    def _tune(self, seconds: float, tuning: dict[str, float]) -> None:
        self._tuning = tuning
        for channel in self.channels:
            channel.master_bend = sum(tuning.values())
            channel.update_bend(seconds)

    def _choose_bank(self, number: int) -> None:
        """The bank that was named holds from the next program on."""
        bank = self._banks.get(number)
        if bank == _DRUM_BANK or (self._is_xg and bank in _XG_DRUM_BANKS):
            self._set_drums(number, True)
        elif bank == _MELODY_BANK or (self._is_xg and bank is not None and number != DRUM_CHANNEL):
            self._set_drums(number, False)

    def _set_drums(self, number: int, are_drums: bool) -> None:
        (self._drum_channels.add if are_drums else self._drum_channels.discard)(number)

    def _control(self, seconds: float, number: int, control: int, value: int) -> None:
        """A controller of a channel changes, and what follows from it in its zone."""
        channel = self.channels[number]
        range_before = channel.bend_range
        size = channel.control(seconds, control, value)
        if size is not None and number in self._members:
            self._set_zone(seconds, number, size)
        if control in SHARED_CONTROLS:
            for member in self._followers(number):
                member.control(seconds, control, value)
        if channel.bend_range != range_before:
            for other in self._zone_of(number):
                self._set_range(seconds, other, channel.bend_range)
        self._bend_members(seconds, number)

    def _set_zone(self, seconds: float, manager: int, size: int) -> None:
        """A zone begins, or ends if its size is 0; it takes channels away from the other one."""
        size = min(size, 15)
        members = set(range(1, size + 1)) if manager == _LOWER else set(range(15 - size, 15))
        other = _UPPER if manager == _LOWER else _LOWER
        self._members = {manager: members, other: self._members[other] - members - {manager}}
        if other in members:
            self._members[other] = set()
        if size:
            self._set_range(seconds, manager, FIRST_RANGE)
            for member in members:
                self._set_range(seconds, member, _MEMBER_RANGE)

    def _set_range(self, seconds: float, number: int, semitones: float) -> None:
        self.channels[number].bend_range = semitones
        self.channels[number].update_bend(seconds)

    def _bend_members(self, seconds: float, manager: int) -> None:
        """The wheel of a manager bends the notes of all its members, too."""
        bend = self.channels[manager].wheel_bend
        for member in self._followers(manager):
            if member.zone_bend != bend:
                member.zone_bend = bend
                member.update_bend(seconds)

    def _followers(self, manager: int) -> Iterator[Channel]:
        return (self.channels[member] for member in sorted(self._members.get(manager, ())))

    def _zone_of(self, number: int) -> set[int]:
        """All members of the zone that a channel is a member of; none outside of zones."""
        return next((members for members in self._members.values() if number in members), set())
