"""`stylebox evaluate` as a job: make transfers, measure them, and measure other systems on the same cases.

The same model, inputs and seed give the same table on the same machine. The working times are not part of the table.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from stylebox.core.config import MelConfig
from stylebox.core.evaluation.bootstrap import mean_interval
from stylebox.core.evaluation.cases import Case, remarks_of
from stylebox.core.evaluation.metrics import content, distance, instrument, loudness, timbre
from stylebox.core.evaluation.results import METRICS, CaseScores, Evaluation, RowSummary
from stylebox.core.evaluation.selection import cases_of_dataset, cases_of_files
from stylebox.core.evaluation.systems import MODEL, TIMED, System, SystemOutput, make_systems
from stylebox.core.models.classifier import CLASSES, OTHER, Classifier
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.music.note_matching import note_f1, onset_f1
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.style_names import instrument_of, match_name
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store import library

TASK = "evaluating"


Keep = Callable[[Case, str, SystemOutput], None]  # receives every output with its case and the system's name


def evaluate_dataset(
    pipeline: Pipeline,
    model: str,
    dataset: Path,
    *,
    styles: Sequence[str] = (),
    limit: int = 12,
    seed: int = 0,
    progress: ProgressCallback = silent,
    keep: Keep | None = None,
) -> Evaluation:
    """Measure a model on the held-out recordings of a dataset.

    Args:
        pipeline: The loaded model.
        model: Its name, from which its parts are loaded alone.
        dataset: Folder of a built dataset.
        styles: Names to transfer to; by default all instruments that the model knows.
        limit: Most transfers, at least 1.
        seed: Of cases, transfers and intervals.
        progress: Receives how far the work is.
        keep: Receives every output.

    Raises:
        ModelError: The model does not know one of the styles, or has no content encoder.
        DatasetError: There is no such dataset, or none of its recordings is held out.
    """
    cases = cases_of_dataset(pipeline, dataset, styles, limit, seed)
    return evaluate_cases(pipeline, model, cases, seed, progress=progress, keep=keep)


def evaluate_files(
    pipeline: Pipeline,
    model: str,
    inputs: Path,
    styles: Sequence[str],
    *,
    dataset: Path | None = None,
    limit: int = 12,
    seed: int = 0,
    progress: ProgressCallback = silent,
    keep: Keep | None = None,
) -> Evaluation:
    """Measure a model on the audio files of a folder, every file in every style.

    Args:
        pipeline: The loaded model.
        model: Its name, from which its parts are loaded alone.
        inputs: A folder, or one file.
        styles: Names or audio files.
        dataset: A built dataset whose recordings represent named styles in the timbre metrics.
        limit: Most transfers, at least 1.
        seed: Of transfers and intervals.
        progress: Receives how far the work is.
        keep: Receives every output.

    Raises:
        AudioError: There are no audio files, or none can be read.
        ModelError: The model has no content encoder.
    """
    found = cases_of_files(pipeline, inputs, styles, dataset, limit)
    result = evaluate_cases(pipeline, model, found.cases, seed, progress=progress, keep=keep)
    result.failed = found.failed
    result.remarks += found.remarks
    return result


def evaluate_cases(
    pipeline: Pipeline,
    model: str,
    cases: Sequence[Case],
    seed: int = 0,
    *,
    rows: Mapping[str, System] | None = None,
    progress: ProgressCallback = silent,
    keep: Keep | None = None,
) -> Evaluation:
    """Measure systems on cases.

    Args:
        pipeline: The loaded model.
        model: Its name, from which its parts are loaded alone.
        cases: The transfers to make.
        seed: Of transfers and intervals.
        rows: The systems by name, all of them timed; by default those of `stylebox evaluate`.
        progress: Receives how far the work is.
        keep: Receives every output.

    Raises:
        ModelError: The model has no content encoder, which transcribes.
    """
    encoder = library.load_content_encoder(model).to(pipeline.device)
    classifier = library.shipped_classifier()
    timed = TIMED if rows is None else tuple(rows)
    rows = make_systems(pipeline, seed) if rows is None else rows
    result = Evaluation(model, seed, content.TRANSCRIBER, len(cases))
    spent: dict[str, list[float]] = {name: [0.0, 0.0] for name in rows}
    for number, case in enumerate(cases):
        measure = _Measure(case, encoder, classifier, pipeline.mel_config)
        for name, row in rows.items():
            progress(Progress(TASK, number, len(cases), f"{case.name}: {name}"))
            begun = time.monotonic()
            made = row(case)
            if made is None:
                continue
            seconds = len(made.audio) / pipeline.sample_rate
            spent[name][0] += time.monotonic() - begun
            spent[name][1] += seconds
            figures = measure(made)
            result.outcomes.append(CaseScores(name, case.name, case.style, seconds, made.transpose, figures))
            if keep is not None:
                keep(case, name, made)
    progress(Progress(TASK, len(cases), len(cases)))
    result.table = [_summary(name, [o for o in result.outcomes if o.row == name], seed) for name in rows]
    result.real_time_factor = {n: s[0] / s[1] for n, s in spent.items() if n in timed and s[1]}
    result.remarks = _remarks(cases, result)
    return result


class _Measure:
    """All figures of the outputs for one case. The case itself is transcribed once."""

    def __init__(self, case: Case, encoder: ContentEncoder, classifier: Classifier, config: MelConfig) -> None:
        self.case, self.encoder, self.classifier, self.config = case, encoder, classifier, config
        known = None if case.notes is None else dict.fromkeys(content.ONSET_THRESHOLDS, case.notes)
        self.notes = known or self._transcribe(case.content)

    def __call__(self, made: SystemOutput) -> dict[str, float]:
        """The figures of one output, by the names of `METRICS`."""
        case, rate, moved = self.case, self.config.sample_rate, made.transpose
        found = self._transcribe(made.audio)
        pairs = [(transpose(notes, moved), found[at]) for at, notes in self.notes.items()]
        figures = {
            "chroma_cosine": content.chroma_cosine(case.content, made.audio, rate, moved),
            "onset_f1": fmean(onset_f1(*pair) for pair in pairs),
            "note_f1": fmean(note_f1(*pair) for pair in pairs),
            "pitch_error_cents": content.pitch_error_cents(
                case.content, made.audio, rate, self.notes[content.USUAL_THRESHOLD], moved
            ),
            "loudness_correlation": loudness.loudness_correlation(case.content, made.audio, rate),
            "timbre_distance": timbre.timbre_distance(case.references, made.audio, self.config),
            "kernel_distance": distance.kernel_distance(case.references, made.audio, self.config),
            "instrument_probability": instrument.instrument_probability(self.classifier, made.audio, case.style, rate),
            "mel_distance_db": float("nan"),
        }
        if case.target is not None:
            figures["mel_distance_db"] = distance.mel_distance_db(case.target, made.audio, self.config)
        return figures

    def _transcribe(self, audio: np.ndarray) -> dict[float, list[Note]]:
        """Notes by threshold."""
        return content.transcriptions(self.encoder, audio, self.config.sample_rate)


def _summary(name: str, outcomes: list[CaseScores], seed: int) -> RowSummary:
    """Means and intervals of one system."""
    figures = {m: mean_interval([o.figures[m] for o in outcomes], seed) for m in METRICS}
    return RowSummary(name, len(outcomes), figures)


def _remarks(cases: Sequence[Case], result: Evaluation) -> list[str]:
    """Sentences that a reader of the table needs."""
    remarks = [
        f"{row.row}: no output for any case; the model has no such part, or there is no recording to use"
        for row in result.table
        if row.cases == 0
    ]
    remarks += remarks_of(cases)
    moved = sum(outcome.row == MODEL and outcome.transpose != 0 for outcome in result.outcomes)
    if moved:
        remarks.append(
            f"{MODEL}: transposed the music in {moved} of {len(cases)} cases; notes are compared after undoing this"
        )
    if not all(case.references for case in cases):
        remarks.append("timbre is not measured for a style without recordings; give --dataset or a clip")
    if not any(match_name(instrument_of(case.style), CLASSES) for case in cases):
        known = ", ".join(name for name in CLASSES if name != OTHER)
        remarks.append(f"the classifier knows only these instruments: {known}")
    if not any(case.notes is not None for case in cases):
        remarks.append("the exact notes of the input are not known; the transcriber's notes are used instead")
    return remarks
