"""Textures of random music: melodies, runs, trills, repeated notes, chords, arpeggios, voices.

Each is a function from a generator and a setting to events in beats. `scores` plays the events, and decides timing,
loudness and range.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LOWEST, HIGHEST = 28, 103  # E1 to G7: range of random music

_RHYTHMS = (  # beats; one pattern is repeated and varied through a phrase
    (1.0, 1.0, 1.0, 1.0),
    (0.5, 0.5, 1.0),
    (1.5, 0.5),
    (0.5,) * 4,
    (0.75, 0.25, 0.5, 0.5),
    (1 / 3,) * 3,
    (0.25,) * 4,
    (2.0, 1.0, 1.0),
    (3.0, 1.0),
    (0.5, 1.0, 0.5),
)


class Event(NamedTuple):
    """A note before it is played: in beats, with an accent relative to the loudness of the phrase."""

    beat: float
    length: float
    pitch: int
    accent: float = 0.0


@dataclass(frozen=True)
class Setting:
    """The setting of a texture."""

    beats: float  # length of the section
    beat_seconds: float
    scale: np.ndarray  # pitches of the key, ascending, from far below LOWEST to far above HIGHEST
    centre: int  # of the leading voice, a MIDI number


Texture = Callable[[np.random.Generator, Setting], list[Event]]


def _degree(setting: Setting, pitch: float) -> int:
    """The index of the scale's pitch nearest to `pitch`."""
    return int(np.argmin(np.abs(setting.scale - pitch)))


def _walk(
    rng: np.random.Generator,
    setting: Setting,
    centre: int,
    steps: tuple[int, ...] = (-2, -1, -1, 0, 1, 1, 2),
    span: int = 5,
    rests: float = 0.08,
) -> list[Event]:
    """A line through the scale around `centre`, within `span` degrees, in a repeated rhythm."""
    home_degree = _degree(setting, centre)
    degree = home_degree + int(rng.integers(-2, 3))
    pattern = _RHYTHMS[rng.integers(len(_RHYTHMS))]
    stretch = float(rng.choice([0.5, 1.0, 1.0, 2.0]))
    events: list[Event] = []
    beat, index = 0.0, 0
    while beat < setting.beats:
        length = max(pattern[index % len(pattern)] * stretch, 0.11 / setting.beat_seconds)
        if rng.random() > rests:
            accent = 0.1 if index % len(pattern) == 0 else 0.0
            events.append(Event(beat, length, int(setting.scale[degree]), accent))
        degree += int(rng.choice(steps))
        if abs(degree - home_degree) > span:
            degree = home_degree + int(np.sign(degree - home_degree)) * int(rng.integers(0, span))
        beat, index = beat + length, index + 1
        if index % len(pattern) == 0 and rng.random() < 0.2:
            pattern = _RHYTHMS[rng.integers(len(_RHYTHMS))]
    return events


def _melody(rng: np.random.Generator, setting: Setting) -> list[Event]:
    return _walk(rng, setting, setting.centre)


def _leaps(rng: np.random.Generator, setting: Setting) -> list[Event]:
    return _walk(rng, setting, setting.centre, steps=(-9, -7, -5, -4, -3, 3, 4, 5, 7, 9), span=11)


def _chromatic(rng: np.random.Generator, setting: Setting) -> list[Event]:
    twelve = Setting(setting.beats, setting.beat_seconds, np.arange(12, 120), setting.centre)
    return _walk(rng, twelve, setting.centre, steps=(-3, -2, -1, -1, 1, 1, 2, 3), span=12)


def _runs(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """Fast scales, up and down."""
    length = max(float(rng.choice([0.25, 0.5, 1 / 3])), 0.1 / setting.beat_seconds)
    reach = int(rng.integers(5, 13))
    up_and_down = [*range(reach), *range(reach, 0, -1)]
    first, offset = _degree(setting, setting.centre) - reach // 2, int(rng.integers(reach))
    events: list[Event] = []
    for i in range(int(setting.beats / length)):
        if rng.random() > 0.04:
            degree = first + up_and_down[(i + offset) % len(up_and_down)]
            events.append(Event(i * length, length, int(setting.scale[degree])))
    return events


def _trills(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """A slow melody whose longer notes are trilled."""
    events: list[Event] = []
    for event in _walk(rng, setting, setting.centre):
        seconds = event.length * setting.beat_seconds
        count = int(seconds * rng.uniform(7, 13))
        if count < 4 or rng.random() < 0.3:
            events.append(event)
            continue
        interval = int(rng.integers(1, 3))
        for i in range(count):
            length = event.length / count
            events.append(Event(event.beat + i * length, length, event.pitch + interval * (i % 2)))
    return events


def _repeats(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """One key struck again and again, slowly or fast, then another."""
    events: list[Event] = []
    beat = 0.0
    while beat < setting.beats:
        pitch = int(setting.scale[_degree(setting, setting.centre + int(rng.integers(-9, 10)))])
        length = 1 / (rng.uniform(2, 9) * setting.beat_seconds)
        for _ in range(int(rng.integers(2, 12))):
            events.append(Event(beat, length * rng.uniform(0.5, 0.98), pitch, float(rng.normal() * 0.05)))
            beat += length
        beat += length * int(rng.integers(0, 3))
    return events


def _long_notes(rng: np.random.Generator, setting: Setting) -> list[Event]:
    events: list[Event] = []
    beat = 0.0
    while beat < setting.beats:
        length = rng.uniform(1.2, 5.0) / setting.beat_seconds
        pitch = int(setting.scale[_degree(setting, setting.centre + int(rng.integers(-12, 13)))])
        events.append(Event(beat, float(length), pitch))
        beat += float(length) * float(rng.choice([1.0, 1.0, 1.3]))
    return events


def _scattered(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """Single notes anywhere on the keyboard, with silence around them."""
    events: list[Event] = []
    beat = 0.0
    while beat < setting.beats:
        length = rng.uniform(0.1, 1.2) / setting.beat_seconds
        events.append(Event(beat, float(length), int(rng.integers(LOWEST, HIGHEST + 1)), float(rng.normal() * 0.15)))
        beat += float(length) + float(rng.exponential(0.3)) / setting.beat_seconds
    return events


def _chord(rng: np.random.Generator, setting: Setting, degree: int, voices: int) -> list[int]:
    """Thirds stacked on a degree of the scale, sometimes in open position or doubled."""
    pitches = [int(setting.scale[degree + 2 * i]) for i in range(voices)]
    if voices > 2 and rng.random() < 0.3:
        pitches[1] += 12  # open position
    if rng.random() < 0.2:
        pitches[-1] = pitches[0] + 12
    return sorted(set(pitches))


def chord_changes(rng: np.random.Generator, setting: Setting, centre: int) -> Iterator[tuple[float, float, int]]:
    """Generate a sequence of chords of equal length, two to four beats.

    Args:
        rng: Decides length and degrees.
        setting: Scale and length of the section.
        centre: MIDI number near which the roots lie.

    Yields:
        ``(beat, length, degree)`` of each chord.
    """
    bar, home_degree = float(rng.choice([2, 3, 4])), _degree(setting, centre)
    offsets = rng.permutation([-4, -3, -2, -1, 0, 0, 1, 2, 3])
    for i in range(int(np.ceil(setting.beats / bar))):
        yield i * bar, bar, home_degree + int(offsets[i % len(offsets)])


def _block_chords(rng: np.random.Generator, setting: Setting, centre: int | None = None) -> list[Event]:
    voices, strikes = int(rng.integers(2, 6)), int(rng.choice([1, 1, 2, 4]))
    spread = float(rng.choice([0.0, 0.0, 0.03])) / setting.beat_seconds  # rolled from below
    events: list[Event] = []
    for beat, bar, degree in chord_changes(rng, setting, (setting.centre - 10) if centre is None else centre):
        for strike in range(strikes):
            for i, pitch in enumerate(_chord(rng, setting, degree, voices)):
                start = beat + strike * bar / strikes + i * spread
                events.append(Event(start, bar / strikes * 0.97, pitch, -0.05 + 0.1 * (strike == 0)))
    return events


def _arpeggios(rng: np.random.Generator, setting: Setting, centre: int | None = None) -> list[Event]:
    """Broken chords; in half of the pieces the notes ring until the end of the bar."""
    rings = rng.random() < 0.5
    voices = int(rng.integers(3, 7))
    length = max(float(rng.choice([0.25, 0.5, 1 / 3])), 0.12 / setting.beat_seconds)
    order = rng.permutation(voices) if rng.random() < 0.3 else np.arange(voices)
    if rng.random() < 0.4:
        order = np.concatenate([order, order[-2:0:-1]])
    events: list[Event] = []
    for beat, bar, degree in chord_changes(rng, setting, (setting.centre - 12) if centre is None else centre):
        pitches = [int(setting.scale[degree + 2 * i]) for i in range(voices)]
        for i in range(int(bar / length)):
            held = bar - i * length if rings else length
            events.append(Event(beat + i * length, held, pitches[order[i % len(order)]], 0.08 * (i == 0)))
    return events


def _bass(rng: np.random.Generator, setting: Setting) -> list[Event]:
    centre = int(rng.integers(36, 50))
    strikes = int(rng.choice([1, 1, 2, 4]))
    return [
        Event(beat + i * bar / strikes, bar / strikes * 0.9, int(setting.scale[degree]))
        for beat, bar, degree in chord_changes(rng, setting, centre)
        for i in range(strikes)
    ]


def _melody_and_bass(rng: np.random.Generator, setting: Setting) -> list[Event]:
    return _melody(rng, setting) + _bass(rng, setting)


def _melody_and_chords(rng: np.random.Generator, setting: Setting) -> list[Event]:
    chords = [e._replace(accent=e.accent - 0.12) for e in _block_chords(rng, setting, setting.centre - 19)]
    return _melody(rng, setting) + chords


def _melody_and_arpeggios(rng: np.random.Generator, setting: Setting) -> list[Event]:
    broken = [e._replace(accent=e.accent - 0.12) for e in _arpeggios(rng, setting, setting.centre - 24)]
    return _melody(rng, setting) + broken


def _voices(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """Two to four lines with different rhythms."""
    count = int(rng.integers(2, 5))
    centres = [setting.centre - i * int(rng.integers(6, 11)) for i in range(count)]
    return [event for centre in centres for event in _walk(rng, setting, centre, span=4, rests=0.12)]


def _double_stops(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """A melody in thirds, sixths or octaves."""
    below = int(rng.choice([2, 2, 5, len({int(p) % 12 for p in setting.scale})]))
    events = _melody(rng, setting)
    lower = [e._replace(pitch=int(setting.scale[_degree(setting, e.pitch) - below])) for e in events]
    return events + lower


def _clusters(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """Chords of random pitches, which no harmony predicts."""
    events: list[Event] = []
    beat = 0.0
    while beat < setting.beats:
        length = float(rng.uniform(0.2, 2.0)) / setting.beat_seconds
        centre = rng.uniform(45, 82)
        for pitch in {int(p) for p in rng.normal(centre, 9, size=rng.integers(2, 7))}:
            events.append(Event(beat, length * float(rng.uniform(0.6, 1.0)), pitch, float(rng.normal() * 0.1)))
        beat += length
    return events


SINGLE_VOICE: dict[str, Texture] = {
    "melody": _melody,
    "leaps": _leaps,
    "chromatic": _chromatic,
    "runs": _runs,
    "trills": _trills,
    "repeats": _repeats,
    "long notes": _long_notes,
    "scattered": _scattered,
}
SEVERAL_VOICES: dict[str, Texture] = {
    "melody and bass": _melody_and_bass,
    "melody and chords": _melody_and_chords,
    "melody and arpeggios": _melody_and_arpeggios,
    "block chords": _block_chords,
    "arpeggios": _arpeggios,
    "voices": _voices,
    "double stops": _double_stops,
    "clusters": _clusters,
}
