"""The results of an evaluation: scores per case, means per system."""

from dataclasses import dataclass, field

from stylebox.core.evaluation.bootstrap import Interval

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


@dataclass(frozen=True)
class CaseScores:
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
    outcomes: list[CaseScores] = field(default_factory=list)
    real_time_factor: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # why files were left out
