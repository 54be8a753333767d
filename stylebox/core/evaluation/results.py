"""The results of an evaluation: scores per case, means per system."""

from dataclasses import dataclass, field

from stylebox.core.evaluation.bootstrap import Interval

METRICS = {  # name -> whether more is better, column heading, decimals
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


@dataclass(frozen=True)
class CaseScores:
    """The figures of one system's output for one case.

    Attributes:
        row: Name of the system.
        case: Name of the case.
        style: The style that was asked for.
        seconds: Length of the output.
        transpose: Semitones by which the notes were moved.
        figures: One value per name of `METRICS`; NaN where a metric does not apply.
    """

    row: str
    case: str
    style: str
    seconds: float
    transpose: int
    figures: dict[str, float]


@dataclass(frozen=True)
class RowSummary:
    """One row of the table.

    Attributes:
        row: Name of the system.
        cases: How many cases it gave an output for.
        figures: Mean and 95 % interval per name of `METRICS`; None where the metric applied to no case.
    """

    row: str
    cases: int
    figures: dict[str, Interval | None]


@dataclass
class Evaluation:
    """The table of an evaluation and all that it was computed from.

    Attributes:
        model: Name of the model.
        seed: Seed of cases, transfers and intervals.
        transcriber: Name of what counted the notes.
        cases: Number of transfers per system.
        table: One row per system.
        outcomes: Figures per system and case.
        real_time_factor: Seconds of work per second of sound, by system.
        remarks: Sentences that a reader of the table needs.
        failed: Why files were left out, one line per file.
    """

    model: str
    seed: int
    transcriber: str
    cases: int
    table: list[RowSummary] = field(default_factory=list)
    outcomes: list[CaseScores] = field(default_factory=list)
    real_time_factor: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
