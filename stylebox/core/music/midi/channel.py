"""One channel of a MIDI file: from its messages to notes, with pedals, volume and bends. Knows no bytes, no ticks."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from stylebox.core.music.midi.states import (
    audible_span,
    caught_until,
    change,
    mean_bend,
    next_after,
    pedal_up,
    state_at,
)
from stylebox.core.music.notes import Note

SHORTEST_SECONDS = 0.05  # given to notes that end as they begin
_SUSTAIN, _SOSTENUTO, _ALL_SOUND_OFF, _RESET, _ALL_NOTES_OFF = 64, 66, 120, 121, 123  # those above 123 end notes too
_MONO, _POLY = 126, 127
VOLUME, _EXPRESSION = 7, 11  # controllers
_FIRST_VOLUME, _FULL_EXPRESSION = 100, 127  # until the file says otherwise
_DATA, _DATA_FINE, _MORE, _LESS, _NRPN_FINE, _NRPN, _RPN_FINE, _RPN = 6, 38, 96, 97, 98, 99, 100, 101
SHARED_CONTROLS = {VOLUME, _EXPRESSION, _SUSTAIN, _SOSTENUTO, _ALL_SOUND_OFF, _RESET, *range(_ALL_NOTES_OFF, 128)}
"""Of the manager of an MPE zone, which hold for its members."""
_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING = (0, 0), (0, 1), (0, 2)  # registered parameters, the latter two of pitch
FIRST_RANGE = 2.0  # semitones, of the pitch wheel, until the file says otherwise
_MPE_MEMBERS = (0, 6)  # registered parameter of a manager: the number of channels in its zone
_NO_PARAMETER = (127, 127)
_TUNING_STEPS = 8192  # of fine tuning to a semitone
_LARGEST_RANGE = 127.0  # semitones
_PEDAL_DOWN = 64  # least value of a pressed pedal
WHEEL_STEPS = 8192  # from the middle of the pitch wheel to its end


class _Key(NamedTuple):
    """A key is pressed (velocity above 0) or released, in a track."""

    seconds: float
    velocity: int


@dataclass
class Channel:
    """Collects the messages of a channel in order of time; `notes` then gives its notes, once.

    What is counted is complete after `notes`.

    Attributes:
        unended: How many notes no message ends.
        empty: How many notes end as they begin.
        doubled: How many keys are pressed twice at one time.
        silent: How many notes have a volume of 0 for all their length; they are left out.
        bend_range: How far the pitch wheel reaches, in semitones.
        zone_bend: By how many semitones the manager of an MPE zone bends this channel, too.
        master_bend: By how many semitones all channels are tuned.
    """

    unended: int = 0
    empty: int = 0
    doubled: int = 0
    silent: int = 0
    bend_range: float = FIRST_RANGE
    zone_bend: float = 0.0
    master_bend: float = 0.0
    _keys: dict[tuple[int, int], list[_Key]] = field(default_factory=lambda: defaultdict(list))  # by pitch and track
    _down: Counter[tuple[int, int]] = field(default_factory=Counter)  # presses that no release follows yet
    _pedal: list[tuple[float, bool]] = field(default_factory=lambda: [(-np.inf, False)])
    _sostenuto: list[tuple[float, bool]] = field(default_factory=lambda: [(-np.inf, False)])
    _single: list[tuple[float, bool]] = field(default_factory=lambda: [(-np.inf, False)])  # one note at a time
    _audible: list[tuple[float, bool]] = field(default_factory=lambda: [(-np.inf, True)])  # whether any volume is 0
    _volume: int = _FIRST_VOLUME
    _expression: int = _FULL_EXPRESSION
    _master_volume: int = 1  # only 0 matters
    _bends: list[tuple[float, float]] = field(default_factory=lambda: [(-np.inf, 0.0)])  # in semitones
    _wheel: float = 0.0  # in [-1, 1]
    _tuning: dict[tuple[int, int], float] = field(default_factory=dict)  # semitones, by registered parameter
    _parameter: tuple[int, int] = _NO_PARAMETER  # registered parameter that is being set

    def press(self, seconds: float, track: int, pitch: int, velocity: int) -> None:
        """A key goes down.

        Args:
            seconds: When.
            track: The track that says so; its release is in the same track, if that has any.
            pitch: Number of the key.
            velocity: 1 to 127.
        """
        strokes = self._keys[pitch, track]
        if strokes and strokes[-1].velocity and strokes[-1].seconds == seconds:
            self.doubled += 1
            velocity = max(velocity, strokes.pop().velocity)
        else:
            self._down[pitch, track] += 1
        strokes.append(_Key(seconds, velocity))

    def release(self, seconds: float, track: int, pitch: int) -> None:
        """A key goes up.

        Args:
            seconds: When.
            track: The track that says so.
            pitch: Number of the key.
        """
        self._keys[pitch, track].append(_Key(seconds, 0))
        self._down[pitch, track] -= 1

    def bend(self, seconds: float, wheel: int) -> None:
        """The pitch wheel moves to a place from -8192 to 8191."""
        self._wheel = wheel / WHEEL_STEPS
        self.update_bend(seconds)

    @property
    def wheel_bend(self) -> float:
        """What the pitch wheel adds to each note, in semitones."""
        return self._wheel * self.bend_range

    def control(self, seconds: float, number: int, value: int) -> int | None:
        """A controller changes.

        Args:
            seconds: When.
            number: Of the controller.
            value: 0 to 127.

        Returns:
            The number of channels in the zone of MPE that the message makes this channel the manager of.
        """
        if number in (_SUSTAIN, _SOSTENUTO):
            change(self._pedal if number == _SUSTAIN else self._sostenuto, seconds, value >= _PEDAL_DOWN)
        elif number in (VOLUME, _EXPRESSION):
            self._set_volume(seconds, number, value)
        elif number == _RESET:
            self._reset_controllers(seconds)
        elif number == _ALL_SOUND_OFF or number >= _ALL_NOTES_OFF:
            self._silence(seconds, number)
        elif number in (_RPN, _RPN_FINE, _NRPN, _NRPN_FINE):
            self._choose_parameter(number, value)
        elif number == _DATA and self._parameter == _MPE_MEMBERS:
            return value
        elif number in (_DATA, _DATA_FINE, _MORE, _LESS):
            self._set_parameter(number, value)
            self.update_bend(seconds)
        return None

    def reset(self, seconds: float) -> None:
        """Everything ends and begins again, as a synthesiser is switched on."""
        self._release_all(seconds)
        self._reset_controllers(seconds)
        change(self._single, seconds, False)
        self._set_volume(seconds, VOLUME, _FIRST_VOLUME)
        self._tuning, self.bend_range, self.zone_bend = {}, FIRST_RANGE, 0.0
        self.update_bend(seconds)

    def set_master_volume(self, seconds: float, value: int) -> None:
        """All channels are silent, if it is 0, or sound again."""
        self._master_volume = value
        self._update_audible(seconds)

    def _set_volume(self, seconds: float, number: int, value: int) -> None:
        if number == VOLUME:
            self._volume = value
        else:
            self._expression = value
        self._update_audible(seconds)

    def _update_audible(self, seconds: float) -> None:
        change(self._audible, seconds, all((self._volume, self._expression, self._master_volume)))

    def _reset_controllers(self, seconds: float) -> None:
        """As RP-015 of the MIDI Association defines: volume and tuning stay."""
        change(self._pedal, seconds, False)
        change(self._sostenuto, seconds, False)
        self._set_volume(seconds, _EXPRESSION, _FULL_EXPRESSION)
        self._parameter = _NO_PARAMETER
        self.bend(seconds, 0)

    def _silence(self, seconds: float, number: int) -> None:
        """All notes end; those that a pedal holds only if all sound goes off. The pedals stay down for what follows."""
        self._release_all(seconds)
        for states in (self._pedal, self._sostenuto):
            if number == _ALL_SOUND_OFF and states[-1][1]:
                states += [(seconds, False), (seconds, True)]
        if number in (_MONO, _POLY):
            change(self._single, seconds, number == _MONO)

    def _release_all(self, seconds: float) -> None:
        for key, number in self._down.items():
            if number > 0:
                self.release(seconds, key[1], key[0])

    def _choose_parameter(self, number: int, value: int) -> None:
        if number == _RPN:
            self._parameter = (value, self._parameter[1])
        elif number == _RPN_FINE:
            self._parameter = (self._parameter[0], value)
        else:
            self._parameter = _NO_PARAMETER

    def _set_parameter(self, number: int, value: int) -> None:
        """Set the upper or the lower part of a registered parameter, or move it by one step, as RP-018 defines."""
        step = {_MORE: 1, _LESS: -1}.get(number, 0)
        if self._parameter == _BEND_RANGE:
            semitones, cents = divmod(round(100 * self.bend_range), 100)
            cents = 100 * value + cents if number == _DATA else 100 * semitones + (cents + step if step else value)
            self.bend_range = min(max(cents / 100, 0.0), _LARGEST_RANGE)
        elif self._parameter == _COARSE_TUNING and number != _DATA_FINE:
            self._tuning[_COARSE_TUNING] = self._tuning.get(_COARSE_TUNING, 0.0) + step if step else value - 64
        elif self._parameter == _FINE_TUNING:
            steps = round(self._tuning.get(_FINE_TUNING, 0.0) * _TUNING_STEPS) + _TUNING_STEPS
            moved = min(max(steps + step, 0), 2 * _TUNING_STEPS - 1)
            steps = value << 7 | steps & 127 if number == _DATA else moved if step else steps & ~127 | value
            self._tuning[_FINE_TUNING] = steps / _TUNING_STEPS - 1

    def update_bend(self, seconds: float) -> None:
        """Bend the notes as the wheel, its range, the tuning and the zone say from now on."""
        self._bends.append((seconds, self.wheel_bend + self.zone_bend + self.master_bend + sum(self._tuning.values())))

    def notes(self, last_seconds: float) -> Iterator[Note]:
        """The notes that can be heard, in no order; those that no message ends last until their key is pressed again.

        Args:
            last_seconds: The end of the piece, where all notes end.
        """
        presses: dict[int, list[float]] = defaultdict(list)
        voices = list(self._voices())
        for pitch, strokes in voices:
            presses[pitch] += [key.seconds for key in strokes if key.velocity]
        every_press = sorted(seconds for of_pitch in presses.values() for seconds in of_pitch)
        pedal, sostenuto = np.array(self._pedal, np.float64), np.array(self._sostenuto, np.float64)
        single, audible = np.array(self._single, np.float64), np.array(self._audible, np.float64)
        bends = np.array(self._bends)
        for pitch, strokes in voices:
            again = sorted(presses[pitch])
            for start, end, velocity in self._pairs(strokes, last_seconds):
                let_go = max(pedal_up(pedal, end, last_seconds), caught_until(sostenuto, start, end, last_seconds))
                end = max(end, min(let_go, next_after(again, start, end, last_seconds)))
                if state_at(single, start):
                    end = min(end, next_after(every_press, start, start, last_seconds))
                if end <= start:
                    self.empty += 1
                    end = start + SHORTEST_SECONDS
                sounding = audible_span(audible, start, end)
                if sounding is None:
                    self.silent += 1
                    continue
                start, end = sounding
                semitones = mean_bend(bends, start, end)
                moved = round(semitones)
                yield Note(start, end, pitch + moved, velocity / 127, round(100 * (semitones - moved), 2))

    def _voices(self) -> Iterator[tuple[int, list[_Key]]]:
        """Presses and releases that belong together: of a key in a track; in all tracks if one only releases it."""
        of_pitch: dict[int, list[list[_Key]]] = defaultdict(list)
        for (pitch, _), strokes in self._keys.items():
            of_pitch[pitch].append(strokes)
        for pitch, tracks in of_pitch.items():
            if all(any(key.velocity for key in strokes) for strokes in tracks):
                yield from ((pitch, strokes) for strokes in tracks)
            else:
                yield pitch, sorted((key for strokes in tracks for key in strokes), key=lambda key: key.seconds)

    def _pairs(self, strokes: list[_Key], last_seconds: float) -> Iterator[tuple[float, float, int]]:
        """Start, end and velocity: the first release ends the first press, unless releases are missing."""
        presses = [key for key in strokes if key.velocity]
        releases = [key.seconds for key in strokes if not key.velocity]
        missing = len(releases) < len(presses)
        waiting: list[_Key] = []
        for key in strokes:
            if waiting and (missing or not key.velocity):
                self.unended += bool(key.velocity)
                first = waiting.pop(0)
                yield first.seconds, key.seconds, first.velocity
            if key.velocity:
                waiting.append(key)
        for key in waiting:
            self.unended += 1
            yield key.seconds, last_seconds, key.velocity
