"""The same recordings by everyone: the table, who is ahead in what, and whether two ears agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from bench.external_transcriber import ExternalTranscriber
from bench.musicnn_tagger import MusicnnTagger
from bench.page import Cell, Section, Table
from bench.systems import BENT, COPIES, DIFFUSED, ENVELOPE, OURS, RIVAL, Recording
from stylebox.core.evaluation.bootstrap import Interval, mean_interval
from stylebox.core.evaluation.results import METRICS, CaseScores, Evaluation

JUDGE_HEADS = {"judge_50": "judge's F1, 50 ms", "judge_100": "100 ms"}
TAGGER_HEADS = {"tagger": "tagger", "tagger_named": "named"}
TAGGER_TOLD = (
    "- `tagger` is an ear outside this project: musicnn, a network taught tags by real recordings. Its figure is the "
    "share that the wanted instrument has of its belief in any of eight; `named`, how often that share is the largest. "
    "It knows pianos and harps as records have them: of a few bare notes of a real piano or harp it says guitar."
)
LEFT_OUT = ("mel_distance_db", "pitch_error_cents")  # no true target; most inputs have more than one voice
AGREEMENT_HEAD = ("", "outputs", "rank correlation", "as wanted")
ENOUGH_OUTPUTS, WANTED_CORRELATION = 10, 0.7


@dataclass(frozen=True)
class Results:
    """Every figure of every output: evaluate's own, and those of outside ears where there are any."""

    evaluation: Evaluation
    judge: ExternalTranscriber | None
    tagger: MusicnnTagger | None

    @property
    def heads(self) -> dict[str, tuple[str, bool]]:
        """Figures that are shown: name -> head of its column, whether more is better."""
        judged = {name: (head, True) for name, head in JUDGE_HEADS.items()} if self.judge else {}
        tagged = {name: (head, True) for name, head in TAGGER_HEADS.items()} if self.tagger else {}
        own = {name: (head, more) for name, (more, head, _) in METRICS.items() if name not in LEFT_OUT}
        return judged | own | tagged

    @property
    def rows(self) -> list[str]:
        """Names of the systems, in the order of the table."""
        return [summary.row for summary in self.evaluation.table]

    @property
    def cases(self) -> list[str]:
        """Names of the cases, in their order."""
        return list(dict.fromkeys(outcome.case for outcome in self.evaluation.outcomes))

    def figure(self, outcome: CaseScores, name: str) -> float:
        """One figure of one case, measured by the evaluation or by a judge."""
        for ear, heads in ((self.judge, JUDGE_HEADS), (self.tagger, TAGGER_HEADS)):
            if ear is not None and name in heads:
                return ear.table[outcome.row, outcome.case][name]
        return outcome.figures[name]

    def values(self, name: str, row: str, cases: Sequence[str] | None = None) -> list[float]:
        """One figure of one row, case by case."""
        outcomes = [o for o in self.evaluation.outcomes if o.row == row and (cases is None or o.case in cases)]
        return [self.figure(outcome, name) for outcome in outcomes]

    def mean(self, name: str, row: str, cases: Sequence[str] | None = None) -> float | None:
        """Mean of one figure of one row; None without finite values."""
        interval = mean_interval(self.values(name, row, cases))
        return interval.mean if interval else None


def main_table(results: Results, seconds: float) -> Section:
    """Means of all figures, a row a system."""
    heads = results.heads
    factor = results.evaluation.real_time_factor
    rows = [
        [row, *(results.mean(name, row) for name in heads), factor.get(row) if row not in COPIES else None]
        for row in results.rows
    ]
    smaller = [head for head, more in heads.values() if not more]
    told = (
        f"The first {seconds:g} s of the recordings listed below, each in every style but its own: "
        f"{results.evaluation.cases} transfers a row. Figures are those of `stylebox evaluate` "
        f"([definitions](evaluation.md)); better the smaller: {', '.join(smaller)}; the others the larger. "
        "Time: seconds of work for a second of sound."
    )
    biases = [
        "- Whose ear: evaluate's F1 is counted by our own content encoder, which favours ours. "
        + (
            "The judge is a script outside this project; if it listens with Basic Pitch's network, as the transcriber "
            "of `transcriber + SoundFont` does, it favours that row."
            if results.judge
            else "No outside judge was named (`--judge`)."
        ),
        "- Timbre and kernel distance are to a held-out recording of every timbre the dataset has of the style. That "
        "can include the SoundFont of `transcriber + SoundFont` and notes ours was trained on.",
        f"- `{ENVELOPE}` takes on the mean that the timbre distance compares, from a recording outside the references; "
        "`copy of the style` is one of the references.",
        f"- `{BENT}` is the transcriber's MIDI file as it writes it, where a bend stays until the next one and moves "
        f"notes that have none; `{RIVAL}` leaves bends out.",
        *([TAGGER_TOLD] if results.tagger else []),
        "- If these recordings were heard when the model was chosen (its card says so), they flatter it.",
        "- Ours bends its loudness to the input's on purpose, over phrases.",
    ]
    return Section(
        "The same recordings by everyone",
        [told, Table(["", *(h for h, _ in heads.values()), "time"], rows), "\n".join(biases)],
    )


def duel(results: Results, title: str, *rivals: str) -> Section:
    """Ours against an alternative, figure by figure; against the better one, if it has several ways."""
    ear = "judge_50" if results.judge else "note_f1"
    rival = max(rivals, key=lambda row: results.mean(ear, row) or 0.0)
    told = (
        f"Both on the same cases; theirs is `{rival}`"
        + (", the one that keeps more notes" if len(rivals) > 1 else "")
        + ". The difference is ours (draft) minus theirs, with its 95 % bootstrap interval; ahead is named only where "
        "that leaves out 0."
    )
    rows: list[list[Cell]] = []
    for name, (head, more) in results.heads.items():
        ours, theirs = (results.values(name, row) for row in (OURS, rival))
        apart = mean_interval([a - b for a, b in zip(ours, theirs, strict=True)])
        if apart is not None:
            shown = f"{apart.mean:+.2f} ({apart.low:+.2f} to {apart.high:+.2f})"
            rows.append([head, results.mean(name, OURS), results.mean(name, rival), shown, ahead(apart, more)])
    return Section(title, [told, Table(["", "ours", "theirs", "difference", "ahead"], rows)])


def ahead(difference: Interval, more_is_better: bool) -> str:
    """Who is ahead, given ours minus theirs with its interval."""
    if difference.low <= 0 <= difference.high:
        return "neither"
    return "ours" if (difference.low > 0) == more_is_better else "theirs"


def by_input(results: Results, recordings: Sequence[Recording]) -> Section:
    """Notes kept, input by input, worst first: an average hides the inputs that fail."""
    name = "judge_50" if results.judge else "note_f1"
    systems = [OURS, DIFFUSED, RIVAL, ENVELOPE]
    known = {r.name: [c for c in results.cases if c.startswith(f"{r.name} as ")] for r in recordings}
    worst_first = sorted(recordings, key=lambda r: results.mean(name, OURS, known[r.name]) or 0.0)
    rows: list[list[Cell]] = [
        [f"{r.name} ({r.instrument})", *(results.mean(name, row, known[r.name]) for row in systems)]
        for r in worst_first
    ]
    whose = "the judge's note F1, 50 ms" if results.judge else "evaluate's note F1"
    return Section(
        "Input by input, ours worst first", [f"Mean over the styles of {whose}.", Table(["", *systems], rows)]
    )


def agreement(results: Results) -> Section:
    """Do the judge and evaluate's own note F1 put outputs in the same order?"""
    made = [row for row in results.rows if row not in COPIES]
    rows: list[tuple[str, int, float | None]] = []
    for title, chosen in (
        ("all outputs of all systems", made),
        ("outputs of ours", [row for row in made if row.startswith("ours")]),
        (f"outputs of {OURS}", [OURS]),
        (f"outputs of {RIVAL}", [RIVAL]),
    ):
        judged = [value for row in chosen for value in results.values("judge_50", row)]
        own = [value for row in chosen for value in results.values("note_f1", row)]
        rows.append((title, len(judged), rank_correlation(judged, own)))
    means = [[results.mean(name, row) or 0.0 for row in made] for name in ("judge_50", "note_f1")]
    rows.append(("systems, by their means", len(made), rank_correlation(*means)))
    told = (
        "Spearman's rank correlation of the judge's note F1 (50 ms) and evaluate's own, output by output; 1 is the "
        f"same order. Wanted: at least {WANTED_CORRELATION} over ten or more outputs. Copies are left out: both ears "
        "give the copied content 1."
    )
    return Section("Do two ears agree?", [told, Table(AGREEMENT_HEAD, [[*row, reached(*row[1:])] for row in rows])])


def reached(outputs: int, correlation: float | None) -> str:
    """Whether the ears agree as much as is wanted, over as many outputs as are."""
    if outputs < ENOUGH_OUTPUTS:
        return "too few"
    return "yes" if correlation is not None and correlation >= WANTED_CORRELATION else "no"


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's; None where one of them is constant or too short."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second).statistic)
