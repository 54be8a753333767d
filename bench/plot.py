"""Content against timbre: every system a point with its intervals, and the bounds as dashed lines."""

from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from stylebox.core.evaluation.bootstrap import Interval

COLOURS = {"ours": "#c0392b", "rival": "#1f618d", "mixed": "#7d6608", "bound": "#555555"}
MARKERS = {"ours": "o", "rival": "s", "mixed": "D", "bound": "^"}
KINDS = {"ours": "ours", "rival": "other systems", "mixed": "our notes, other sounds", "bound": "bounds"}


class Point(NamedTuple):
    """One system: what it keeps of the music, and how surely it is taken for the target."""

    name: str
    kind: str
    content: Interval
    timbre: Interval


class Panel(NamedTuple):
    """One picture: its points, the words at its axis, and the ceilings of both axes, where there are any."""

    title: str
    content_label: str
    points: list[Point]
    content_ceiling: float | None
    timbre_ceiling: float | None


def draw(panels: list[Panel], path: Path) -> None:
    """Panels side by side as a PNG file."""
    figure, axes = plt.subplots(1, len(panels), figsize=(7.5 * len(panels), 6), layout="constrained", squeeze=False)
    for axis, panel in zip(axes[0], panels, strict=True):
        _panel(axis, panel)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _panel(axis: Axes, panel: Panel) -> None:
    seen: set[str] = set()
    for index, point in enumerate(sorted(panel.points, key=lambda p: p.timbre.mean)):
        x, y = point.content, point.timbre
        spread = [[[x.mean - x.low], [x.high - x.mean]], [[y.mean - y.low], [y.high - y.mean]]]
        axis.errorbar(
            x.mean, y.mean, xerr=spread[0], yerr=spread[1], fmt=MARKERS[point.kind], color=COLOURS[point.kind],
            elinewidth=0.7, alpha=0.85, markersize=8, label=None if point.kind in seen else KINDS[point.kind],
        )  # fmt: skip
        seen.add(point.kind)
        below = index % 2 == 1
        axis.annotate(
            point.name, (x.mean, y.mean), xytext=(6, -13 if below else 6), textcoords="offset points", fontsize=9
        )
    if panel.content_ceiling is not None:
        axis.axvline(panel.content_ceiling, color=COLOURS["bound"], linestyle="--", linewidth=1)
    if panel.timbre_ceiling is not None:
        axis.axhline(panel.timbre_ceiling, color=COLOURS["bound"], linestyle="--", linewidth=1)
        axis.text(0.005, panel.timbre_ceiling + 0.01, "true recordings", fontsize=9, color=COLOURS["bound"])
    axis.set(
        xlim=(0, 1.03), ylim=(0, 1.0), title=panel.title, xlabel=panel.content_label,
        ylabel="timbre: the target's share of the tagger's belief",
    )  # fmt: skip
    axis.grid(alpha=0.25)
    axis.legend(loc="lower left", fontsize=9)
