"""The tables about music whose notes are known: what transcribers find, and what whole transfers to a piano keep."""

from collections.abc import Sequence

from bench.page import Cell, Section, Table
from bench.questions import KNOWN_F1, KNOWN_F1_50, Figure
from bench.scores import Scores
from bench.systems import COPY, ENVELOPE, KNOWN_ROWS, OURS_LATER, TRUE_RECORDED, TRUE_SOUNDFONT
from bench.tables import shown
from stylebox.core.evaluation.bootstrap import Interval, mean_interval

GROUPS = {
    "violin": "violin, aligned score",
    "singer": "singer, two annotators",
    "piano": "piano, notes by Transkun",
    "rendered": "rendered score",
}
PLAYERS = ("violin", "singer")  # groups of players whose notes people wrote down
TRANSFERRED = tuple(group for group in GROUPS if group != "piano")
OWN_EAR, BASIC_PITCH, TRANSKUN = "our content encoder", "Basic Pitch", "Transkun"
ONSET_ERROR = Figure("onset_error_ms", "onset error, ms", None, None, 0.0, 0)
_BOUNDS = (OURS_LATER, TRUE_SOUNDFONT, TRUE_RECORDED, COPY, ENVELOPE, TRANSKUN)  # they can't win


class KnownMusic:
    """Scores of known music.

    Args:
        transfers: Of systems, as a piano; the groups are the sets.
        listening: Of transcribers.
    """

    def __init__(self, transfers: Scores, listening: Scores) -> None:
        self.transfers, self.listening = transfers, listening

    def transferred(self, system: str) -> Interval | None:
        """Note F1 of a system's pianos over the excerpts of players whose notes people wrote down."""
        return _players(self.transfers, system, KNOWN_F1)

    def heard(self, transcriber: str) -> Interval | None:
        """Note F1 of a transcriber over the same excerpts."""
        return _players(self.listening, transcriber, KNOWN_F1)

    def section(self) -> Section:
        """Both, by group."""
        ears = (OWN_EAR, BASIC_PITCH, TRANSKUN)
        return Section(
            "Against notes that are known",
            [
                "**Listening.** F1 of the notes that a transcriber finds in a recording, onsets within 100 ms. In "
                "recordings of pianos the notes are those that Transkun finds. Rendered scores are by a SoundFont that "
                "no part of ours was trained with, but by the generator of scores that ours was trained with. One of "
                "the two violin movements and the pianos are among the material of our sound, not of our content "
                "encoder.",
                _table(self.listening, ears, tuple(GROUPS), KNOWN_F1),
                "The same with onsets within 50 ms. The alignment of the violins is good to about 100 ms.",
                _table(self.listening, ears, tuple(GROUPS), KNOWN_F1_50),
                "**Whole transfers to a piano**, the notes found by Transkun, which no part of ours has met, against "
                "the known ones; the transposition is undone. In brackets the share of what Transkun finds if the true "
                "notes are played with the recorded notes of a piano. The input itself is no piano.",
                _table(self.transfers, KNOWN_ROWS, TRANSFERRED, KNOWN_F1),
                "The onset error of whole transfers: the median over matched notes, in ms.",
                _table(self.transfers, KNOWN_ROWS, TRANSFERRED, ONSET_ERROR),
            ],
        )


def _players(scores: Scores, system: str, figure: Figure) -> Interval | None:
    values = [v for group in PLAYERS for v in scores.recordings(group, system, figure.key).values()]
    return mean_interval(values)


def _table(scores: Scores, systems: Sequence[str], groups: Sequence[str], figure: Figure) -> Table:
    """One figure, a column per group, players together last."""
    columns: list[dict[str, Interval | None]] = [
        {system: scores.interval(group, system, figure.key) for system in systems} for group in groups
    ]
    columns.append({system: _players(scores, system, figure) for system in systems})
    rows: list[list[Cell]] = []
    for system in systems:
        cells: list[Cell] = [system]
        for column in columns:
            known = {s: i.mean for s, i in column.items() if i and s not in _BOUNDS}
            best = (max if figure.ideal is None else min)(known, key=lambda s: known[s]) if len(known) > 1 else None
            top = column.get(figure.ceiling) if figure.ceiling else None
            cells.append(shown(column[system], figure, top.mean if top else None, system == best))
        rows.append(cells)
    return Table(["", *(GROUPS[group] for group in groups), "players: violin and singer"], rows)
