"""The log of a training run: `metrics.jsonl`, one JSON object per line, and the picture `loss.png`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylebox.core import files
from stylebox.core.json_text import parse_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TrainingLog:
    """Writes the losses of a run.

    One line holds the mean over the steps since the line before it.
    """

    def __init__(self, directory: Path, title: str, writes: bool = True) -> None:
        """Log to `metrics.jsonl` and `loss.png` in a folder, which is made if needed.

        Args:
            directory: The folder of the training state.
            title: Shown above the picture.
            writes: False in all processes but the main one.
        """
        self.writes = writes
        if writes:
            directory.mkdir(parents=True, exist_ok=True)
        self.path, self.picture, self.title = directory / "metrics.jsonl", directory / "loss.png", title
        self._pending: list[dict[str, float]] = []

    def resume_at(self, step: int) -> None:
        """Drop the lines after `step`; -1 drops them all."""
        if self.writes and self.path.exists():
            kept = [record for record in read_log(self.path) if record["step"] <= step]
            files.write_text(self.path, "".join(json.dumps(record) + "\n" for record in kept))

    def add(self, losses: Sequence[dict[str, float]]) -> None:
        """Remember the losses of some steps for the next line."""
        self._pending += losses

    def write(self, facts: dict[str, Any], scores: dict[str, float] | None = None) -> None:
        """Write a line, unless there is neither a step nor a validation to log.

        Args:
            facts: "step", "learning_rate", "samples_per_second" and "seconds".
            scores: Of a validation at this step.
        """
        if not self.writes or not (self._pending or scores):
            return
        step = {"step": facts["step"]}
        means = {}
        for key in self._pending[-1] if self._pending else ():
            values = [losses[key] for losses in self._pending if key in losses]
            means[key] = sum(values) / len(values)
        record = step | means | facts | ({"valid": scores} if scores else {})
        with files.errors_named(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self._pending.clear()

    def draw(self, step: int) -> None:
        """Draw the loss curves up to `step`."""
        if self.writes:
            plot_losses(read_log(self.path), self.picture, f"{self.title}, {step} steps")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`, without one that a crash cut short; empty if there is no file."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = parse_json(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            records.append(record)
    return records


def plot_losses(records: Sequence[dict[str, Any]], path: Path, title: str = "") -> None:
    """Draw training and validation loss over steps, with the learning rate below, as a PNG.

    Args:
        records: Lines of `metrics.jsonl`: "step", and any of "loss", "valid" (with a "loss" in it) and
            "learning_rate".
        path: Written atomically.
        title: Above the picture.
    """
    from matplotlib.style import context

    with context("default"), files.atomic_path(path) as partial:  # settings of the user's may ask for LaTeX
        _losses_drawn(records, title).savefig(partial)


def _losses_drawn(records: Sequence[dict[str, Any]], title: str) -> "Figure":
    # the object interface needs neither pyplot's global state nor a display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    trained = [(r["step"], r["loss"]) for r in records if "loss" in r]
    valid = [(r["step"], r["valid"]["loss"]) for r in records if r.get("valid")]
    rates = [(r["step"], r["learning_rate"]) for r in records if "learning_rate" in r]
    if trained:
        upper.plot(*zip(*trained, strict=True), color="0.7", linewidth=0.8, label="training")
    if valid:
        upper.plot(*zip(*valid, strict=True), "o-", markersize=3, label="validation")
    if trained and all(loss > 0 for _, loss in trained + valid):
        upper.set_yscale("log")
    if rates:
        lower.plot(*zip(*rates, strict=True), color="0.4")
    if trained or valid:
        upper.legend()
    upper.set_title(title)
    upper.set_ylabel("loss")
    lower.set_ylabel("learning rate")
    lower.set_xlabel("step")
    return figure
