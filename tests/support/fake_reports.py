"""Stand-ins for the jobs of `stylebox build` and `stylebox render`."""

from pathlib import Path
from typing import Any

from stylebox.core.data.build import BuildReport, Skipped
from stylebox.core.jobs.export import SPLITS
from stylebox.core.sources.render.render import RenderReport


def fake_build(sources: Path, dataset: Path, **_: object) -> BuildReport:
    broken = Skipped("violin/a.wav", "violin/a.wav: is damaged", "broken")
    seconds: dict[str, dict[str, float]] = {"violin": dict.fromkeys(SPLITS, 60.0)}
    return BuildReport(dataset, seconds, {"violin": 2}, 2, 0, (broken,), ("b.wav: clips",), ("no test split",))


def fake_render(to: Path, *, instruments: Any, **_: object) -> RenderReport:
    return RenderReport(2, 1, dict.fromkeys(instruments, 90.0), ["harp: no sound"])
