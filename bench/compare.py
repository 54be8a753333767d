"""All systems on the same recordings: the table, which system leads in what, and whether two judges agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from bench.external_transcriber import ExternalTranscriber
from bench.musicnn_tagger import MusicnnTagger
from bench.page import Cell, Section, Table
from bench.systems import BASELINE, BENT, COPIES, DIFFUSED, ENVELOPE, OURS, Recording
from stylebox.core.evaluation.bootstrap import Interval, mean_interval
from stylebox.core.evaluation.results import METRICS, CaseScores, Evaluation

JUDGE_HEADS = {"judge_50": "judge's F1, 50 ms", "judge_100": "100 ms"}
TAGGER_HEADS = {"tagger": "tagger", "tagger_named": "named"}
TAGGER_EXPLANATION = (
    "- `tagger` is musicnn, trained by others on real recordings. Its figure is the probability of the requested "
    "instrument among eight; `named` is how often that probability is the largest. It was trained on full recordings: "
    "a few single notes of a real piano or harp are often tagged as a guitar."
)
LEFT_OUT = ("mel_distance_db", "pitch_error_cents")  # no true target; most inputs have more than one voice
AGREEMENT_HEAD = ("", "outputs", "rank correlation", "as wanted")
ENOUGH_OUTPUTS, WANTED_CORRELATION = 10, 0.7


@dataclass(frozen=True)
class Results:
    """Every figure of every output: those of `stylebox evaluate`, and those of the external judges, if any."""

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
        """The names of the systems."""
        return [summary.row for summary in self.evaluation.table]

    @property
    def cases(self) -> list[str]:
        """The names of the cases."""
        return list(dict.fromkeys(outcome.case for outcome in self.evaluation.outcomes))

    def figure(self, outcome: CaseScores, name: str) -> float:
        """One figure of one output."""
        for judge, heads in ((self.judge, JUDGE_HEADS), (self.tagger, TAGGER_HEADS)):
            if judge is not None and name in heads:
                return judge.table[outcome.row, outcome.case][name]
        return outcome.figures[name]

    def values(self, name: str, row: str, cases: Sequence[str] | None = None) -> list[float]:
        """One figure of one row, case by case.

        Args:
            name: Of the figure.
            row: Name of the system.
            cases: Default: all.
        """
        outcomes = [o for o in self.evaluation.outcomes if o.row == row and (cases is None or o.case in cases)]
        return [self.figure(outcome, name) for outcome in outcomes]

    def mean(self, name: str, row: str, cases: Sequence[str] | None = None) -> float | None:
        """The mean of one figure of one row over cases.

        Args:
            name: Of the figure.
            row: Name of the system.
            cases: Default: all.
        """
        interval = mean_interval(self.values(name, row, cases))
        return interval.mean if interval else None


def main_table(results: Results, seconds: float) -> Section:
    """Means of all figures, one row per system."""
    heads = results.heads
    factor = results.evaluation.real_time_factor
    rows = [
        [row, *(results.mean(name, row) for name in heads), factor.get(row) if row not in COPIES else None]
        for row in results.rows
    ]
    smaller = [head for head, more in heads.values() if not more]
    explanation = (
        f"The first {seconds:g} s of the recordings listed below, each in every style but its own: "
        f"{results.evaluation.cases} transfers per row. Figures are those of `stylebox evaluate` "
        f"([definitions](evaluation.md)); smaller is better for {', '.join(smaller)}; larger for the others. "
        "Time: seconds of computation per second of audio."
    )
    biases = [
        "- Judges: the F1 of `stylebox evaluate` uses our own content encoder, which favours ours. "
        + (
            "The judge is a script outside this project; if it uses the network of Basic Pitch, as the transcriber "
            "of `transcriber + SoundFont` does, it favours that row."
            if results.judge
            else "No outside judge was named (`--judge`)."
        ),
        "- Timbre and kernel distance are to a held-out recording of every timbre the dataset has of the style. That "
        "can include the SoundFont of `transcriber + SoundFont` and notes ours was trained on.",
        f"- `{ENVELOPE}` takes on the mean that the timbre distance compares, from a recording outside the references; "
        "`copy of the style` is one of the references.",
        f"- `{BENT}` is the transcriber's MIDI file as it writes it, where a bend stays until the next one and moves "
        f"notes that have none; `{BASELINE}` leaves bends out.",
        *([TAGGER_EXPLANATION] if results.tagger else []),
        "- If these recordings helped to choose the model (see its card), the figures flatter it.",
        "- Ours follows the loudness of the input, over phrases.",
    ]
    return Section(
        "All systems on the same recordings",
        [explanation, Table(["", *(h for h, _ in heads.values()), "time"], rows), "\n".join(biases)],
    )


def duel(results: Results, title: str, *baselines: str) -> Section:
    """Ours against an alternative, figure by figure; against its better variant, if it has several."""
    judge = "judge_50" if results.judge else "note_f1"
    baseline = max(baselines, key=lambda row: results.mean(judge, row) or 0.0)
    explanation = (
        f"Both on the same cases; theirs is `{baseline}`"
        + (", the one that keeps more notes" if len(baselines) > 1 else "")
        + ". The difference is ours (draft) minus theirs, with its 95 % bootstrap interval; ahead is named only where "
        "that leaves out 0."
    )
    rows: list[list[Cell]] = []
    for name, (head, more) in results.heads.items():
        ours, theirs = (results.values(name, row) for row in (OURS, baseline))
        apart = mean_interval([a - b for a, b in zip(ours, theirs, strict=True)])
        if apart is not None:
            shown = f"{apart.mean:+.2f} ({apart.low:+.2f} to {apart.high:+.2f})"
            rows.append([head, results.mean(name, OURS), results.mean(name, baseline), shown, ahead(apart, more)])
    return Section(title, [explanation, Table(["", "ours", "theirs", "difference", "ahead"], rows)])


def ahead(difference: Interval, more_is_better: bool) -> str:
    """Which system is ahead, given ours minus theirs with its interval."""
    if difference.low <= 0 <= difference.high:
        return "neither"
    return "ours" if (difference.low > 0) == more_is_better else "theirs"


def by_input(results: Results, recordings: Sequence[Recording]) -> Section:
    """Notes kept, input by input, worst first: an average hides the inputs that fail."""
    name = "judge_50" if results.judge else "note_f1"
    systems = [OURS, DIFFUSED, BASELINE, ENVELOPE]
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
        (f"outputs of {BASELINE}", [BASELINE]),
    ):
        judged = [value for row in chosen for value in results.values("judge_50", row)]
        own = [value for row in chosen for value in results.values("note_f1", row)]
        rows.append((title, len(judged), rank_correlation(judged, own)))
    means = [[results.mean(name, row) or 0.0 for row in made] for name in ("judge_50", "note_f1")]
    rows.append(("systems, by their means", len(made), rank_correlation(*means)))
    explanation = (
        "Spearman's rank correlation of the judge's note F1 (50 ms) and evaluate's own, output by output; 1 is the "
        f"same order. Aim: at least {WANTED_CORRELATION} over ten or more outputs. Copies are left out: both judges "
        "give the copied content 1."
    )
    return Section(
        "Do the two judges agree?", [explanation, Table(AGREEMENT_HEAD, [[*row, reached(*row[1:])] for row in rows])]
    )


def reached(outputs: int, correlation: float | None) -> str:
    """Whether the judges agree as much as required, over enough outputs."""
    if outputs < ENOUGH_OUTPUTS:
        return "too few"
    return "yes" if correlation is not None and correlation >= WANTED_CORRELATION else "no"


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's; None where one of them is constant or too short."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second).statistic)
