"""`--json`: one document on stdout and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from support.command_result import CommandResult
from support.fake_reports import fake_build, fake_render
from support.fake_transfer import FakeTransfer, Report


@pytest.mark.parametrize(
    "line",
    [
        "transfer piano.wav gone.wav --style harp --device cpu --json",
        "styles --json",
        "models --json",
        "info --preset paper --json",
        "doctor --json",
        "build --json",
        "render --json",
    ],
)
def test_json_is_one_document_and_nothing_else(
    line: str,
    run: Callable[..., CommandResult],
    transfer: FakeTransfer,
    library: ModuleType,
    piano: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stylebox.core.data.build.build", fake_build)
    monkeypatch.setattr("stylebox.core.sources.render.render.render", fake_render)
    transfer.report = Report("", "", seconds=float("nan"), warnings=("a warning",))
    assert json.loads(run(*line.split()).out) is not None
