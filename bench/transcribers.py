"""Transcribers against known notes: the content encoder of `stylebox transcribe` beside Basic Pitch.

    python -m bench.transcribers --truth DATA --soundfont FONT.sf2 --packages PACKAGES [--samples FOLDER]

DATA and PACKAGES are those of bench/results.py.
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
from scipy.stats import spearmanr

from bench.basic_pitch import RATE as BASIC_PITCH_RATE
from bench.basic_pitch import BasicPitch
from bench.page import Cell, Section, Table
from stylebox.core.audio.io.read import load_audio, resample
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import Note, key_hz
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.sources.render import samples as sample_engine
from stylebox.core.sources.render.sample_sets import find_sample_sets
from stylebox.core.sources.render.scores import one_at_a_time, random_score
from stylebox.core.sources.render.soundfont import synthesise
from stylebox.core.sources.render.strums import strums
from stylebox.core.sources.render.textures import Event, Setting

RATE = 44100
STRUM_CLIPS, STRUM_SECONDS, SCORE_CLIPS = 6, 12.0, 4
SCORE_INSTRUMENTS = ("piano", "guitar", "violin", "flute")
_SEED = 770  # of the scores; training's are 7 and 11
_FRAMES_PER_SECOND = 50.0
_SHORTEST_SECONDS = 0.01  # mir_eval refuses notes without length
_MAJOR = np.array([12 * octave + step for octave in range(10) for step in (0, 2, 4, 5, 7, 9, 11)])

COLUMNS = {
    "f1_50": "F1, 50 ms",
    "f1_100": "F1, 100 ms",
    "precision_50": "precision, 50 ms",
    "recall_50": "recall, 50 ms",
    "recall_100": "recall, 100 ms",
    "frame_f1": "frame F1",
    "velocity": "velocity, rank correlation",
}

Transcriber = Callable[[np.ndarray], list[Note]]


@dataclass(frozen=True)
class Clip:
    """A recording whose notes are known.

    Attributes:
        question: The set that it belongs to.
        audio: Mono, at `RATE`.
        notes: The truth.

    Shape:
        audio ``(S,)``.
    """

    question: str
    audio: np.ndarray
    notes: list[Note]


def basic_pitch(packages: Path) -> Transcriber:
    """Basic Pitch at its defaults.

    Args:
        packages: Has the folder ``basic_pitch``.
    """
    network = BasicPitch(packages)
    return lambda audio: [Note(*note) for note in network.transcribe(resample(audio, RATE, BASIC_PITCH_RATE)).notes]


def known_recordings(data: Path) -> list[Clip]:
    """The real recordings with aligned or annotated notes."""
    truth = data / "truth"
    violin = {
        "john-garner_bwv1002_mov7": data / "phrases/violin/bachviolin_john-garner_bwv1002_mov7.ogg",
        "john-garner_bwv1002_mov8": data / "performances/violin/Garner_john-garner_bwv1002_mov8.opus",
    }
    clips = [
        Clip("violin, aligned score", load_audio(path, RATE), _read_tsv(truth / f"{name}.tsv"))
        for name, path in violin.items()
    ]
    singer = load_audio(truth / "vocadito_1.opus", RATE)
    annotations = [_read_tsv(truth / f"vocadito_1_{who}.tsv") for who in ("A1", "A2")]
    return clips + [Clip("singer, two annotators", singer, notes) for notes in annotations]


def rendered_scores(font: Path) -> list[Clip]:
    """Random scores by a SoundFont."""
    clips = []
    for name in SCORE_INSTRUMENTS:
        for number in range(SCORE_CLIPS):
            notes = random_score(np.random.default_rng([_SEED, number]), STRUM_SECONDS)
            audio = synthesise(notes, font, instrument(name).programs[0], STRUM_SECONDS, RATE)
            clips.append(Clip("scores by a SoundFont", audio, notes))
    return clips


def strummed_chords(font: Path, samples: Path | None) -> list[Clip]:
    """Strummed chords by a SoundFont, and by recorded guitar notes if there are any."""
    program = instrument("guitar").programs[-1]
    sets = find_sample_sets(samples, ["guitar"]).folders if samples else ()
    clips = []
    for number in range(STRUM_CLIPS):
        rng = np.random.default_rng([_SEED, 100, number])
        beat = float(rng.uniform(0.45, 0.8))
        events = strums(rng, Setting(STRUM_SECONDS / beat, beat, _MAJOR + int(rng.integers(12)), 50))
        notes = one_at_a_time([_played(event, beat) for event in events if event.beat * beat < STRUM_SECONDS - 0.1])
        clips.append(Clip("strums by a SoundFont", synthesise(notes, font, program, STRUM_SECONDS, RATE), notes))
        if sets:
            played = sample_engine.synthesise(
                notes, sample_engine.SampleSet.open(sets[number % len(sets)].files), STRUM_SECONDS, RATE, rng
            )
            clips.append(Clip("strums by recorded notes", played, notes))
    return clips


def _played(event: Event, beat_seconds: float) -> Note:
    """An event at a steady tempo."""
    start, end = event.beat * beat_seconds, (event.beat + event.length) * beat_seconds
    return Note(start, min(end, STRUM_SECONDS), event.pitch, float(np.clip(0.6 + event.accent, 0.2, 1.0)))


def scores_of(truth: Sequence[Note], found: Sequence[Note]) -> dict[str, float]:
    """F1 of notes at two tolerances, precision and recall, F1 of keys frame by frame, rank correlation of velocities.

    A note is found if its pitch is within 50 cents and its onset within the tolerance; offsets are ignored.
    """
    if not found:
        return {**dict.fromkeys(COLUMNS, 0.0), "velocity": float("nan")}
    pairs = (*_arrays(truth), *_arrays(found))
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *pairs, onset_tolerance=0.05, offset_ratio=None
    )
    _, wide_recall, wide, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *pairs, onset_tolerance=0.1, offset_ratio=None
    )
    matches = mir_eval.transcription.match_notes(*pairs, onset_tolerance=0.05, offset_ratio=None)
    pairs_of_velocity = np.array([(truth[i].velocity, found[j].velocity) for i, j in matches])
    known = len(matches) > 2 and np.ptp(pairs_of_velocity[:, 0]) > 0.02
    both, either = _frames(truth, found)
    return {
        "f1_50": f1,
        "f1_100": wide,
        "precision_50": precision,
        "recall_50": recall,
        "recall_100": wide_recall,
        "frame_f1": 2 * both / max(either, 1),
        "velocity": float(spearmanr(*pairs_of_velocity.T)[0]) if known else float("nan"),
    }


def transcribers(pipeline: BasePipeline, packages: Path, data: Path, font: Path, samples: Path | None) -> Section:
    """The comparison as a section of the results.

    Args:
        pipeline: The loaded model.
        packages: Where Basic Pitch is.
        data: The folder of recordings and truths.
        font: The SoundFont that plays scores and strums.
        samples: A folder of recorded notes with guitars, if any.
    """

    def ours(audio: np.ndarray) -> list[Note]:
        return pipeline.transcribe(resample(audio, RATE, pipeline.sample_rate)).notes

    systems: dict[str, Transcriber] = {"stylebox": ours, "Basic Pitch": basic_pitch(packages)}
    clips = [*known_recordings(data), *rendered_scores(font), *strummed_chords(font, samples)]
    rows: list[list[Cell]] = []
    for question in dict.fromkeys(clip.question for clip in clips):
        asked = [clip for clip in clips if clip.question == question]
        for name, transcribe in systems.items():
            found = [scores_of(clip.notes, transcribe(clip.audio)) for clip in asked]
            means = {key: _mean([scores[key] for scores in found]) for key in COLUMNS}
            rows.append([question, name, len(asked), *means.values()])
    explanation = (
        "Notes against known notes: pitch within 50 cents, onset within 50 or 100 ms, offsets ignored; keys that sound "
        f"frame by frame. Scores and strums are played by {font.name}; they come from the generator that our training "
        "uses, with other seeds, which favours our transcriber. The alignments of the violin are estimates that may be "
        "wrong by 0.1 s."
    )
    return Section("Transcribers", [explanation, Table(("set", "transcriber", "clips", *COLUMNS.values()), rows)])


def _read_tsv(path: Path) -> list[Note]:
    """Notes of a table with start, end and pitch, which may lie between two keys."""
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    notes = []
    for row in rows:
        pitch = float(row["midi_pitch"])
        key = round(pitch)
        notes.append(Note(float(row["start_seconds"]), float(row["end_seconds"]), key, cents=100 * (pitch - key)))
    return sorted(notes)


def _arrays(notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    spans = np.array([(n.start_seconds, max(n.end_seconds, n.start_seconds + _SHORTEST_SECONDS)) for n in notes])
    return spans, key_hz(np.array([n.pitch + n.cents / 100 for n in notes]))


def _frames(truth: Sequence[Note], found: Sequence[Note]) -> tuple[float, float]:
    """How many keys sound in both, and in each added together, over all frames."""
    last = max(note.end_seconds for note in (*truth, *found))
    rolls = []
    for notes in (truth, found):
        roll = np.zeros((round(last * _FRAMES_PER_SECOND) + 1, 128), bool)
        for note in notes:
            first, stop = (round(t * _FRAMES_PER_SECOND) for t in (note.start_seconds, note.end_seconds))
            roll[first:stop, note.pitch] = True
        rolls.append(roll)
    return float((rolls[0] & rolls[1]).sum()), float(rolls[0].sum() + rolls[1].sum())


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder with truth/, phrases/ and performances/")
    parser.add_argument("--soundfont", type=Path, required=True)
    parser.add_argument("--samples", type=Path, help="folder of recorded notes with an INDEX.tsv")
    parser.add_argument("--packages", type=Path, required=True, help="has the folder basic_pitch")
    parser.add_argument("--model", default="base")
    asked = parser.parse_args()
    pipeline = BasePipeline(asked.model)
    section = transcribers(pipeline, asked.packages, asked.truth, asked.soundfont, asked.samples)
    print("\n".join(section.lines()))


if __name__ == "__main__":
    main()
