"""Plays notes as an instrument: by a SoundFont, or with recorded notes. Knows no transcriber.

Both are dry, and as loud as a given recording.
"""

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from bench.excerpts import RATE
from bench.store import digest
from stylebox.core.audio.loudness import match_loudness
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import Note
from stylebox.core.sources.render import samples, soundfont

SOURCES = {
    "piano": "Splendid-MF",
    "guitar": "freepats-classical",
    "violin": "Iowa",
    "flute": "Iowa",
    "cello": "Iowa",
}  # parts of names
_SEED = 0  # of the sampler's small variations


class SoundFontPlayer:
    """One SoundFont; an instrument is its first General MIDI program."""

    def __init__(self, font: Path) -> None:
        self.font = font
        self.identity = digest(f"{font.name} {font.stat().st_size}")

    def __call__(self, notes: Sequence[Note], target: str, given: np.ndarray) -> np.ndarray:
        """Notes as `target` plays them, as long and as loud as a recording.

        Args:
            notes: In any order.
            target: Name of an instrument.
            given: The recording, at `RATE`.

        Shape:
            given and the result are ``(S,)``.
        """
        played = soundfont.synthesise(notes, self.font, instrument(target).programs[0], len(given) / RATE, RATE)
        return _as_loud(played, given)


class RecordedNotes:
    """Folders of recorded notes with an ``INDEX.tsv`` each; the first folder that has an instrument plays it."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self.identity = digest(*(folder / "INDEX.tsv" for folder in folders), repr(SOURCES))

    def __call__(self, notes: Sequence[Note], target: str, given: np.ndarray) -> np.ndarray:
        """Notes as `target` plays them, as long and as loud as a recording.

        Args:
            notes: In any order.
            target: Name of an instrument.
            given: The recording, at `RATE`.

        Shape:
            given and the result are ``(S,)``.
        """
        played, rng = instrument(target), np.random.default_rng(_SEED)
        seconds = len(given) / RATE
        audio = samples.synthesise(
            notes, _sample_set(self.folders, target), seconds, RATE, rng, played.sustained, played.release_seconds
        )
        return _as_loud(audio, given)


@cache
def _sample_set(folders: tuple[Path, ...], target: str) -> samples.SampleSet:
    """The notes of one source for an instrument."""
    for folder in folders:
        with (folder / "INDEX.tsv").open(encoding="utf-8") as opened:
            rows = [row for row in csv.DictReader(opened, delimiter="\t") if row["instrument"] == target]
        files = [(folder / r["file"], float(r["midi_pitch"])) for r in rows if SOURCES.get(target, "") in r["file"]]
        if files:
            return samples.SampleSet.open(files)
    raise SystemExit(f"no recorded notes of {target} in {', '.join(map(str, folders))}")


def _as_loud(played: np.ndarray, given: np.ndarray) -> np.ndarray:
    return match_loudness(played, given, RATE)
