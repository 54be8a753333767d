"""One channel of a MIDI file: from its messages to notes, with pedals and pitch bend. Knows no bytes and no ticks."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from stylebox.core.music.notes import Note

SHORTEST_SECONDS = 0.05  # given to notes that end as they begin
_SUSTAIN, _SOSTENUTO, _ALL_SOUND_OFF, _RESET, _ALL_NOTES_OFF = 64, 66, 120, 121, 123  # those above 123 end notes too
_DATA, _DATA_FINE, _MORE, _LESS, _NRPN_FINE, _NRPN, _RPN_FINE, _RPN = 6, 38, 96, 97, 98, 99, 100, 101
SHARED_CONTROLS = (_SUSTAIN, _SOSTENUTO, _ALL_SOUND_OFF, _RESET, *range(_ALL_NOTES_OFF, 128))  # of a zone of MPE
_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING = (0, 0), (0, 1), (0, 2)  # registered parameters, the latter two of pitch
_MPE_MEMBERS = (0, 6)  # registered parameter of a manager: the number of channels in its zone
_NO_PARAMETER = (127, 127)
_TUNING_STEPS = 8192  # of fine tuning to a semitone
_LARGEST_RANGE = 127.0  # semitones
_PEDAL_DOWN = 64  # least value of a pressed pedal
_WHEEL_STEPS = 8192  # from the middle of the pitch wheel to its end


class _Key(NamedTuple):
    """A key is pressed (velocity above 0) or released, in a track."""

    seconds: float
    velocity: int


@dataclass
class Channel:
    """Collects the messages of a channel in order of time; `notes` then gives its notes.

    Attributes:
        unended: How many notes no message ends.
        empty: How many notes end as they begin.
        doubled: How many keys are pressed twice at one time.
        bend_range: How far the pitch wheel reaches, in semitones.
        zone_bend: By how many semitones the manager of an MPE zone bends this channel, too.
    """

    unended: int = 0
    empty: int = 0
    doubled: int = 0
    bend_range: float = 2.0  # unless the file says otherwise
    zone_bend: float = 0.0
    _keys: dict[tuple[int, int], list[_Key]] = field(default_factory=lambda: defaultdict(list))  # by pitch and track
    _pedal: list[tuple[float, bool]] = field(default_factory=lambda: [(-np.inf, False)])
    _sostenuto: list[tuple[float, bool]] = field(default_factory=lambda: [(-np.inf, False)])
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
        strokes.append(_Key(seconds, velocity))

    def release(self, seconds: float, track: int, pitch: int) -> None:
        """A key goes up.

        Args:
            seconds: When.
            track: The track that says so.
            pitch: Number of the key.
        """
        self._keys[pitch, track].append(_Key(seconds, 0))

    def bend(self, seconds: float, wheel: int) -> None:
        """The pitch wheel moves to a place from -8192 to 8191."""
        self._wheel = wheel / _WHEEL_STEPS
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
            self._press_pedal(seconds, number, value >= _PEDAL_DOWN)
        elif number == _RESET:
            self._press_pedal(seconds, _SUSTAIN, False)
            self._press_pedal(seconds, _SOSTENUTO, False)
            self.bend(seconds, 0)
        elif number == _ALL_SOUND_OFF or number >= _ALL_NOTES_OFF:
            self._release_all(seconds)
            if number == _ALL_SOUND_OFF and self._pedal[-1][1]:  # the pedal stays down for what follows
                self._pedal += [(seconds, False), (seconds, True)]
        elif number == _RPN:
            self._parameter = (value, self._parameter[1])
        elif number == _RPN_FINE:
            self._parameter = (self._parameter[0], value)
        elif number in (_NRPN, _NRPN_FINE):
            self._parameter = _NO_PARAMETER
        elif number == _DATA and self._parameter == _MPE_MEMBERS:
            return value
        elif number in (_DATA, _DATA_FINE, _MORE, _LESS):
            self._set_parameter(number, value)
            self.update_bend(seconds)
        return None

    def _press_pedal(self, seconds: float, number: int, is_down: bool) -> None:
        states = self._pedal if number == _SUSTAIN else self._sostenuto
        if states[-1][1] != is_down:
            states.append((seconds, is_down))

    def _release_all(self, seconds: float) -> None:
        for strokes in self._keys.values():
            if sum(1 if key.velocity else -1 for key in strokes) > 0:
                strokes.append(_Key(seconds, 0))

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
        self._bends.append((seconds, self.wheel_bend + self.zone_bend + sum(self._tuning.values())))

    def notes(self, last_seconds: float) -> Iterator[Note]:
        """The notes that were played, in no order; those that no message ends last until their key is pressed again.

        Args:
            last_seconds: The end of the piece, where all notes end.
        """
        presses: dict[int, list[float]] = defaultdict(list)
        voices = list(self._voices())
        for pitch, strokes in voices:
            presses[pitch] += [key.seconds for key in strokes if key.velocity]
        pedal, bends = np.array(self._pedal, np.float64), np.array(self._bends)
        sostenuto = np.array(self._sostenuto, np.float64)
        for pitch, strokes in voices:
            again = sorted(presses[pitch])
            for start, end, velocity in self._pairs(strokes, last_seconds):
                following = next(iter(again[_next_after(again, start, end) :]), last_seconds)
                let_go = max(_pedal_up(pedal, end, last_seconds), _caught_until(sostenuto, start, end, last_seconds))
                end = max(end, min(let_go, following))
                if end <= start:
                    self.empty += 1
                    end = start + SHORTEST_SECONDS
                semitones = _mean_bend(bends, start, end)
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


def _next_after(times: list[float], start: float, end: float) -> int:
    """The place of the first time after `start` that is not before `end`."""
    return max(bisect_right(times, start), bisect_left(times, end))


def _pedal_up(pedal: np.ndarray, seconds: float, last_seconds: float) -> float:
    """When the pedal, if it is down at a time, goes up; that time itself if it is up. ``(P, 2)``: time, down."""
    at = int(np.searchsorted(pedal[:, 0], seconds, side="right")) - 1
    if not pedal[at, 1]:
        return seconds
    ups = np.flatnonzero(pedal[at:, 1] == 0)
    return float(pedal[at + ups[0], 0]) if len(ups) else last_seconds


def _caught_until(pedal: np.ndarray, start: float, end: float, last_seconds: float) -> float:
    """When the sostenuto pedal lets go of a note; its end if the pedal went down at another time.

    Args:
        pedal: ``(P, 2)``: time, down.
        start: Of the note, in seconds.
        end: Of its key, in seconds.
        last_seconds: The end of the piece.
    """
    caught = np.flatnonzero((pedal[:, 1] == 1) & (pedal[:, 0] > start) & (pedal[:, 0] < end))
    if not len(caught):
        return end
    last = int(caught[-1]) + 1
    return float(pedal[last, 0]) if last < len(pedal) else last_seconds


def _mean_bend(bends: np.ndarray, start: float, end: float) -> float:
    """Mean of a bend from `start` to `end`, which is later, in semitones. ``(P, 2)``: time, semitones."""
    first, stop = np.searchsorted(bends[:, 0], start, side="right"), np.searchsorted(bends[:, 0], end, side="left")
    edges = np.array([start, *bends[first:stop, 0], end])
    return float(np.average(bends[first - 1 : stop, 1], weights=np.diff(edges)))
