"""The loss curve of a run as a picture. Reads records of the log; knows nothing of training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stylebox.core import paths


def plot_losses(records: Sequence[dict[str, Any]], path: Path, title: str = "") -> None:
    """Draw training and validation loss over steps, with the learning rate below, as a PNG at `path`.

    Args:
        records: Lines of `metrics.jsonl`: "step", and any of "loss", "valid" (holding a "loss") and
            "learning_rate".
        path: Written atomically.
        title: Above the picture.
    """
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
    with paths.atomic_path(path) as partial:
        figure.savefig(partial)
