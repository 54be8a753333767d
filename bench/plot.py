"""Content against timbre: every system a numbered point with its intervals, and the ceilings as dashed lines."""

from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stylebox.core.evaluation.bootstrap import Interval

COLOURS = {"ours": "#b03a2e", "rival": "#1f618d", "mixed": "#7d6608", "bound": "#444444"}
MARKERS = {"ours": "o", "rival": "s", "mixed": "D", "bound": "h"}
WIDTH, HEIGHT = 6.2, 5.6  # of a panel, in inches
HIGHEST_TIMBRE = 0.85


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
    """Panels side by side with one legend, as a PNG file."""
    kinds = {point.name: point.kind for panel in panels for point in panel.points}
    names = sorted(kinds, key=lambda name: list(COLOURS).index(kinds[name]))
    size = (WIDTH * len(panels) + 2.6, HEIGHT)
    figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for axis, panel in zip(axes[0], panels, strict=True):
        _panel(axis, panel, {name: index for index, name in enumerate(names, 1)})
    handles = [
        Line2D([], [], marker=MARKERS[kinds[name]], color=COLOURS[kinds[name]], linestyle="", markersize=8)
        for name in names
    ]
    handles.append(Line2D([], [], color=COLOURS["bound"], linestyle="--", linewidth=1))
    labels = [f"{index}  {name}" for index, name in enumerate(names, 1)]
    figure.legend(handles, [*labels, "ceilings"], loc="outside right center", fontsize=10, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _panel(axis: Axes, panel: Panel, numbers: dict[str, int]) -> None:
    for point in panel.points:
        x, y, colour = point.content, point.timbre, COLOURS[point.kind]
        across, up = ([[i.mean - i.low], [i.high - i.mean]] for i in (x, y))
        axis.errorbar(x.mean, y.mean, xerr=across, yerr=up, color=colour, elinewidth=0.6, alpha=0.45)
        axis.plot(x.mean, y.mean, MARKERS[point.kind], color=colour, markersize=13)
        number = str(numbers[point.name])
        axis.text(x.mean, y.mean, number, color="white", fontsize=8, weight="bold", ha="center", va="center")
    for value, line in ((panel.content_ceiling, axis.axvline), (panel.timbre_ceiling, axis.axhline)):
        if value is not None:
            line(value, color=COLOURS["bound"], linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1.03), ylim=(0, HIGHEST_TIMBRE), title=panel.title, xlabel=panel.content_label)
    axis.set_ylabel("timbre: the target's share of the tagger's belief")
    axis.grid(alpha=0.25)
