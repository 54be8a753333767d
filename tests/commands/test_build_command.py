"""`stylebox build`: what it shows."""

from collections.abc import Callable

import pytest
from support.command_result import CommandResult
from support.fake_reports import fake_build


def test_build_shows_the_dataset_and_the_failures(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylebox.core.data.build.build", fake_build)
    code, out, err = run("build", "sources", "--dataset", "set")
    assert code == 1
    header, row, where = out.splitlines()
    assert header.split() == ["instrument", "recordings", "train", "min", "valid", "min", "test", "min"]
    assert row.split() == ["violin", "2", "1", "1", "1"]
    assert where == "set"
    assert err.splitlines()[:2] == ["warning: b.wav: clips", "warning: no test split"]
    assert err.splitlines()[-1] == "stylebox: violin/a.wav: is damaged"
