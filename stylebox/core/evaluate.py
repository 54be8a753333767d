"""`stylebox evaluate` as a job: transfers made and measured, beside rows that say what the figures mean.

Same model, inputs and seed on the same machine: the same table. What took how long is kept apart from it.
"""

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import numpy as np

from stylebox.core import library, paths
from stylebox.core.config import MelConfig
from stylebox.core.data.dataset import Dataset
from stylebox.core.engine import Transfer
from stylebox.core.errors import AudioError, ModelError
from stylebox.core.evaluation import content, distance, instrument, loudness, timbre
from stylebox.core.evaluation.bootstrap import Interval, mean_interval
from stylebox.core.evaluation.cases import Case, dataset_cases, file_cases
from stylebox.core.evaluation.page import Heard, evaluation_page
from stylebox.core.evaluation.rows import MODEL, TIMED, Made, Row, make_rows
from stylebox.core.models.classifier import CLASSES, OTHER, Classifier
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.music.style_names import instrument_of, match_name
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sound.note_match import note_f1, onset_f1
from stylebox.core.sound.notes import Note, transpose
from stylebox.core.transfer import AUDIO_SUFFIXES, Engine

TASK = "evaluating"
METRICS = {  # name -> whether more is better, the head of its column, digits after the point
    "chroma_cosine": (True, "chroma", 3),
    "onset_f1": (True, "onset F1", 3),
    "note_f1": (True, "note F1", 3),
    "pitch_error_cents": (False, "cents", 0),
    "loudness_correlation": (True, "loudness", 3),
    "timbre_distance": (False, "timbre", 3),
    "kernel_distance": (False, "kernel", 3),
    "instrument_probability": (True, "instrument", 3),
    "mel_distance_db": (False, "mel dB", 2),
}
COLUMNS = ("row", *(head for _, head, _ in METRICS.values()))
SHOWN_CASES = 3  # on a page; a case is some megabytes


@dataclass(frozen=True)
class Outcome:
    """One row's answer to one case. A figure that does not apply is NaN."""

    row: str
    case: str
    style: str
    seconds: float
    transpose: int
    figures: dict[str, float]


@dataclass(frozen=True)
class RowSummary:
    """One row of the table: means over its cases, with 95 % intervals; None where nothing could be measured."""

    row: str
    cases: int
    figures: dict[str, Interval | None]


@dataclass
class Evaluation:
    """The whole table, and all that went into it."""

    model: str
    seed: int
    transcriber: str
    cases: int
    table: list[RowSummary] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    real_time_factor: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # why files were left out


Keep = Callable[[Case, str, Made], None]


class Sounds:
    """Keeps what is made for the first few cases, to be put on a page."""

    def __init__(self, cases: int = SHOWN_CASES) -> None:
        self.cases = cases
        self.heard: list[Heard] = []

    def __call__(self, case: Case, row: str, made: Made) -> None:
        names = {sound.case for sound in self.heard}
        if case.name in names or len(names) < self.cases:
            self.heard.append(Heard(case.name, row, made.audio))


def evaluate_dataset(
    engine: Engine,
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
    opened.require_mel(engine.mel_config)
    known = sorted(engine.named_styles if isinstance(engine, Transfer) else engine.network.styles)
    asked: list[str] = []
    for style in styles:
        name = match_name(style, known)
        if name is None:
            raise ModelError(f"no style {style!r}; on a dataset, styles are names: {', '.join(known)}")
        asked.append(name)
    instruments = [name for name in known if name == instrument_of(name)]
    cases = dataset_cases(opened, asked or instruments, limit, seed)
    return evaluate_cases(engine, model, cases, seed, progress=progress, keep=keep)


def evaluate_files(
    engine: Engine,
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
        opened.require_mel(engine.mel_config)
    cases, failed = file_cases(files, styles, engine.sample_rate, limit, opened)
    result = evaluate_cases(engine, model, cases, seed, progress=progress, keep=keep)
    result.failed = failed
    return result


def evaluate_cases(
    engine: Engine,
    model: str,
    cases: Sequence[Case],
    seed: int = 0,
    *,
    rows: Mapping[str, Row] | None = None,
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
    encoder = library.load_content_encoder(model).to(engine.device)
    classifier = library.shipped_classifier()
    timed = TIMED if rows is None else tuple(rows)
    rows = make_rows(engine, model, seed) if rows is None else rows
    result = Evaluation(model, seed, content.TRANSCRIBER, len(cases))
    spent: dict[str, list[float]] = {name: [0.0, 0.0] for name in rows}
    for number, case in enumerate(cases):
        measure = _Measure(case, encoder, classifier, engine.mel_config)
        for name, row in rows.items():
            progress(Progress(TASK, number, len(cases), f"{case.name}: {name}"))
            begun = time.monotonic()
            made = row(case)
            if made is None:
                continue
            seconds = len(made.audio) / engine.sample_rate
            spent[name][0] += time.monotonic() - begun
            spent[name][1] += seconds
            figures = measure(made)
            result.outcomes.append(Outcome(name, case.name, case.style, seconds, made.transpose, figures))
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

    def __call__(self, made: Made) -> dict[str, float]:
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


def _summary(name: str, outcomes: list[Outcome], seed: int) -> RowSummary:
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


def cells(row: RowSummary) -> list[str]:
    """One row of the table for the eye: means, and the larger side of their intervals."""
    shown = [row.row]
    for name, (_, _, digits) in METRICS.items():
        interval = row.figures[name]
        shown.append(f"{interval.mean:.{digits}f} ±{interval.margin:.{digits}f}" if interval else "-")
    return shown


def write_csv(path: Path, result: Evaluation, force: bool = False) -> None:
    """The table, a line a row and figure.

    Raises:
        StyleboxError: `path` exists and `force` is false.
    """
    paths.refuse_overwrite(path, force)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "figure", "better", "mean", "low", "high", "cases"))
    for row in result.table:
        for name, interval in row.figures.items():
            values = (interval.mean, interval.low, interval.high, interval.count) if interval else ("", "", "", 0)
            writer.writerow((row.row, name, "more" if METRICS[name][0] else "less", *values))
    paths.write_text(path, text.getvalue())


def write_page(path: Path, result: Evaluation, sounds: Sounds, sample_rate: int, force: bool = False) -> None:
    """The table, and the sounds that were kept, as one HTML page.

    Raises:
        StyleboxError: `path` exists and `force` is false.
    """
    paths.refuse_overwrite(path, force)
    title = f"Model {result.model}: {result.cases} transfers, seed {result.seed}"
    remarks = [f"Notes are those that the {result.transcriber} hears.", *result.remarks]
    rows = [cells(row) for row in result.table]
    paths.write_text(path, evaluation_page(title, COLUMNS, rows, remarks, sounds.heard, sample_rate))
