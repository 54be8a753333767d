"""Registers: which keys an instrument can play, which it usually plays, and the octave that music moves to.

Rendering, transfer and evaluation all move music by `octave_shift`. Knows no instrument by name.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from stylebox.core.music.notes import Note

KEY_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
OUTSIDE_COST = 3.0  # of music that lies outside the playing range throughout
CENTRE_COST = 1 / 6  # per semitone between the centre of the music and the usual register
MIN_NOTES = 8  # of a recording; fewer do not show a register
_RANGE_SEMITONES, _USUAL_SEMITONES = 24, 11  # least width of a playing range and of a usual register
_RARE = 0.01  # share of the sounding time that is ignored at either end: wrong octaves of a transcription
_OCTAVES = range(-8, 9)


@dataclass(frozen=True)
class Register:
    """The keys of a sound as MIDI numbers of the sounding pitch, all ends included.

    Attributes:
        low: Lowest key of the playing range.
        high: Highest key of the playing range.
        usual_low: Lowest key of the usual register: where the centre of solo music mostly lies.
        usual_high: Highest key of the usual register.
    """

    low: int
    high: int
    usual_low: int
    usual_high: int

    @classmethod
    def from_recorded(cls, low: int, high: int) -> "Register":
        """The register of a sound whose recordings lie between two keys, widened: few recordings use all keys.

        The playing range has at least two octaves, the usual register all keys of an octave.

        >>> Register.from_recorded(62, 72)
        Register(low=55, high=79, usual_low=62, usual_high=73)
        """
        return cls(*_widened(low, high, _RANGE_SEMITONES), *_widened(low, high, _USUAL_SEMITONES))

    @classmethod
    def of_notes(cls, notes: Sequence[Note]) -> "Register | None":
        """The register of a recording by its notes; None if they are fewer than `MIN_NOTES`."""
        if len(notes) < MIN_NOTES:
            return None
        return cls.from_recorded(_key_at(notes, _RARE), _key_at(notes, 1 - _RARE))

    def within(self, low: int, high: int) -> "Register":
        """This register, limited to the keys from `low` to `high`."""
        low, high = max(self.low, low), min(self.high, high)
        usual_low, usual_high = max(self.usual_low, low), min(self.usual_high, high)
        if usual_high - usual_low < _USUAL_SEMITONES:
            usual_low, usual_high = low, high
        return Register(low, high, usual_low, usual_high)


def blend(registers: Sequence[tuple[Register | None, float]]) -> Register | None:
    """The weighted mean of registers, to whole keys; None if one of them is unknown.

    Args:
        registers: Each with its weight; the weights sum to 1.
    """
    known = [(astuple(register), weight) for register, weight in registers if register is not None]
    if len(known) < len(registers):
        return None
    return Register(*(round(sum(keys[at] * weight for keys, weight in known)) for at in range(4)))


def octave_shift(notes: Sequence[Note], register: Register | None) -> int:
    """Semitones, a multiple of 12, that move music into a register; 0 without notes or without a register.

    The octave with the least cost is chosen: 3 times the share of the sounding time outside the playing range, plus
    1/6 per semitone by which the centre (the median weighted by sounding time) lies outside the usual register. Among
    equal costs the smallest move is chosen, and up before down.

    >>> guitar = [Note(start, start + 1.0, pitch) for start, pitch in enumerate((64, 67, 71, 72))]
    >>> octave_shift(guitar, Register(60, 96, 70, 92))
    12
    """
    if register is None or not notes:
        return 0
    total = sum(_seconds(note) for note in notes)
    centre = _key_at(notes, 0.5)

    def cost(shift: int) -> float:
        outside = sum(_seconds(note) for note in notes if not register.low <= note.pitch + shift <= register.high)
        beyond = max(register.usual_low - (centre + shift), centre + shift - register.usual_high, 0)
        return round(OUTSIDE_COST * outside / total + CENTRE_COST * beyond, 9)  # equal sums in another order are equal

    return min((12 * octaves for octaves in _OCTAVES), key=lambda shift: (cost(shift), abs(shift), -shift))


def key_name(pitch: int) -> str:
    """Scientific pitch name of a MIDI number.

    >>> key_name(60), key_name(70)
    ('C4', 'A#4')
    """
    return f"{KEY_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _seconds(note: Note) -> float:
    """Length of a note, at least one millisecond, so that a score of grace notes has a centre too."""
    return max(note.end_seconds - note.start_seconds, 1e-3)


def _key_at(notes: Sequence[Note], share: float) -> int:
    """The lowest key such that `share` of the sounding time lies at or below it."""
    wanted = share * sum(_seconds(note) for note in notes)
    reached = 0.0
    for note in sorted(notes, key=lambda note: note.pitch):
        reached += _seconds(note)
        if reached >= wanted - 1e-9:
            return note.pitch
    raise ValueError("no notes")


def _widened(low: int, high: int, semitones: int) -> tuple[int, int]:
    """Both ends moved outwards equally until they are `semitones` apart."""
    missing = max(0, semitones - (high - low))
    return low - missing // 2, high + missing - missing // 2
