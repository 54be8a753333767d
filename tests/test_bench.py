"""The bench is not shipped and takes half an hour; here only that it still fits the package, and its arithmetic."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import stylebox

BENCH = Path(stylebox.__file__).parents[1] / "bench"

if not (BENCH / "run.py").is_file():
    pytest.skip("the bench is not beside the package", allow_module_level=True)


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """bench/compare.py; what it brings along from its folder is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCH)
    import compare

    yield compare
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("script", ["run.py", "experiments.py"])
def test_its_imports_are_there(script: str) -> None:
    ended = subprocess.run([sys.executable, BENCH / script, "--help"], capture_output=True, text=True, check=True)
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
