"""From what systems made and judges found to scores: one for every output, and for every true recording.

What a sound is compared with are true recordings of the target's instrument that are not in the same set.
"""

from collections.abc import Sequence

import numpy as np

from bench import comparisons as compare
from bench.bench import Bench, Row
from bench.embedding import KernelDistance, joined
from bench.excerpts import STRUCK, TARGETS, Recording
from bench.scores import Score, Scores
from bench.systems import KNOWN_ROWS

TRUE = "true recordings"
TEXTURES = ("texture_0", "texture_1", "texture_2")


def transfer_scores(bench: Bench, rows: Sequence[Row]) -> list[Score]:
    """The scores of outputs: content, timbre, and sound relative to true recordings.

    Args:
        bench: Judges, and true recordings.
        rows: The outputs.
    """
    reference = Reference(bench)
    scores = []
    for row in rows:
        figures = compare.against_input(bench.judges, row.given, row.made)
        figures |= compare.as_instrument(bench.judges, row.made.path, row.target)
        found = compare.attacks(bench.judges, row.given.path, row.made.path)
        figures["rise"] = float(np.median(found["rise"])) if found["rise"] else float("nan")
        if row.target in STRUCK and row.given.instrument in STRUCK and found["lead_50"]:
            figures["lead_50"] = float(np.median(found["lead_50"]))
        figures |= reference.relative(figures, row.target, row.set_name)
        scores.append(Score(row.set_name, row.system, row.given.name, row.target, figures))
    return scores


def true_scores(bench: Bench) -> list[Score]:
    """The scores of the true recordings of each set, as far as they can be had without an input."""
    reference = Reference(bench)
    scores = []
    for recording in bench.true:
        if recording.set_name in bench.sets and recording.instrument in TARGETS:
            figures = _true_figures(bench, recording)
            figures |= reference.relative(figures, recording.instrument, recording.set_name)
            scores.append(Score(recording.set_name, TRUE, recording.name, recording.instrument, figures))
    return scores


def known_scores(bench: Bench) -> Scores:
    """Known music on a piano, heard by Transkun: the groups are the sets."""
    scores = []
    for known in bench.known:
        for system in KNOWN_ROWS if known.group != "piano" else ():
            figures = bench.as_piano(known, system)
            if figures is not None:
                scores.append(Score(known.group, system, known.recording.name, "piano", figures))
    return Scores(scores)


def listening_scores(bench: Bench) -> Scores:
    """Known music as transcribers hear it: the groups are the sets, the transcribers the systems."""
    scores = []
    for each in bench.known:
        known, path = bench.truths(each), each.recording.path
        heard = {
            "our content encoder": bench.judges.ours(path),
            "Basic Pitch": bench.judges.basic_pitch(path).notes,
            "Transkun": bench.judges.transkun(path),
        }
        for name, notes in heard.items():
            figures = compare.against_truth(known, notes)
            scores.append(Score(known.group, name, known.recording.name, known.recording.instrument, figures))
    return Scores(scores)


def distances(bench: Bench, rows: Sequence[Row], set_name: str) -> dict[str, dict[str, KernelDistance]]:
    """Kernel distances by system and target; true recordings of the set are a system of their own.

    Args:
        bench: Windows of files, and true recordings.
        rows: Outputs; those of other sets are passed over.
        set_name: The set.
    """
    found: dict[str, dict[str, KernelDistance]] = {}
    for target in TARGETS:
        true = [r for r in bench.true if r.instrument == target]
        outside = [bench.windows(r.path) for r in true if r.set_name != set_name]
        inside = [bench.windows(r.path) for r in true if r.set_name == set_name]
        by_system = {TRUE: inside}
        for row in rows:
            if row.set_name == set_name and row.target == target:
                by_system.setdefault(row.system, []).append(bench.windows(row.made.path))
        for system, windows in by_system.items():
            if outside and windows:
                found.setdefault(system, {})[target] = KernelDistance(joined(outside), joined(windows))
    return found


class Reference:
    """Means over true recordings of an instrument that are not in a set."""

    def __init__(self, bench: Bench) -> None:
        self._figures = [(r, _true_figures(bench, r)) for r in bench.true if r.instrument in TARGETS]

    def relative(self, figures: compare.Figures, target: str, set_name: str) -> compare.Figures:
        """Ratios and differences to true recordings.

        Args:
            figures: Of a file.
            target: The instrument it is meant to be.
            set_name: Whose recordings do not count.
        """
        others = [f for r, f in self._figures if r.instrument == target and r.set_name != set_name]

        def mean(name: str) -> float:
            values = [f[name] for f in others if np.isfinite(f.get(name, float("nan")))]
            return float(np.mean(values)) if values else float("nan")

        textures = [figures[name] / mean(name) for name in TEXTURES]
        known = [value for value in textures if np.isfinite(value)]
        return {
            "flicker_ratio": float(np.mean(known)) if known else float("nan"),
            "rise_ratio": figures.get("rise", float("nan")) / mean("rise"),
            "bandwidth_khz": (figures["bandwidth"] - mean("bandwidth")) / 1000,
            "treble_db": figures["treble"] - mean("treble"),
            "noisiness_db": figures["noisiness"] - mean("noisiness"),
        }


def _true_figures(bench: Bench, recording: Recording) -> compare.Figures:
    figures = compare.as_instrument(bench.judges, recording.path, recording.instrument)
    rises = compare.attacks(bench.judges, recording.path, recording.path)["rise"]
    return figures | {"rise": float(np.median(rises)) if rises else float("nan")}
