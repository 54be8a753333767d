"""Figures of one output: against its input, against notes that are known, and against the target's instrument.

Every comparison undoes the transposition that the system announced. Reads what the judges found; knows no table.
"""

from collections.abc import Sequence
from pathlib import Path

import mir_eval
import numpy as np

from bench.excerpts import ONE_VOICE, RATE, Known, Recording, TimedNote, read
from bench.judges import Judges, timed
from bench.musicnn_tagger import INSTRUMENTS
from bench.signal_measures import Rise, attack_figures, lone_onsets
from bench.systems import Output
from stylebox.core.audio.io.read import resample
from stylebox.core.evaluation.metrics.loudness import loudness_correlation
from stylebox.core.models.classifier import CLASSES
from stylebox.core.music.notes import Note, key_hz

Figures = dict[str, float]
CENTS = 50.0
BEGINNING_SECONDS = 0.1  # of an excerpt of known music: a note that sounds already as it begins may count as new


def note_f1(wanted: Sequence[TimedNote], found: Sequence[TimedNote], onset_seconds: float) -> float:
    """F1 of notes: pitch within 50 cents, onset within a tolerance, offsets ignored (mir_eval).

    Args:
        wanted: The notes that should be there.
        found: Those that are.
        onset_seconds: The tolerance.
    """
    if not wanted or not found:
        return float(not wanted and not found)
    first, second = _arrays(wanted), _arrays(found)
    scores = mir_eval.transcription.precision_recall_f1_overlap(
        *first, *second, onset_tolerance=onset_seconds, pitch_tolerance=CENTS, offset_ratio=None
    )
    return float(scores[2])


def onset_errors_ms(wanted: Sequence[TimedNote], found: Sequence[TimedNote]) -> np.ndarray:
    """How much later than wanted each matched note begins, in ms; notes match within 100 ms and 50 cents."""
    if not wanted or not found:
        return np.zeros(0)
    first, second = _arrays(wanted), _arrays(found)
    pairs = mir_eval.transcription.match_notes(*first, *second, onset_tolerance=0.1, offset_ratio=None)
    return np.array([1000 * (second[0][b, 0] - first[0][a, 0]) for a, b in pairs])


def frame_f1(wanted: np.ndarray, found: np.ndarray, semitones: int) -> float:
    """F1 of the keys that sound, frame by frame.

    Args:
        wanted: Active keys of the input.
        found: Those of the output.
        semitones: By which the output was moved.

    Shape:
        ``(T, 88)`` both; the longer one is cut.
    """
    length = min(len(wanted), len(found))
    moved, found = _moved(wanted[:length], semitones), found[:length]
    return float(2 * (moved & found).sum() / max(1, moved.sum() + found.sum()))


def pitch_scores(wanted_hz: np.ndarray, found_hz: np.ndarray, semitones: int) -> tuple[float, float]:
    """Share of the input's pitched frames that are within 50 cents, and share of frames with the same voicing.

    Args:
        wanted_hz: Fundamental of the input, 0 where there is none.
        found_hz: That of the output.
        semitones: By which the output was moved.

    Shape:
        ``(T,)`` both; the longer one is cut.
    """
    length = min(len(wanted_hz), len(found_hz))
    wanted, found = wanted_hz[:length] * 2 ** (semitones / 12), found_hz[:length]
    voiced, both = wanted > 0, (wanted > 0) & (found > 0)
    if not voiced.any():
        return float("nan"), float("nan")
    cents = np.abs(1200 * np.log2(found[both] / wanted[both]))
    return float((cents <= CENTS).sum() / voiced.sum()), float(((found > 0) == voiced).mean())


def against_input(judges: Judges, given: Recording, made: Output) -> Figures:
    """How much of the input's music is there.

    Args:
        judges: Their answers.
        given: The input.
        made: The output.
    """
    before, after = judges.basic_pitch(given.path), judges.basic_pitch(made.path)
    wanted, found = timed(before.notes, made.transpose), timed(after.notes)
    errors = onset_errors_ms(wanted, found)
    own = timed(judges.ours(given.path), made.transpose), timed(judges.ours(made.path))
    figures = {
        "note_f1_50": note_f1(wanted, found, 0.05),
        "note_f1_100": note_f1(wanted, found, 0.1),
        "own_f1_100": note_f1(*own, 0.1),
        "frame_f1": frame_f1(before.active, after.active, made.transpose),
        "loudness": _loudness(given.path, made.path),
        "onset_late_ms": float(np.median(errors)) if len(errors) else float("nan"),
        "onset_error_ms": float(np.median(np.abs(errors))) if len(errors) else float("nan"),
    }
    if given.instrument in ONE_VOICE:
        hz = judges.pitch(given.path).hz, judges.pitch(made.path).hz
        figures["pitch"], figures["voicing"] = pitch_scores(*hz, made.transpose)
    return figures


def against_truth(known: Known, found: Sequence[Note], semitones: int = 0) -> Figures:
    """Notes against those that are known, the mean over annotators.

    Args:
        known: The music.
        found: Its notes as a transcriber has them.
        semitones: By which they were moved.
    """
    heard = [note for note in timed(found, -semitones) if note[0] >= BEGINNING_SECONDS]
    scores = []
    for truth in known.truths:
        wanted = [note for note in truth if note[0] >= BEGINNING_SECONDS]
        errors = onset_errors_ms(wanted, heard)
        middle = float(np.median(np.abs(errors))) if len(errors) else float("nan")
        scores.append((note_f1(wanted, heard, 0.05), note_f1(wanted, heard, 0.1), middle))
    at_50, at_100, error = (float(np.mean(column)) for column in zip(*scores, strict=True))
    return {"f1_50": at_50, "f1_100": at_100, "onset_error_ms": error}


def as_instrument(judges: Judges, path: Path, target: str) -> Figures:
    """How surely a file is taken for an instrument, and how it sounds.

    Args:
        judges: Their answers.
        path: The file.
        target: The instrument.
    """
    figures: Figures = {}
    if target in INSTRUMENTS:
        shares = judges.tagger(path).shares
        figures["tagger"] = shares[target]
        figures["tagger_named"] = float(max(shares, key=lambda name: shares[name]) == target)
    if target in CLASSES:
        chances = judges.classifier(path)
        figures["classifier"] = chances[target]
        figures["classifier_named"] = float(max(chances, key=lambda name: chances[name]) == target)
    sound = judges.sound(path)
    figures |= {f"texture_{index}": value for index, value in enumerate(sound["texture"])}
    return figures | {name: sound[name] for name in ("treble", "bandwidth", "noisiness")}


def attacks(judges: Judges, given: Path, made: Path) -> dict[str, list[float]]:
    """Lead and rise time of the attacks of an output at the lone onsets of its input (`attack_figures`).

    Args:
        judges: Their answers.
        given: The input; for a true recording the same as `made`.
        made: The output.
    """
    onsets = lone_onsets([round(note.start_seconds, 4) for note in judges.basic_pitch(given).notes])
    rises: list[list[Rise | None]] = [judges.rises(path, onsets) for path in (given, made)]
    return attack_figures(*rises)


def _arrays(notes: Sequence[TimedNote]) -> tuple[np.ndarray, np.ndarray]:
    """Intervals ``(N, 2)`` and frequencies ``(N,)``."""
    intervals = np.array([(start, max(stop, start + 0.01)) for start, stop, _ in notes])
    return intervals, key_hz(np.array([key for _, _, key in notes]))


def _moved(active: np.ndarray, semitones: int) -> np.ndarray:
    """Keys moved along the keyboard; what leaves it is gone."""
    moved = np.zeros_like(active)
    if abs(semitones) < active.shape[1]:
        low, high = max(0, semitones), active.shape[1] + min(0, semitones)
        moved[:, low:high] = active[:, low - semitones : high - semitones]
    return moved


def _loudness(given: Path, made: Path) -> float:
    """Correlation of the loudness contours, as `stylebox evaluate` has it."""
    (first, first_rate), (second, second_rate) = read(given), read(made)
    return loudness_correlation(resample(first, first_rate, RATE), resample(second, second_rate, RATE), RATE)
