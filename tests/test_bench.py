"""The bench is not shipped and takes half an hour; here only that it still fits the package, and its arithmetic."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch

import stylebox

BENCH = Path(stylebox.__file__).parents[1] / "bench"

if not (BENCH / "run.py").is_file():
    pytest.skip("the bench is not beside the package", allow_module_level=True)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """A file of bench/ as a module; what it brings along from its folder is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCH)
    yield import_module
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def compare(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("compare")


@pytest.mark.parametrize("name", ["run.py", "experiments.py"])
def test_its_imports_are_there(name: str) -> None:
    ended = subprocess.run([sys.executable, BENCH / name, "--help"], capture_output=True, text=True, check=True)
    assert "--minutes" in ended.stdout


def test_rank_correlation_sees_order_only(compare: ModuleType) -> None:
    assert compare.rank_correlation([0.1, 0.2, 0.9], [1, 5, 6]) == pytest.approx(1)
    assert compare.rank_correlation([0.1, 0.2, 0.9], [3, 2, 1]) == pytest.approx(-1)
    assert compare.rank_correlation([0.1, 0.2, 0.9], [2, 2, 2]) is None


def test_agreement_wants_enough_outputs(compare: ModuleType) -> None:
    assert compare.reached(46, 0.71) == "yes"
    assert compare.reached(46, 0.69) == compare.reached(46, None) == "no"
    assert compare.reached(9, 0.99) == "too few"


def test_ahead_is_named_only_outside_the_interval(compare: ModuleType) -> None:
    def interval(low: float, high: float) -> object:
        return compare.Interval((low + high) / 2, low, high, 9)

    assert compare.ahead(interval(-0.1, 0.2), more_is_better=True) == "neither"
    assert compare.ahead(interval(0.1, 0.2), more_is_better=True) == "ours"
    assert compare.ahead(interval(0.1, 0.2), more_is_better=False) == "theirs"
    assert compare.ahead(interval(-0.2, -0.1), more_is_better=False) == "ours"


def test_a_table_shows_what_is_missing_as_a_dash(compare: ModuleType) -> None:
    table = compare.Table(["", "F1"], [["ours", 0.756], ["theirs", float("nan")], ["copy", None]])
    assert table.lines() == ["|  | F1 |", "| --- | ---: |", "| ours | 0.76 |", "| theirs | - |", "| copy | - |"]


def test_a_trial_draws_the_held_out_pairs(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tiny_home: Path
) -> None:
    experiments = script("experiments")
    monkeypatch.setattr(experiments, "FRAMES", 64)
    monkeypatch.setattr(experiments, "STYLE_FRAMES", 64)
    material = experiments.Material(tiny_home / "dataset", "base", {"batch_size": 2})
    trial = experiments.Trial(material, experiments.VARIANTS["draft"])
    with torch.no_grad():
        distance, notes, swap = (float(figure) for figure in trial.row(trial.drawn))
    assert distance > 0
    assert 0 <= notes <= 1
    assert swap == 0, "a style means nothing to a draft before its first step"
