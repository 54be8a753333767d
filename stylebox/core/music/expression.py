"""How notes are played: their velocities and tuning, from levels and pitch bends measured frame by frame."""

from collections.abc import Sequence

import numpy as np

from stylebox.core.music.notes import LOWEST_KEY, Note

FULL_VELOCITY_DB = -13.0  # level of a note of velocity 127 in a recording at the common loudness
GAIN_SHARE = 0.5  # of a recording's own level that its velocities keep: a quiet one is played softly, not inaudibly
_DB_PER_DECADE = 40.0  # of velocity: the amplitude of a note grows with the square of its velocity
_ATTACK_SECONDS = 0.25  # in which a note reaches the level that its velocity stands for
_SOFTEST = 1 / 127
_SILENT = 1e-6


def velocity_of(level_db: float) -> float:
    """Velocity of a note, in (0, 1], by the law of General MIDI 2: 40 dB for each factor of ten.

    >>> velocity_of(FULL_VELOCITY_DB - 40)
    0.1
    """
    return float(np.clip(10 ** ((level_db - FULL_VELOCITY_DB) / _DB_PER_DECADE), _SOFTEST, 1.0))


def with_expression(
    notes: Sequence[Note], cents: np.ndarray, levels: np.ndarray, frames_per_second: float, offset_db: float = 0.0
) -> list[Note]:
    """Notes with the velocity and the tuning that were measured.

    A velocity follows the highest level of a note's first quarter of a second. `Note.cents` is the mean bend, weighted
    by the level.

    Args:
        notes: In seconds.
        cents: Distance of each key's note from the key.
        levels: Root mean square of each key's note.
        frames_per_second: Of both.
        offset_db: Added to all levels.

    Shape:
        ``cents`` and ``levels`` are ``(N, T)``.
    """
    played = []
    for note in notes:
        key, (first, last) = note.pitch - LOWEST_KEY, _frames(note, frames_per_second, levels.shape[1])
        attack = levels[key, first : min(last, first + 1 + round(_ATTACK_SECONDS * frames_per_second))]
        level_db = 20 * np.log10(max(float(attack.max(initial=0.0)), _SILENT))
        weights = levels[key, first:last] + _SILENT
        tuning = float(np.average(cents[key, first:last], weights=weights))
        played.append(note._replace(velocity=velocity_of(level_db + offset_db), cents=tuning))
    return played


def _frames(note: Note, frames_per_second: float, num_frames: int) -> tuple[int, int]:
    """The first frame of a note and the one after its last; at least one."""
    first = min(round(note.start_seconds * frames_per_second), num_frames - 1)
    return first, min(max(round(note.end_seconds * frames_per_second), first + 1), num_frames)
