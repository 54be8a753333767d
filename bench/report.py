"""The page docs/results.md and its picture, out of what the bench holds. Everything on the page is computed here."""

from collections.abc import Sequence
from pathlib import Path

from bench import published
from bench.bench import Bench
from bench.excerpts import TARGETS
from bench.gather import TRUE, distances, known_scores, listening_scores, transfer_scores, true_scores
from bench.known_tables import KnownMusic
from bench.page import Cell, Section, Table, page
from bench.plot import Panel, Point, draw
from bench.provenance import provenance
from bench.questions import (
    CLASSIFIER,
    FLICKER,
    FRAME_F1,
    KNOWN_F1,
    LOUDNESS,
    NAMED,
    NOTE_F1,
    OWN_F1,
    QUESTIONS,
    SOUND,
    TAGGER,
    TIMBRE,
    Figure,
    Question,
)
from bench.scores import Score, Scores
from bench.systems import (
    COPY,
    DRAFT,
    KNOWN_ROWS,
    MIXED,
    OTHER,
    OURS,
    PIANO_ROWS,
    RECORDED,
    RIVALS,
    SHIPPED,
    SOUNDFONT,
    TRUE_RECORDED,
)
from bench.tables import (
    BOUNDS,
    COMPETITORS,
    Distances,
    Loss,
    agreement,
    distance_interval,
    distance_table,
    eligible,
    losses,
    question_table,
    shown,
    target_table,
)
from bench.vocoders import WAYS
from stylebox.core.evaluation.bootstrap import Interval, mean_interval
from stylebox.core.files import write_text

LAST = "test"
RIVAL_PLAYERS = (SOUNDFONT, RECORDED)


class Report:
    """All scores, and the sections made of them."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.sets = bench, list(bench.sets)
        rows = [row for name in bench.sets for row in bench.rows(name)]
        self.scores = Scores([*transfer_scores(bench, rows), *true_scores(bench)])
        self.may_win = {name: eligible(self.scores, name) for name in self.sets}
        self.known = KnownMusic(known_scores(bench), listening_scores(bench))
        self.distances: dict[str, Distances] = {name: distances(bench, rows, name) for name in self.sets}

    def sections(self) -> list[Section]:
        """The page, in the order it is to be read."""
        return [
            self.where_ours_loses(),
            self.headline(),
            self.known.section(),
            *(self.question(question) for question in QUESTIONS[:2]),
            self.timbre(),
            self.question(SOUND),
            self.vocoders(),
            self.piano_inputs(),
            self.judges_agree(),
            Section("What could not be run", [published.EXPLANATION, published.TABLE]),
            provenance(self.bench),
        ]

    def where_ours_loses(self) -> Section:
        """Every figure in which another system is ahead of ours."""
        found: list[Loss] = []
        for name in reversed(self.sets):
            rivals = [system for system in (*RIVALS, *MIXED) if system in self.may_win[name]]
            figures = [figure for question in QUESTIONS for figure in question.figures]
            found += losses(self.scores, name, figures, rivals)
            found += self._distance_losses(name, rivals)
        mine = self.known.transferred(SHIPPED)
        for rival in (*RIVAL_PLAYERS, *MIXED):
            theirs = self.known.transferred(rival)
            if mine and theirs and theirs.mean > mine.mean:
                sentence = f"known notes on a piano: ours {mine.mean:.2f}, {rival} {theirs.mean:.2f}"
                found.append(Loss(sentence, theirs.low > mine.mean))
        parts: list[str | Table] = [
            "Every figure in which a system that sounds like the target is ahead of ours as it ships, with the best of "
            "those systems. *Our notes* are those of our content encoder, played by a SoundFont or by recorded notes."
        ]
        for title, sure in (("The difference is outside its interval:", True), ("It may be chance:", False)):
            lines = [f"- {loss.sentence}." for loss in found if loss.sure == sure]
            if lines:
                parts += [title, "\n".join(lines)]
        return Section("Where ours loses", parts)

    def _distance_losses(self, name: str, rivals: Sequence[str]) -> list[Loss]:
        means = {s: distance_interval(self.distances[name].get(s, {})) for s in (SHIPPED, *rivals)}
        mine = means.pop(SHIPPED)
        ahead = [(i.mean, s) for s, i in means.items() if i and mine and i.mean < mine.mean]
        if not ahead or mine is None:
            return []
        value, system = min(ahead)
        return [Loss(f"kernel distance, {name}: ours {mine.mean:.1f}, {system} {value:.1f}", value < mine.low)]

    def headline(self) -> Section:
        """The eight figures that say most."""
        rows: list[list[Cell]] = [
            ["notes found in recordings of players, F1", *self._listening_cells()],
            ["notes of players, played on a piano, F1", *self._known_cells()],
        ]
        for figure in (TAGGER, NAMED):
            rows.append([figure.label, *self._cells(figure, TRUE, COPY)])
        rows.append(["kernel distance to true recordings", *self._distance_cells()])
        rows += [[FRAME_F1.label, *self._cells(FRAME_F1, RECORDED, OTHER)]]
        rows += [[LOUDNESS.label, *self._cells(LOUDNESS, None, OTHER)]]
        rows += [[FLICKER.label, *self._cells(FLICKER, TRUE, COPY)]]
        header = ["", SHIPPED, DRAFT, *RIVAL_PLAYERS, "ceiling", "floor"]
        explanation = (
            f"The set `{LAST}`, which no choice has used, but for the first two rows: violins with aligned scores and "
            "an annotated singer. Means over recordings with 95 % intervals. The ceiling is a true recording, or the "
            "true notes played with recorded notes; the floor is a copy of the input, or other music. Less is better "
            "for the kernel distance; flicker should be 1. Frame F1 and its ceiling are by the transcriber whose notes "
            "the two systems on the right play, which favours them."
        )
        return Section("In short", [explanation, Table(header, rows), "![Content against timbre](images/systems.png)"])

    def _cells(self, figure: Figure, ceiling: str | None, floor: str | None) -> list[Cell]:
        names = [SHIPPED, DRAFT, *RIVAL_PLAYERS, ceiling, floor]
        return [shown(self.scores.interval(LAST, name, figure.key), figure) if name else "-" for name in names]

    def _listening_cells(self) -> list[Cell]:
        found = [self.known.heard(name) for name in ("our content encoder", "Basic Pitch")]
        own, theirs = (shown(interval, KNOWN_F1) for interval in found)
        return [own, own, theirs, theirs, "1.00", "-"]

    def _known_cells(self) -> list[Cell]:
        names = (SHIPPED, DRAFT, *RIVAL_PLAYERS, TRUE_RECORDED, COPY)
        return [shown(self.known.transferred(name), KNOWN_F1) for name in names]

    def _distance_cells(self) -> list[Cell]:
        names, found = (SHIPPED, DRAFT, *RIVAL_PLAYERS, TRUE, COPY), self.distances[LAST]
        return [shown(distance_interval(found.get(name, {})), Figure("", "", digits=1)) for name in names]

    def question(self, question: Question) -> Section:
        """One question about transfers."""
        table = question_table(self.scores, question, self.sets, (*COMPETITORS, *BOUNDS), self.may_win)
        return Section(question.title, [question.explanation, table])

    def timbre(self) -> Section:
        """The question about the target's sound, the kernel distances, and both by target."""
        found = self.question(TIMBRE)
        shown_systems = (SHIPPED, DRAFT, *RIVAL_PLAYERS, TRUE)
        found.parts += [
            f"The tagger's share by target. Each cell of `{LAST}` has about "
            f"{self.bench.places.pairs // len(TARGETS)} outputs.",
            target_table(self.scores, TAGGER, self.sets, shown_systems, TARGETS),
            "**Kernel distance** to true recordings of the target that are not in the set, in the tagger's layer "
            "before its tags, a hundredfold; windows are compared only if their mean pitches are within six semitones "
            "of each other. Less is better. *True recordings* are those of the set against those outside it.",
            distance_table(self.distances, TARGETS),
        ]
        return found

    def vocoders(self) -> Section:
        """What the parts lose alone."""
        rows: list[list[Cell]] = []
        inputs = [(name, given) for name in self.sets for given in self.bench.inputs[name]]
        found = {way: [(name, self.bench.vocoders.figures(given, way)) for name, given in inputs] for way in WAYS}
        for way in WAYS:
            cells: list[Cell] = [way]
            for key, digits in (("stft", 2), ("f1_50", 2), ("f1_100", 2)):
                for name in self.sets:
                    interval = mean_interval([figures[key] for set_name, figures in found[way] if set_name == name])
                    cells.append(shown(interval, Figure(key, "", digits=digits)))
            rows.append(cells)
        heads = [f"{label}: {name}" for label in ("STFT distance", "F1, 50 ms", "F1, 100 ms") for name in self.sets]
        explanation = (
            "The inputs' own mels at 44.1 kHz made audible again. The multi-resolution STFT distance is that of "
            "Yamamoto et al. (2020); F1 compares the notes that Basic Pitch finds. The last row is the noise of both."
        )
        return Section("The vocoder alone", [explanation, Table(["", *heads], rows)])

    def piano_inputs(self) -> Section:
        """Inputs that are pianos, where Transkun can be the transcriber."""
        own = [row for name in self.sets for row in self.bench.rows(name) if row.given.instrument == "piano"]
        special = [row for name in self.sets for row in self.bench.piano_rows(name)]
        scores = Scores(
            Score("piano", s.system, s.recording, s.target, s.figures)
            for s in transfer_scores(self.bench, [*own, *special])
        )
        systems = (SHIPPED, DRAFT, *RIVAL_PLAYERS, *PIANO_ROWS, *MIXED)
        figures = (NOTE_F1, OWN_F1, FRAME_F1, TAGGER, LOUDNESS)
        rows: list[list[Cell]] = [
            [system, *(shown(scores.interval("piano", system, figure.key), figure) for figure in figures)]
            for system in systems
        ]
        count = len({row.given.name for row in own})
        explanation = (
            f"The {count} pianos of both sets, where a user would take Transkun, which knows pianos only, instead of "
            "Basic Pitch."
        )
        return Section("Pianos as inputs", [explanation, Table(["", *(f.label for f in figures)], rows)])

    def judges_agree(self) -> Section:
        """Ranks under several judges."""
        explanation = (
            f"Ranks of the systems by their means on `{LAST}`; 1 is best. Two judges of the same thing should agree. "
            "Where they don't, a figure of one of them alone proves little."
        )
        return Section(
            "Do the judges agree?", [explanation, *agreement(self.scores, self.distances[LAST], LAST, CLASSIFIER)]
        )

    def panels(self) -> list[Panel]:
        """The picture: once against notes that are known, once against the input."""
        timbre = {s: self.scores.interval(LAST, s, TAGGER.key) for s in (*COMPETITORS, TRUE, COPY)}
        first = {s: self.known.transferred(s) for s in (*KNOWN_ROWS, TRUE_RECORDED)}
        second = {s: self.scores.interval(LAST, s, FRAME_F1.key) for s in (*COMPETITORS, COPY)}
        top, true = first[TRUE_RECORDED], timbre[TRUE]
        keys = self.scores.interval(LAST, RECORDED, FRAME_F1.key)
        known_label = "content: notes of players, found by Transkun (F1)"
        input_label = "content: keys of the input in the output (frame F1, Basic Pitch)"
        return [
            Panel("Against known notes", known_label, _points(first, timbre), _mean(top), _mean(true)),
            Panel(f"Against the input, set {LAST}", input_label, _points(second, timbre), _mean(keys), _mean(true)),
        ]


def _mean(interval: Interval | None) -> float | None:
    return interval.mean if interval else None


def _points(content: dict[str, Interval | None], timbre: dict[str, Interval | None]) -> list[Point]:
    points = []
    for system, x in content.items():
        y = timbre.get(system)
        if x is not None and y is not None:
            kinds = {**dict.fromkeys(OURS, "ours"), **dict.fromkeys(RIVALS, "rival"), **dict.fromkeys(MIXED, "mixed")}
            points.append(Point(system, kinds.get(system, "bound"), x, y))
    return points


def write_page(bench: Bench, output: Path, picture: Path) -> None:
    """Write the page and its picture.

    Args:
        bench: All work is done.
        output: The page.
        picture: The PNG file that it shows.
    """
    report = Report(bench)
    draw(report.panels(), picture)
    remarks = [
        "Measured by `python -m bench.results` with judges that are not part of this project. [How](evaluation.md) "
        "each figure is defined, [how to run it](bench.md). Bold: the best system that sounds like the target. In "
        "brackets: the share of the ceiling. Figures of an earlier model are in [results-22khz.md](results-22khz.md)."
    ]
    write_text(output, page("Results", remarks, report.sections()))
