"""Strummed guitar chords: voicings on up to six strings, played one string after the other.

A texture like those of `textures`: events in beats.
"""

import numpy as np

from stylebox.core.sources.render.textures import Event, Setting, chord_changes

STRINGS = (40, 45, 50, 55, 59, 64)  # standard tuning as MIDI numbers, E2 to E4
SPREAD_SECONDS = (0.02, 0.06)  # from the first string of a strum to the last
FRET_SPAN = 4  # frets that a hand reaches

_PATTERNS = (  # one character per eighth note: D is a downstroke, U an upstroke, a dot a rest
    "D...D...",
    "D.D.D.D.",
    "D.DUD.DU",
    "D.DU.UDU",
    "DUDUDUDU",
    "D..U....",
    "..D...D.",
    "D..D..D.",
    "D.......",
)


def strums(rng: np.random.Generator, setting: Setting) -> list[Event]:
    """Generate a sequence of chords, strummed in a pattern that repeats in every bar.

    A downstroke goes from the lowest string to the highest, an upstroke back over the higher strings. Notes ring until
    the chord changes; in a third of the pieces the hand damps them at once.

    Args:
        rng: Decides the chords, their position on the neck, the pattern and the spread.
        setting: Scale, tempo and length; its centre is not used, since the strings fix the pitches.

    Returns:
        Events in beats, those of one strum in the order of the stroke.
    """
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    damped = rng.random() < 1 / 3
    min_beats = 0.14 / setting.beat_seconds
    eighth = max(0.5 * float(rng.choice([0.5, 1.0, 1.0])), min_beats)
    num_chord_tones = int(rng.choice([3, 3, 4]))
    events: list[Event] = []
    for beat, bar, degree in chord_changes(rng, setting, centre=45):
        chord = [int(setting.scale[degree + 2 * i]) % 12 for i in range(num_chord_tones)]
        voicing = guitar_voicing(chord, position=int(rng.choice([0, 0, 0, 2, 3, 5, 7, 9])))
        num_eighths = max(1, int(bar / eighth + 1e-6))
        strokes = [(beat + i * eighth, pattern[i % len(pattern)]) for i in range(num_eighths)]
        for start, stroke in strokes:
            if stroke == ".":
                continue
            ring = float(rng.uniform(0.08, 0.2)) / setting.beat_seconds if damped else beat + bar - start
            events += _strum(rng, voicing, stroke, start, ring, setting.beat_seconds)
    return events


def guitar_voicing(chord: list[int], position: int) -> list[int]:
    """Place a chord on the six strings near a fret, with its root as the lowest note.

    Args:
        chord: Pitch classes, 0 to 11, the root first.
        position: The lowest fret that the hand reaches, 0 for open strings.

    Returns:
        MIDI numbers, ascending by string; strings without a chord tone in reach, or below the root, are left out.
    """
    voicing: list[int] = []
    for string in STRINGS:
        wanted = chord if voicing else chord[:1]
        reached = [string + fret for fret in range(position, position + FRET_SPAN + 1)]
        tones = [pitch for pitch in reached if pitch % 12 in wanted and pitch not in voicing]
        voicing += tones[:1]
    return voicing


def _strum(
    rng: np.random.Generator, voicing: list[int], stroke: str, beat: float, ring: float, beat_seconds: float
) -> list[Event]:
    """One stroke: downwards over all or most strings, upwards over the highest three to five."""
    if stroke == "D":
        pitches = voicing[: int(rng.integers(max(3, len(voicing) - 2), 7))]
    else:
        pitches = voicing[: -int(rng.integers(4, 6)) : -1]
    step = float(rng.uniform(*SPREAD_SECONDS)) / max(1, len(pitches) - 1) / beat_seconds
    accent = (0.08 if stroke == "D" else -0.05) + float(rng.normal() * 0.03)
    return [Event(beat + i * step, ring - i * step, pitch, accent) for i, pitch in enumerate(pitches)]
