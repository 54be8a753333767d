"""The recordings the bench works on: sets, their excerpts, pairs of input and target, and music whose notes are known.

A set is one or more folders of `<instrument>/<name>.<suffix>`. Runs no system and measures nothing.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bench.store import digest
from stylebox.core.audio.io.files import find_audio
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.register import octave_shift
from stylebox.core.sources.render.scores import random_score
from stylebox.core.sources.render.soundfont import synthesise

RATE = 44100  # of everything that the bench writes, in Hz
TARGETS = ("piano", "guitar", "harp", "violin", "flute", "cello")  # those that the tagger can name
STRUCK = ("piano", "guitar", "harp")
ONE_VOICE = ("flute", "clarinet", "saxophone", "trumpet", "oboe", "bassoon", "trombone", "french_horn", "singer")
INPUT_SECONDS, TRUE_SECONDS, KNOWN_SECONDS = 6.0, 12.0, 14.0
SKIPPED_SECONDS = 2.0  # at the start of a true recording that is long enough
SHIFT_SECONDS = 0.005  # of an input that comes later, to see how steady a figure is
SCORE_SEED, RENDERED = 990, ("violin", "guitar")  # training's seeds are others
VIOLIN_EXCERPTS, SINGER_EXCERPTS, PIANO_EXCERPTS = 3, 2, 3

TimedNote = tuple[float, float, float]  # from, to in seconds; MIDI number, for a singer with a fraction


@dataclass(frozen=True)
class Recording:
    """A recording, or an excerpt of one: a file, its instrument, and the set it belongs to."""

    path: Path
    instrument: str
    set_name: str

    @property
    def name(self) -> str:
        """Without folder and suffix."""
        return self.path.stem


@dataclass(frozen=True)
class Known:
    """An excerpt whose notes are known: from one annotator, or from several."""

    recording: Recording
    group: str
    truths: tuple[tuple[TimedNote, ...], ...]


def plain_instrument(path: Path) -> str:
    """By the folder a recording lies in; guitars are all one here."""
    name = path.parent.name
    return "guitar" if name.endswith("guitar") else name


def recordings(set_name: str, folders: Iterable[Path]) -> list[Recording]:
    """All audio files below some folders, by name."""
    paths = sorted(path for folder in folders for path in find_audio(folder).files)
    return [Recording(path, plain_instrument(path), set_name) for path in paths]


def read(path: Path) -> tuple[np.ndarray, int]:
    """A file as it is: mono float32 ``(S,)``, and its rate."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return audio.mean(axis=1), rate


def write(path: Path, audio: np.ndarray, sample_rate: int) -> Path:
    """Write mono audio as FLAC with 24 bits, scaled down if it would clip; the file appears whole or not at all.

    Args:
        path: The file.
        audio: Full scale is 1.
        sample_rate: In Hz.

    Shape:
        audio is ``(S,)``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}-{path.name}")
    peak = max(1.0, float(np.abs(audio).max(initial=0.0)))
    soundfile.write(part, audio / peak, sample_rate, subtype="PCM_24", format="FLAC")
    part.replace(path)
    return path


def cut(source: Recording, folder: Path, start: float, seconds: float) -> Recording:
    """An excerpt as a file at the recording's own rate, unless it is there already.

    Args:
        source: The recording.
        folder: Where excerpts are kept.
        start: Of the excerpt, in seconds.
        seconds: Its length; less if the recording ends before.
    """
    name = f"{source.name}-{digest(source.path, f'{start} {seconds}')[:8]}.flac"
    path = folder / source.set_name / source.instrument / name
    if not path.is_file():
        audio, rate = read(source.path)
        write(path, audio[round(start * rate) : round((start + seconds) * rate)], rate)
    return Recording(path, source.instrument, source.set_name)


def true_excerpt(source: Recording, folder: Path) -> Recording:
    """The part of a true recording that is measured, without its very beginning where it is long enough."""
    long_enough = soundfile.info(source.path).duration >= TRUE_SECONDS + SKIPPED_SECONDS
    return cut(source, folder, SKIPPED_SECONDS if long_enough else 0.0, TRUE_SECONDS)


def later(source: Recording, folder: Path) -> Recording:
    """The same recording 5 ms later."""
    path = folder / "later" / digest(source.path)[:8] / f"{source.name}.flac"
    if not path.is_file():
        audio, rate = read(source.path)
        write(path, np.pad(audio, (round(SHIFT_SECONDS * rate), 0))[: len(audio)], rate)
    return Recording(path, source.instrument, source.set_name)


def make_pairs(inputs: Sequence[Recording], limit: int | None = None) -> list[tuple[Recording, str]]:
    """Every input with every target that is not its own instrument; `limit` of them, drawn evenly, always the same."""
    pairs = [(given, target) for target in TARGETS for given in inputs if given.instrument != target]
    if limit is None or limit >= len(pairs):
        return pairs
    return [pairs[int(index)] for index in np.linspace(0, len(pairs) - 1, limit).round()]


def known_music(data: Path, performances: Sequence[Recording], folder: Path, soundfont: Path) -> list[Known]:
    """Excerpts whose notes are known; a piano's are left open, for they are those that Transkun finds.

    Args:
        data: Folder with `truth` (aligned scores, an annotated singer) and `phrases`.
        performances: Recordings of players; the pianos and one of the violins are among them.
        folder: Where excerpts are kept.
        soundfont: Plays the scores that are generated; no part of the model was trained with it.
    """
    truth = data / "truth"
    players = {recording.name: recording for recording in (*recordings("known", [data / "phrases"]), *performances)}
    movements = [
        (players["bachviolin_john-garner_bwv1002_mov7"], truth / "john-garner_bwv1002_mov7.tsv"),
        (players["Garner_john-garner_bwv1002_mov8"], truth / "john-garner_bwv1002_mov8.tsv"),
    ]
    found = [k for source, path in movements for k in _excerpts(source, "violin", [path], folder, VIOLIN_EXCERPTS)]
    singer = Recording(truth / "vocadito_1.opus", "singer", "known")
    annotators = [truth / "vocadito_1_A1.tsv", truth / "vocadito_1_A2.tsv"]
    found += _excerpts(singer, "singer", annotators, folder, SINGER_EXCERPTS)
    pianos = [recording for recording in performances if recording.instrument == "piano"]
    for source in pianos[:: max(1, len(pianos) // PIANO_EXCERPTS)][:PIANO_EXCERPTS]:
        found += _excerpts(source, "piano", [], folder, 1)
    return [*found, *(_rendered(number, name, folder, soundfont) for number, name in enumerate(RENDERED))]


def _excerpts(source: Recording, group: str, truths: Sequence[Path], folder: Path, count: int) -> list[Known]:
    """Some excerpts of a recording, evenly spread, with the notes that begin in each."""
    rows = [_read_notes(path) for path in truths]
    last = soundfile.info(source.path).duration - KNOWN_SECONDS
    excerpts = []
    for start in np.linspace(0, last, count + 2)[1:-1].round(1):
        notes = tuple(
            tuple((a - start, b - start, key) for a, b, key in known if start <= a < start + KNOWN_SECONDS)
            for known in rows
        )
        excerpt = cut(Recording(source.path, source.instrument, "known"), folder, float(start), KNOWN_SECONDS)
        excerpts.append(Known(excerpt, group, notes))
    return excerpts


def _read_notes(path: Path) -> list[TimedNote]:
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    return [(float(start), float(stop), float(key)) for start, stop, key in rows]


def _rendered(number: int, name: str, folder: Path, soundfont: Path) -> Known:
    """A random score by one instrument of a SoundFont, in its register."""
    score = random_score(np.random.default_rng([SCORE_SEED, number]), KNOWN_SECONDS)
    player = instrument(name)
    notes: list[Note] = transpose(score, octave_shift(score, player.register))
    path = folder / "known" / name / f"score-{number}.flac"
    if not path.is_file():
        write(path, synthesise(notes, soundfont, player.programs[0], KNOWN_SECONDS, RATE), RATE)
    truth = tuple((note.start_seconds, note.end_seconds, float(note.pitch)) for note in notes)
    return Known(Recording(path, name, "known"), "rendered", (truth,))
