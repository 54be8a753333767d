"""Scores as tables: figures with intervals and their share of the ceiling, the winner in bold, losses in sentences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata, spearmanr

from bench.embedding import KernelDistance
from bench.gather import TRUE
from bench.page import Cell, Section, Table
from bench.questions import FRAME_F1, NOTE_F1, OWN_F1, TAGGER, Figure, Question
from bench.scores import Scores
from bench.systems import COPY, LATER, MIXED, OTHER, OURS, OURS_LATER, RIVALS, SHIPPED
from stylebox.core.evaluation.bootstrap import LEVEL, ROUNDS, Interval

COMPETITORS = (*OURS, *RIVALS, *MIXED)
BOUNDS = (TRUE, OURS_LATER, COPY, LATER, OTHER)
LEAST_TIMBRE = 0.5  # of ours: with less of the tagger's share a system is not marked as a winner: it copies the input
Distances = dict[str, dict[str, KernelDistance]]


def shown(interval: Interval | None, figure: Figure, ceiling: float | None = None, best: bool = False) -> str:
    """A figure with its interval, and its share of the ceiling.

    Args:
        interval: The mean over recordings.
        figure: How it is read.
        ceiling: The mean that can be reached.
        best: Whether it is the winner.
    """
    if interval is None:
        return "-"
    text = f"{interval.mean:.{figure.digits}f}"
    text = f"**{text}**" if best else text
    text += f" ± {interval.margin:.{figure.digits}f}" if interval.count > 1 else ""
    return f"{text} ({100 * interval.mean / ceiling:.0f} %)" if ceiling else text


def better(figure: Figure, value: float) -> float:
    """How good a value is: more is better."""
    return value if figure.ideal is None else -abs(value - figure.ideal)


def eligible(scores: Scores, set_name: str) -> list[str]:
    """The systems that may win: those that sound like the target at least half as much as ours does."""
    shares = {system: scores.interval(set_name, system, TAGGER.key) for system in COMPETITORS}
    own = shares[SHIPPED]
    least = LEAST_TIMBRE * own.mean if own else 0.0
    return [system for system, share in shares.items() if share and share.mean >= least]


def winner(scores: Scores, set_name: str, figure: Figure, systems: Sequence[str]) -> str | None:
    """The system with the best mean.

    Args:
        scores: Of all systems.
        set_name: The set.
        figure: What is compared.
        systems: Those that may win.
    """
    means = {system: scores.interval(set_name, system, figure.key) for system in systems}
    known = {system: better(figure, mean.mean) for system, mean in means.items() if mean}
    return max(known, key=lambda system: known[system]) if known else None


def question_table(
    scores: Scores, question: Question, sets: Sequence[str], rows: Sequence[str], may_win: dict[str, list[str]]
) -> Table:
    """All systems, each figure with a column for each set.

    Args:
        scores: Of all systems.
        question: Its figures.
        sets: In the order of the columns.
        rows: Names of systems.
        may_win: For each set, the systems that may win.
    """
    columns = [(figure, name) for figure in question.figures for name in sets]
    best = {(f.key, s): winner(scores, s, f, may_win[s]) for f, s in columns}
    table: list[list[Cell]] = []
    for system in rows:
        cells: list[Cell] = [system]
        for figure, name in columns:
            top = scores.interval(name, figure.ceiling, figure.key) if figure.ceiling else None
            wins = best[figure.key, name] == system
            cells.append(shown(scores.interval(name, system, figure.key), figure, top.mean if top else None, wins))
        if any(cell != "-" for cell in cells[1:]):
            table.append(cells)
    return Table(["", *(f"{figure.label}: {name}" for figure, name in columns)], table)


def target_table(
    scores: Scores, figure: Figure, sets: Sequence[str], rows: Sequence[str], targets: Sequence[str]
) -> Table:
    """One figure by target.

    Args:
        scores: Of all systems.
        figure: What is shown.
        sets: Each gives columns of its own.
        rows: Names of systems.
        targets: Names of instruments.
    """
    table: list[list[Cell]] = []
    for system in rows:
        found = [scores.interval(name, system, figure.key, target) for name in sets for target in targets]
        table.append([system, *(None if interval is None else interval.mean for interval in found)])
    return Table(["", *(f"{target}: {name}" for name in sets for target in targets)], table)


def distance_interval(by_target: dict[str, KernelDistance]) -> Interval | None:
    """The mean over targets with its interval; None if no target has a distance."""
    found = [distance for distance in by_target.values() if distance.known]
    if not found:
        return None
    rng = np.random.default_rng(0)
    drawn = [np.mean([distance.value(rng) for distance in found]) for _ in range(ROUNDS)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(np.mean([distance.value() for distance in found])), float(low), float(high), len(found))


def distance_table(distances: dict[str, Distances], targets: Sequence[str]) -> Table:
    """Kernel distances: the mean for each set, then by target for the last set.

    Args:
        distances: By set.
        targets: Names of instruments.
    """
    figure, last = Figure("", "", digits=1), list(distances)[-1]
    table: list[list[Cell]] = []
    means = {name: {s: distance_interval(d) for s, d in found.items()} for name, found in distances.items()}
    for system in (*COMPETITORS, *BOUNDS):
        cells: list[Cell] = [system]
        for found in means.values():
            known = {s: i.mean for s, i in found.items() if i and s in COMPETITORS}
            wins = bool(known) and system == min(known, key=lambda s: known[s])
            cells.append(shown(found.get(system), figure, best=wins))
        by_target = distances[last].get(system, {})
        values = [by_target[target].value() if target in by_target else float("nan") for target in targets]
        cells += [f"{value:.1f}" if np.isfinite(value) else "-" for value in values]
        if any(cell != "-" for cell in cells[1:]):
            table.append(cells)
    return Table(["", *distances, *(f"{target}: {last}" for target in targets)], table)


class Loss(NamedTuple):
    """A figure in which another system is ahead of ours, and whether the difference is outside its interval."""

    sentence: str
    sure: bool


def losses(scores: Scores, set_name: str, figures: Sequence[Figure], rivals: Sequence[str]) -> list[Loss]:
    """The figures in which a system that is not ours is ahead of ours, as it ships.

    Args:
        scores: Of all systems.
        set_name: The set.
        figures: What is compared.
        rivals: Systems that are not ours.
    """
    found = []
    for figure in figures:
        best = winner(scores, set_name, figure, rivals)
        mine = scores.interval(set_name, SHIPPED, figure.key)
        theirs = scores.interval(set_name, best, figure.key) if best else None
        if best is None or mine is None or theirs is None:
            continue
        if better(figure, theirs.mean) <= better(figure, mine.mean):
            continue
        apart = scores.difference(set_name, figure.key, SHIPPED, best)
        sure = apart is not None and (apart.low > 0 or apart.high < 0)
        digits = figure.digits
        sentence = f"{figure.label}, {set_name}: ours {mine.mean:.{digits}f}, {best} {theirs.mean:.{digits}f}"
        found.append(Loss(sentence, sure))
    return found


def agreement(scores: Scores, distances: Distances, set_name: str, second_timbre: Figure) -> list[str | Table]:
    """The ranks of systems under two judges of the same thing, and how far the ranks agree.

    Args:
        scores: Of all systems.
        distances: Kernel distances of the set.
        set_name: The set.
        second_timbre: The other judge of timbre.
    """
    by_figure = {
        figure.label: {
            system: interval.mean
            for system in COMPETITORS
            if (interval := scores.interval(set_name, system, figure.key)) is not None
        }
        for figure in (NOTE_F1, OWN_F1, FRAME_F1, TAGGER, second_timbre)
    }
    kernel = {s: distance_interval(d) for s, d in distances.items() if s in COMPETITORS}
    by_figure["kernel distance"] = {system: -interval.mean for system, interval in kernel.items() if interval}
    names = [system for system in COMPETITORS if all(system in found for found in by_figure.values())]
    ranks = {label: rankdata([-found[s] for s in names], method="min") for label, found in by_figure.items()}
    rows: list[list[Cell]] = [[s, *(int(ranks[label][i]) for label in by_figure)] for i, s in enumerate(names)]
    pairs = [
        (NOTE_F1, OWN_F1), (NOTE_F1, FRAME_F1), (TAGGER, second_timbre),
    ]  # fmt: skip
    lines: list[list[Cell]] = []
    for first, second in pairs:
        over = [
            (a, b) for s in names for a, b in zip(*(scores.outputs(s, f.key) for f in (first, second)), strict=True)
        ]
        pooled = np.array([pair for pair in over if np.isfinite(pair).all()])
        systems = spearmanr(ranks[first.label], ranks[second.label]).statistic
        outputs = spearmanr(pooled[:, 0], pooled[:, 1]).statistic
        lines.append([f"{first.label} and {second.label}", float(systems), float(outputs)])
    systems = spearmanr(ranks[TAGGER.label], ranks["kernel distance"]).statistic
    lines.append([f"{TAGGER.label} and kernel distance", float(systems), None])
    return [
        Table(["rank", *by_figure], rows),
        Table(["Spearman's rank correlation", "over systems", "over outputs of both sets"], lines),
    ]


def section(title: str, *parts: str | Table) -> Section:
    """A section of the page."""
    return Section(title, list(parts))
