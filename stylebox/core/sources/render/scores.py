"""Scores to render: varied random music, and pieces cut from MIDI files.

Knows nothing of instruments or audio. A piece is a pure function of its generator. It need not be beautiful, but it
must cover what a player may do. Half of the pieces have one voice, the others several.
"""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stylebox.core.audio.io.files import FoundFiles, find_files
from stylebox.core.errors import SourceError
from stylebox.core.music.midi.files import is_midi
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.notes import Note
from stylebox.core.sources.render.strums import strums
from stylebox.core.sources.render.textures import HIGHEST, LOWEST, SEVERAL_VOICES, SINGLE_VOICE, Event, Setting

_MODES = (
    (0, 2, 4, 5, 7, 9, 11),  # major, twice as likely as the others
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),  # minor
    (0, 2, 3, 5, 7, 8, 11),  # harmonic minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 5, 7, 9, 10),  # mixolydian
    (0, 1, 3, 5, 7, 8, 10),  # phrygian
    (0, 2, 4, 7, 9),  # pentatonic
    (0, 2, 4, 6, 8, 10),  # whole tones
)
_FEWEST_NOTES = 4  # of a piece of a MIDI file
_SHORTEST_SECONDS = 0.04  # of a note whose key is struck again


def random_score(rng: np.random.Generator, seconds: float) -> list[Note]:
    """Generate a piece.

    Args:
        rng: Decides everything in the piece.
        seconds: No note ends later; most pieces leave the last 0.25 s empty.

    Returns:
        Notes in order of time, at least one; pitches from E1 to G7; never two at once on one key.
    """
    beat_seconds = 60 / float(np.exp(rng.uniform(np.log(50), np.log(180))))
    tonic, mode = int(rng.integers(12)), _MODES[rng.integers(len(_MODES))]
    scale = np.array([12 * octave + tonic + step for octave in range(10) for step in mode])
    single = rng.random() < 0.5
    textures = SINGLE_VOICE if single else {**SEVERAL_VOICES, "strums": strums}
    low, high = (40, 92) if single else (56, 86)
    centre = int(rng.integers(low, high + 1))
    sections = 2 if rng.random() < 0.35 else 1
    total_beats = seconds / beat_seconds
    events: list[Event] = []
    for section in range(sections):
        setting = Setting(total_beats / sections, beat_seconds, scale, centre)
        names = list(textures)
        texture = textures[names[rng.integers(len(names))]]
        events += [e._replace(beat=e.beat + section * setting.beats) for e in texture(rng, setting)]
    notes = _perform(rng, events, beat_seconds, seconds)
    return notes or [Note(0.25 * seconds, 0.75 * seconds, centre, 0.7)]


def _perform(rng: np.random.Generator, events: list[Event], beat_seconds: float, seconds: float) -> list[Note]:
    """Play events as a musician would: with rubato, dynamics, articulation, imprecision, rests."""
    times = _rubato(rng, beat_seconds, seconds)
    loudness, swell = rng.uniform(0.35, 0.8), rng.uniform(0, 0.3)
    swell_seconds, phase = rng.uniform(2, 10), rng.uniform(0, 2 * np.pi)
    articulation = float(rng.choice([0.3, 0.55, 0.8, 0.95, 1.0, 1.08]))
    timing_spread, velocity_spread = rng.uniform(0, 0.012), rng.uniform(0, 0.08)
    silences = _silences(rng, seconds)
    last = seconds - (0.25 if rng.random() < 0.8 else 0.0)
    played: list[Note] = []
    for event in events:
        start, end = np.interp([event.beat, event.beat + event.length * articulation], *times)
        start = max(0.0, start + rng.normal() * timing_spread)
        end = min(max(end, start + 0.06), last)
        if end - start < 0.05 or any(a <= start < b for a, b in silences):
            continue
        arc = swell * np.sin(2 * np.pi * start / swell_seconds + phase)
        velocity = loudness + arc + event.accent + rng.normal() * velocity_spread
        pitch = event.pitch
        while pitch < LOWEST:
            pitch += 12
        while pitch > HIGHEST:
            pitch -= 12
        played.append(Note(float(start), float(end), pitch, float(np.clip(velocity, 0.15, 1.0))))
    return one_at_a_time(played)


def one_at_a_time(notes: list[Note]) -> list[Note]:
    """Give `notes` in order of time; a note ends when its key is struck again.

    Of strikes of one key closer than 40 ms, the last one stays.
    """
    following: dict[int, float] = {}
    kept: list[Note] = []
    for note in sorted(notes, reverse=True):
        end = min(note.end_seconds, following.get(note.pitch, np.inf))
        if end - note.start_seconds >= _SHORTEST_SECONDS:
            kept.append(note._replace(end_seconds=float(end)))
            following[note.pitch] = note.start_seconds
    return kept[::-1]


def pedalled(rng: np.random.Generator, notes: list[Note], seconds: float) -> list[Note]:
    """Play `notes` with the pedal: each sounds until its key is struck again or the pedal is lifted.

    Args:
        rng: Decides when the pedal is lifted: every one to four seconds.
        notes: In order of time.
        seconds: Length of the piece; the pedal is lifted at its end.
    """
    lifted = np.cumsum(rng.uniform(1.0, 4.0, size=int(seconds) + 1))
    held = [
        note._replace(end_seconds=max(note.end_seconds, min(float(lifted[lifted >= note.end_seconds][0]), seconds)))
        for note in notes
    ]
    return one_at_a_time(held)


def _rubato(rng: np.random.Generator, beat_seconds: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """A map ``(beats, seconds)`` for interpolation: a steady tempo, or one that drifts."""
    strength = float(rng.choice([0.0, 0.0, 0.05, 0.12, 0.25]))
    beats = np.arange(0.0, 2.2 * seconds / beat_seconds + 8)
    wander = np.convolve(rng.normal(size=len(beats) + 3), np.ones(4) / 2, mode="valid")
    durations = beat_seconds * np.exp(np.clip(strength * wander, -0.5, 0.5))
    start = rng.uniform(0, 0.5) if rng.random() < 0.7 else 0.0
    return beats, start + np.concatenate([[0.0], np.cumsum(durations)[:-1]])


def _silences(rng: np.random.Generator, seconds: float) -> list[tuple[float, float]]:
    """Times without onsets as ``(start, end)`` in seconds, in a third of the pieces."""
    if rng.random() > 0.35:
        return []
    starts = rng.uniform(0, seconds, size=rng.integers(1, 3))
    return [(float(s), float(s + rng.uniform(0.08, 0.22) * seconds)) for s in starts]


class MidiPieces(NamedTuple):
    """Pieces cut from MIDI files.

    Attributes:
        pieces: ``(name, notes)`` of each, in order of time.
        unread: A line per file that cannot be read.
        remarks: A line per fact of a file that is used: notes left out, faults repaired.
    """

    pieces: list[tuple[str, list[Note]]]
    unread: list[str]
    remarks: list[str]


def midi_scores(source: Path, seconds: float) -> MidiPieces:
    """Cut MIDI files into pieces of `seconds`; those with fewer than four notes are left out.

    Args:
        source: A MIDI file, or a folder of them.
        seconds: Length of a piece.

    Raises:
        SourceError: There is no readable MIDI file with notes.
    """
    search = FoundFiles([source], {}, []) if source.is_file() else find_files(source, is_midi)
    folder = source.parent if source.is_file() else source
    found = MidiPieces([], list(search.problems.values()), [])
    names: set[str] = set()
    has_notes = False
    for path in search.files:
        try:
            score = read_midi(path)
        except SourceError as error:
            found.unread.append(str(error))
            continue
        has_notes |= bool(score.notes)
        pieces = _cut(score.notes, seconds)
        name = "_".join(path.relative_to(folder).with_suffix("").parts)
        name = f"{name}_{path.suffix[1:]}" if name.casefold() in names else name
        names.add(name.casefold())
        whole = {number: notes for number, notes in pieces.items() if len(notes) >= _FEWEST_NOTES}
        found.pieces.extend((f"{name}-{number:03d}", notes) for number, notes in whole.items())
        left_out = len(score.notes) - sum(map(len, whole.values()))
        lost = "" if score.notes else "has no notes"
        if left_out:
            lost = f"{left_out} of {len(score.notes)} notes left out: too short, or in a piece of a few notes"
        found.remarks.extend(f"{path}: {remark}" for remark in filter(None, [*score.remarks, lost]))
    if not found.pieces:
        fault = f"no piece of at least {_FEWEST_NOTES} notes" if has_notes else "no MIDI file with notes"
        no_music = f"{source}: {fault} in it; give a .mid file or a folder of them"
        raise SourceError(found.unread[0] if found.unread else no_music)
    return found


def _cut(notes: list[Note], seconds: float) -> dict[int, list[Note]]:
    """Notes by the number of the piece that they begin in, their times from its start on."""
    pieces: dict[int, list[Note]] = defaultdict(list)
    for note in notes:
        number = int(note.start_seconds // seconds)
        start, end = note.start_seconds - number * seconds, note.end_seconds - number * seconds
        if start < seconds - 0.05:
            pieces[number].append(note._replace(start_seconds=start, end_seconds=min(end, seconds)))
    return {number: one_at_a_time(piece) for number, piece in pieces.items()}
