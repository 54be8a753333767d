"""`stylebox evaluate` as a job: transfers made and measured, beside rows that say what the figures mean.

Same model, inputs and seed on the same machine: the same table. What took how long is kept apart from it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from stylebox.core.config import MelConfig
from stylebox.core.data.dataset import Dataset
from stylebox.core.errors import AudioError, ModelError
from stylebox.core.evaluation.bootstrap import mean_interval
from stylebox.core.evaluation.cases import Case, dataset_cases, file_cases
from stylebox.core.evaluation.metrics import content, distance, instrument, loudness, timbre
from stylebox.core.evaluation.results import METRICS, CaseScores, Evaluation, RowSummary
from stylebox.core.evaluation.systems import MODEL, TIMED, System, SystemOutput, make_systems
from stylebox.core.jobs.transfer import AUDIO_SUFFIXES, Pipeline
from stylebox.core.models.classifier import CLASSES, OTHER, Classifier
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.music.note_matching import note_f1, onset_f1
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.style_names import instrument_of, match_name
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store import library

TASK = "evaluating"


Keep = Callable[[Case, str, SystemOutput], None]


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
        styles: Names to transfer to; all instruments the model knows unless given.
        limit: How many transfers, in [1, ...).
        keep: Told every sound that is made.

    Raises:
        StyleboxError: there is no such dataset, or nothing in it is held out.
    """
    opened = Dataset.open(dataset)
    opened.require_mel(pipeline.mel_config)
    known = sorted(pipeline.named_styles if isinstance(pipeline, BasePipeline) else pipeline.network.styles)
    asked: list[str] = []
    for style in styles:
        name = match_name(style, known)
        if name is None:
            raise ModelError(f"no style {style!r}; on a dataset, styles are names: {', '.join(known)}")
        asked.append(name)
    instruments = [name for name in known if name == instrument_of(name)]
    cases = dataset_cases(opened, asked or instruments, limit, seed)
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
    """Measure a model on the audio files of a folder, each in each style.

    Args:
        styles: Names or audio files.
        dataset: Where recordings of the styles that are names may be found, to compare timbre with.

    Raises:
        StyleboxError: there are no files, or none can be read.
    """
    files = [inputs] if inputs.is_file() else sorted(p for p in inputs.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        raise AudioError(f"{inputs}: no audio files in it; name another folder")
    opened = Dataset.open(dataset) if dataset is not None else None
    if opened is not None:
        opened.require_mel(pipeline.mel_config)
    cases, failed = file_cases(files, styles, pipeline.sample_rate, limit, opened)
    result = evaluate_cases(pipeline, model, cases, seed, progress=progress, keep=keep)
    result.failed = failed
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
    """Measure answers to cases.

    Args:
        rows: What answers them, by name; the rows of `stylebox evaluate` unless given. All that is given is timed.
        keep: Told every sound that is made.

    Raises:
        ModelError: the model has no content encoder to listen with.
    """
    encoder = library.load_content_encoder(model).to(pipeline.device)
    classifier = library.shipped_classifier()
    timed = TIMED if rows is None else tuple(rows)
    rows = make_systems(pipeline, model, seed) if rows is None else rows
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
    """All figures of answers to one case; what the case itself sounds like is found out once."""

    def __init__(self, case: Case, encoder: ContentEncoder, classifier: Classifier, config: MelConfig) -> None:
        self.case, self.encoder, self.classifier, self.config = case, encoder, classifier, config
        known = None if case.notes is None else dict.fromkeys(content.ONSET_THRESHOLDS, case.notes)
        self.notes = known or self._heard(case.content)

    def __call__(self, made: SystemOutput) -> dict[str, float]:
        case, rate, moved = self.case, self.config.sample_rate, made.transpose
        found = self._heard(made.audio)
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

    def _heard(self, audio: np.ndarray) -> dict[float, list[Note]]:
        return content.transcriptions(self.encoder, audio, self.config.sample_rate)


def _summary(name: str, outcomes: list[CaseScores], seed: int) -> RowSummary:
    figures = {m: mean_interval([o.figures[m] for o in outcomes], seed) for m in METRICS}
    return RowSummary(name, len(outcomes), figures)


def _remarks(cases: Sequence[Case], result: Evaluation) -> list[str]:
    """What the reader of the table must know."""
    remarks = [
        f"{row.row}: no answer to any case; the model has no such part, or there is no recording to take"
        for row in result.table
        if row.cases == 0
    ]
    moved = sum(outcome.row == MODEL and outcome.transpose != 0 for outcome in result.outcomes)
    if moved:
        remarks.append(
            f"{MODEL}: moved the music in {moved} of {len(cases)} cases; notes are compared after undoing that"
        )
    if not all(case.references for case in cases):
        remarks.append("timbre is not measured where no recording of the style is at hand; name a dataset or a clip")
    if not any(match_name(instrument_of(case.style), CLASSES) for case in cases):
        known = ", ".join(name for name in CLASSES if name != OTHER)
        remarks.append(f"the probability of the instrument is known for styles by these names: {known}")
    if not any(case.notes is not None for case in cases):
        remarks.append("the input's notes are not known exactly; they are those the transcriber hears in it")
    return remarks
