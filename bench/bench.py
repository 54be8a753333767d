"""One bench: sets, systems and judges together, and the work that fills their stores. Makes no table.

The work comes in tasks that do not depend on one another, so that processes can share them; what the tasks found is
read again from the stores when the tables are made.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench import comparisons as compare
from bench.embedding import window_pitches
from bench.excerpts import (
    INPUT_SECONDS,
    TARGETS,
    Known,
    Recording,
    cut,
    known_music,
    make_pairs,
    recordings,
    true_excerpt,
)
from bench.judges import Judges
from bench.musicnn_tagger import STEP_SECONDS, WINDOW_SECONDS
from bench.paper_networks import PaperNetworks
from bench.players import RecordedNotes, SoundFontPlayer
from bench.store import digest, replace_text
from bench.systems import (
    COPY,
    KNOWN_ROWS,
    OTHER,
    PIANO_ROWS,
    ROWS,
    Output,
    Systems,
    envelope_clips,
    own_identity,
)
from bench.vocoders import WAYS, Vocoders

FRAMES_PER_SECOND = 142 / 1.640  # of Basic Pitch, on average


@dataclass(frozen=True)
class Places:
    """Where things are.

    Attributes:
        run: Receives outputs and answers.
        data: Has `phrases`, `performances`, `truth`, `samples` and `notes`.
        sets: Name of each set and its folders.
        packages: The judges' packages.
        soundfont: Plays notes.
        unheard: A SoundFont that no part of the model was trained with.
        pairs: How many pairs of input and target there are per set.
    """

    run: Path
    data: Path
    sets: tuple[tuple[str, tuple[Path, ...]], ...]
    packages: Path
    soundfont: Path
    unheard: Path
    pairs: int


@dataclass(frozen=True)
class Row:
    """One system on one input and target."""

    set_name: str
    system: str
    given: Recording
    target: str
    made: Output


class Bench:
    """Everything at hand; networks are loaded when they are first needed."""

    def __init__(self, places: Places) -> None:
        torch.set_num_threads(1)
        run, data = places.run, places.data
        self.places = places
        self.judges = Judges(run / "answers", places.packages, own_identity())
        self.sets = {name: recordings(name, folders) for name, folders in places.sets}
        self.players = recordings("players", [data / "performances"])
        everything = [*(r for found in self.sets.values() for r in found), *self.players]
        self.true = [true_excerpt(recording, run / "excerpts") for recording in everything]
        self.paper = PaperNetworks(run / "paper")
        self.systems = Systems(
            run / "outputs",
            self.judges,
            SoundFontPlayer(places.soundfont),
            RecordedNotes([data / "samples", data / "notes"]),
            self.paper,
            envelope_clips([*self.sets, "known"], self.true, TARGETS),
        )
        self.vocoders = Vocoders(run / "outputs", self.judges)
        self.known = known_music(data, self.players, run / "excerpts", places.unheard)
        self.inputs = {
            name: [cut(recording, run / "excerpts", 0.0, INPUT_SECONDS) for recording in found]
            for name, found in self.sets.items()
        }

    def pairs(self, set_name: str) -> list[tuple[Recording, str]]:
        """The pairs of input and target of a set."""
        return make_pairs(self.inputs[set_name], self.places.pairs)

    def rows(self, set_name: str, systems: Sequence[str] = ROWS) -> list[Row]:
        """All outputs of some systems for a set; a row is missing where a system cannot do it."""
        found = []
        for given, target in self.pairs(set_name):
            for system in systems:
                made = self.systems.output(system, given, target)
                if made is not None:
                    found.append(Row(set_name, system, given, target, made))
            found.append(Row(set_name, OTHER, given, target, self._other(set_name, given)))
        return found

    def _other(self, set_name: str, given: Recording) -> Output:
        """Other music of the set: nothing of the input is in it, but by chance."""
        inputs = self.inputs[set_name]
        return Output(inputs[(inputs.index(given) + 1) % len(inputs)].path, 0)

    def piano_rows(self, set_name: str) -> list[Row]:
        """What a transcriber of pianos gives for the inputs that are pianos."""
        pairs = [(given, target) for given, target in self.pairs(set_name) if given.instrument == "piano"]
        outputs = [(s, g, t, self.systems.output(s, g, t)) for g, t in pairs for s in PIANO_ROWS]
        return [Row(set_name, s, g, t, made) for s, g, t, made in outputs if made is not None]

    def truths(self, known: Known) -> Known:
        """Known music with its notes: those of a piano are what Transkun finds."""
        if known.truths:
            return known
        notes = self.judges.transkun(known.recording.path)
        truth = tuple((note.start_seconds, note.end_seconds, float(note.pitch)) for note in notes)
        return Known(known.recording, known.group, (truth,))

    def as_piano(self, known: Known, system: str) -> compare.Figures | None:
        """Known music as a system plays it on a piano, heard by Transkun; None if the system cannot."""
        made = self.systems.output(system, known.recording, "piano", known)
        return None if made is None else compare.against_truth(known, self.judges.transkun(made.path), made.transpose)

    def windows(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Embedding and mean pitch of the tagger's windows of a file."""
        layer, active = self.judges.tagger(path).layer, self.judges.basic_pitch(path).active
        return layer, window_pitches(active, FRAMES_PER_SECOND, len(layer), STEP_SECONDS, WINDOW_SECONDS)

    def vocoder_figures(self, given: Recording) -> dict[str, dict[str, float]]:
        """What each way from mel to sound loses of a recording, by way."""
        return {way: self.vocoders.figures(given, way) for way in WAYS}

    def work(self, task: tuple[str, str, str]) -> None:
        """Do one task."""
        begun = time.process_time()
        kind, place, name = task
        if kind == "pair":
            self._pair(place, name)
        elif kind == "known":
            self._known(next(known for known in self.known if known.recording.name == place), name)
        elif kind == "true":
            self._true(next(true for true in self.true if str(true.path) == place))
        else:
            self.vocoder_figures(next(given for given in self.inputs[place] if given.name == name))
        self._note_seconds(task, time.process_time() - begun)

    def seconds(self) -> float:
        """CPU seconds that all of the work took, each task when it took longest: later runs find answers."""
        return self.paper.train() + sum(float(self._seconds_file(task).read_text()) for task in self.tasks())

    def _seconds_file(self, task: tuple[str, str, str]) -> Path:
        return self.places.run / "seconds" / f"{digest(*task)}.txt"

    def _note_seconds(self, task: tuple[str, str, str], seconds: float) -> None:
        """Keep the time of a task; a second run, which reads answers, does not count."""
        path = self._seconds_file(task)
        if not path.is_file() or float(path.read_text()) < seconds:
            replace_text(path, f"{seconds:.2f}")

    def tasks(self) -> list[tuple[str, str, str]]:
        """All of the work, the longest tasks first."""
        found: list[tuple[str, str, str]] = []
        for known in self.known:
            systems = KNOWN_ROWS if known.group != "piano" else (COPY,)
            found += [("known", known.recording.name, system) for system in systems]
        for place, inputs in self.inputs.items():
            found += [("pair", place, _pair_name(*pair)) for pair in self.pairs(place)]
            found += [("vocoder", place, given.name) for given in inputs]
        return found + [("true", str(true.path), "") for true in self.true]

    def _pair(self, set_name: str, name: str) -> None:
        given, target = next(pair for pair in self.pairs(set_name) if _pair_name(*pair) == name)
        systems = [*ROWS, *(PIANO_ROWS if given.instrument == "piano" else ())]
        for made in [self._other(set_name, given), *(self.systems.output(s, given, target) for s in systems)]:
            if made is not None:
                compare.against_input(self.judges, given, made)
                compare.as_instrument(self.judges, made.path, target)
                compare.attacks(self.judges, given.path, made.path)

    def _known(self, known: Known, system: str) -> None:
        if known.group != "piano":
            self.as_piano(known, system)
        if system == COPY:
            self.judges.basic_pitch(known.recording.path)
            self.judges.ours(known.recording.path)
            self.judges.transkun(known.recording.path)

    def _true(self, recording: Recording) -> None:
        compare.as_instrument(self.judges, recording.path, recording.instrument)
        compare.attacks(self.judges, recording.path, recording.path)
        self.judges.tagger(recording.path)


def _pair_name(given: Recording, target: str) -> str:
    return f"{given.instrument}/{given.name} to {target}"
