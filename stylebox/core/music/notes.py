"""Notes: as a list, as a MIDI file, as piano rolls. Knows nothing of audio."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stylebox.core.errors import SourceError
from stylebox.core.paths import atomic_path

LOWEST_KEY, NUM_KEYS = 21, 88  # MIDI number of the piano's lowest key (A0); keys on a piano
ONSET_FRAMES = 2  # for which a roll marks an onset, from the note's first on
_SOUNDS_ALREADY = 0.5  # posterior of a key in a recording's first frames


def key_hz(pitch: float) -> float:
    """Frequency of a MIDI number, A4 being 440 Hz.

    >>> key_hz(57)
    220.0
    """
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


class Note(NamedTuple):
    """One note. Pitch is a MIDI number; velocity is in (0, 1]."""

    start_seconds: float
    end_seconds: float
    pitch: int
    velocity: float = 0.7


def read_midi(path: Path) -> list[Note]:
    """All notes of a MIDI file but those of drum tracks, in order of time.

    Raises:
        SourceError: the file is missing or is not MIDI.
    """
    import pretty_midi  # slow to import

    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # mido raises many kinds on broken files
        raise SourceError(f"{path}: cannot be read as MIDI ({error})") from error
    return sorted(
        Note(float(n.start), float(n.end), int(n.pitch), max(n.velocity, 1) / 127)
        for track in midi.instruments
        if not track.is_drum
        for n in track.notes
    )


def write_midi(path: Path, notes: Iterable[Note], program: int = 0, name: str = "") -> None:
    """Write `notes` as one track of that name; `program` is General MIDI, 0-127."""
    import pretty_midi  # slow to import

    midi = pretty_midi.PrettyMIDI(resolution=960)
    track = pretty_midi.Instrument(program, name=name)
    for note in notes:
        velocity = int(np.clip(round(note.velocity * 127), 1, 127))
        track.notes.append(pretty_midi.Note(velocity, note.pitch, note.start_seconds, note.end_seconds))
    midi.instruments.append(track)
    with atomic_path(path) as partial:
        midi.write(str(partial))


def transpose(notes: Iterable[Note], semitones: int) -> list[Note]:
    """`notes` moved by `semitones`."""
    return [note._replace(pitch=note.pitch + semitones) for note in notes]


def piano_roll(notes: Sequence[Note], num_frames: int, frames_per_second: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw notes on the 88 keys.

    Returns:
        ``(frame, onset)``, float32 in {0, 1}, each ``(T, N)``. Notes beyond the 88 keys are left out.
    """
    frame = np.zeros((num_frames, NUM_KEYS), np.float32)
    onset = np.zeros_like(frame)
    for note in notes:
        key = note.pitch - LOWEST_KEY
        start = round(note.start_seconds * frames_per_second)
        if 0 <= key < NUM_KEYS and 0 <= start < num_frames:
            stop = max(start + 1, round(note.end_seconds * frames_per_second))
            frame[start:stop, key] = 1.0
            onset[start : start + ONSET_FRAMES, key] = 1.0
    return frame, onset


def notes_from_posteriors(
    frame: np.ndarray,
    onset: np.ndarray,
    frames_per_second: float,
    onset_threshold: float = 0.5,
    frame_threshold: float = 0.3,
    min_frames: int = 3,
) -> list[Note]:
    """Notes from posteriors: a note begins about a peak of the onset and lasts while its frame posterior holds.

    As an onset is marked for `ONSET_FRAMES`, its peak may be in any of these; it begins so long before their middle,
    for which the posterior's centroid about the peak is taken, between frames if need be. What sounds already as a
    recording begins, begins with it: nobody has heard it struck, and who plays it next must strike it.

    Args:
        frame: Sounding posterior in [0, 1], ``(T, N)``.
        onset: Onset posterior in [0, 1], ``(T, N)``.

    Returns:
        Notes in order of time; velocity is the mean frame posterior over the note.
    """
    found: list[Note] = []
    before, after = np.zeros_like(onset), np.zeros_like(onset)
    before[1:], after[:-1] = onset[:-1], onset[1:]
    peak = (onset >= onset_threshold) & (onset > before) & (onset >= after)
    peak[:1] |= (frame[:min_frames] >= _SOUNDS_ALREADY).all(0) & ~peak[: ONSET_FRAMES + 1].any(0)
    for key in range(frame.shape[1]):
        starts = np.flatnonzero(peak[:, key])
        for start, limit in pairwise([*starts, len(frame)]):
            below = np.flatnonzero(frame[start + 1 : limit, key] < frame_threshold)
            stop = start + 1 + int(below[0]) if len(below) else int(limit)
            if stop - start >= min_frames:
                near = np.arange(max(0, start - 1), min(start + 2, len(onset)))
                middle = np.average(near, weights=onset[near, key] + 1e-6)
                begin = max(0.0, float(middle) - (ONSET_FRAMES - 1) / 2) / frames_per_second
                velocity = float(np.clip(frame[start:stop, key].mean(), 0.05, 1.0))
                if found and found[-1].pitch == key + LOWEST_KEY:  # a string is let go before it is struck again
                    found[-1] = found[-1]._replace(end_seconds=min(found[-1].end_seconds, begin))
                found.append(Note(begin, float(stop / frames_per_second), key + LOWEST_KEY, velocity))
    return sorted(found)
