"""From figures per file to figures per instrument, and several runs of `bench/sound.py` as one table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.page import Cell, Table
from bench.sound_corpus import STRUCK, TARGETS, TREBLE_TARGETS, instrument_of
from bench.sound_judges import Judges
from bench.sound_systems import Output

Figures = dict[str, Any]


def of_outputs(outputs: Sequence[Output], judges: Judges) -> Figures:
    """Every measure of one system, by target and over all (`all`)."""
    main = [output for output in outputs if output.target in TARGETS]
    shares = [(o.target, judges.shares(Path(o.made))) for o in main]
    scores = [(o.target, judges.note_scores(o)) for o in main]
    struck = [o for o in main if o.target in STRUCK and instrument_of(Path(o.given)) in STRUCK]
    attacks = [(o.target, judges.attacks(o)) for o in main]
    leads = [(o.target, judges.attacks(o)) for o in struck]
    treble = ((o.target, judges.treble(Path(o.made))) for o in outputs if o.target in TREBLE_TARGETS)
    return {
        "outputs": len(main),
        "tagger": _means((target, share[target]) for target, share in shares),
        "named": _means((target, float(max(share, key=lambda k: share[k]) == target)) for target, share in shares),
        **{name: _means((t, s[name]) for t, s in scores) for name in ("frame_f1", "f1_50", "f1_100")},
        "loudness": _means((o.target, judges.loudness(o)) for o in main),
        "texture": _bands((o.target, judges.texture(Path(o.made))) for o in main),
        "treble": _means(treble),
        **{name: _means((t, x) for t, found in leads for x in found[name]) for name in ("lead_10", "lead_50")},
        "rise": _means((t, x) for t, found in attacks for x in found["rise"]),
    }


def of_true(recordings: Sequence[Path], judges: Judges) -> Figures:
    """The same of true recordings, as far as it can be had without an input."""
    by = [(instrument_of(path), path) for path in recordings]
    main = [(name, path) for name, path in by if name in TARGETS]
    shares = [(name, judges.shares(path, whole=False)) for name, path in main]
    return {
        "outputs": len(main),
        "tagger": _means((name, share[name]) for name, share in shares),
        "named": _means((name, float(max(share, key=lambda k: share[k]) == name)) for name, share in shares),
        "texture": _bands((name, judges.texture(path, whole=False)) for name, path in main),
        "treble": _means((name, judges.treble(path, whole=False)) for name, path in by if name in TREBLE_TARGETS),
        "rise": _means((name, x) for name, path in main for x in judges.true_rises(path)),
    }


def of_one_shot(outputs: Sequence[Output], judges: Judges) -> Figures:
    """How surely outputs in the style of a clip are tagged as its instrument, by instrument."""
    shares = [(o.target, judges.shares(Path(o.made))) for o in outputs]
    return {
        "one_shot": _means((target, share[target]) for target, share in shares),
        "one_shot_named": _means((t, float(max(s, key=lambda k: s[k]) == t)) for t, s in shares),
    }


def known_f1(outputs: Sequence[Output], truth: Sequence[Path], seconds: float, judges: Judges) -> dict[str, float]:
    """Onset F1 (100 ms) of what Transkun finds in each output, against the notes that are known."""
    scores = {}
    for output, path in zip(outputs, truth, strict=True):
        rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
        known = [(float(a), float(b), int(key) + output.transpose) for a, b, key in rows if float(a) < seconds]
        found = judges.piano_notes(Path(output.made))
        scores[path.stem] = float(judges.transcriber.f1(known, found, 0.1))
    return scores


Reading = Callable[[Figures, Figures], float | None]  # of a system's own figures, and those of its run


def table(runs: Mapping[str, Figures]) -> Table:
    """Runs by name: two columns each, its transfers and the SoundFont that plays the same notes; then what is true."""
    columns: list[tuple[str, Figures, Figures]] = []
    for name, run in runs.items():
        columns += [(name, run["transfer"], run), (f"{name}: SoundFont", run["soundfont"], run)]
    first = next(iter(runs.values()))
    columns.append(("true recordings", first["true"], first))
    rows: list[list[Cell]] = [
        [label, *(reading(own, run) for _, own, run in columns)] for label, reading in _readings(first).items()
    ]
    return Table(["", *(name for name, _, _ in columns)], rows)


def _readings(first: Figures) -> dict[str, Reading]:
    """The rows by label; `first` says which notes are known."""
    rows: dict[str, Reading] = {}
    for key, label in (("tagger", "target's share, tagger"), ("named", "target named"), ("frame_f1", "frame F1")):
        rows |= {f"{label}: {name}": _figure(key, name) for name in ("all", *TARGETS)}
    for key, label in (("f1_50", "note F1, 50 ms"), ("f1_100", "note F1, 100 ms"), ("loudness", "loudness contour")):
        rows[label] = _figure(key, "all")
    rows |= {f"note F1, 100 ms, of the SoundFont's: {name}": _of_soundfont("f1_100", name) for name in TARGETS}
    for index, band in enumerate(("below 1 kHz", "1 to 5 kHz", "5 to 16 kHz")):
        rows[f"texture, of true recordings': {band}"] = _texture(index)
    rows |= {f"energy above 11 kHz, dB over true: {name}": _treble(name) for name in TREBLE_TARGETS}
    for share in ("10", "50"):
        rows[f"attacks, lead at {share} % of the rise, ms, struck to struck"] = _figure(f"lead_{share}", "all")
    rows |= {f"attacks, 10 to 90 %, ms: {name}": _figure("rise", name) for name in TARGETS}
    rows |= {f"one shot, tagger: {n}": _figure("one_shot", n) for n in ("all", "violin", "flute", "guitar", "piano")}
    for name in first["transfer"].get("known", {}):
        rows[f"known notes, Transkun, F1 100 ms: {name}"] = _figure("known", name)
    rows["real-time factor, one minute, two cores"] = lambda own, _: own.get("real_time_factor")
    return rows


def _figure(key: str, name: str) -> Reading:
    return lambda own, _: own.get(key, {}).get(name)


def _of_soundfont(key: str, name: str) -> Reading:
    def ratio(own: Figures, run: Figures) -> float | None:
        return own[key][name] / run["soundfont"][key][name] if key in own else None

    return ratio


def _texture(index: int) -> Reading:
    """Mean over the targets of a band's texture over that of true recordings."""

    def ratio(own: Figures, run: Figures) -> float:
        true = run["true"]["texture"]
        return float(np.nanmean([own["texture"][name][index] / true[name][index] for name in TARGETS]))

    return ratio


def _treble(name: str) -> Reading:
    return lambda own, run: own["treble"][name] - run["true"]["treble"][name]


def _means(figures: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Means by name, and over all figures."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for name, figure in figures:
        by_name[name].append(figure)
        by_name["all"].append(figure)
    return {name: float(np.nanmean(found)) for name, found in by_name.items()}


def _bands(figures: Iterable[tuple[str, list[float]]]) -> dict[str, list[float]]:
    """Means by name, band by band; nothing is said of a band that is always silent."""
    by_name: dict[str, list[list[float]]] = defaultdict(list)
    for name, figure in figures:
        by_name[name].append(figure)
    return {
        name: [float(np.nanmean(band)) if np.isfinite(band).any() else float("nan") for band in np.transpose(found)]
        for name, found in by_name.items()
    }
