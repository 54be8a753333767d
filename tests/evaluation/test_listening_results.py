"""Grades are read as spreadsheets leave them; listeners are screened; figures agree with scipy and known effects."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support.command_result import CommandResult

from stylebox.core.errors import StyleboxError
from stylebox.core.evaluation.listening.analysis import ListeningResults, analyse, holm
from stylebox.core.evaluation.listening.ratings import Rating, read_ratings, screen
from stylebox.core.evaluation.listening.stimuli import LOW_ANCHOR, MID_ANCHOR, REFERENCE

HEAD = "test,listener,session,trial,system,grade,position,plays,seconds\r\n"
ANCHORS = {REFERENCE: 99.0, MID_ANCHOR: 60.0, LOW_ANCHOR: 25.0}


def simulated(effects: Mapping[str, float], listeners: int, trials: int = 8, spread: float = 8.0) -> list[Rating]:
    """Grades of people who agree on `effects` up to their own habits and noise."""
    rng = np.random.default_rng(listeners)
    ratings = []
    for listener in range(listeners):
        habit = rng.normal(scale=5)
        for trial in range(trials):
            for system, mean in {**ANCHORS, **effects}.items():
                noisy = mean if system in ANCHORS else mean + habit + rng.normal(scale=spread)
                ratings.append(Rating(f"l{listener}", f"t{trial}", system, float(np.clip(noisy, 0, 100))))
    return ratings


def means(ratings: list[Rating], system: str) -> np.ndarray:
    """Mean grade per listener."""
    listeners = dict.fromkeys(r.listener for r in ratings)
    return np.array(
        [np.mean([r.grade for r in ratings if (r.listener, r.system) == (name, system)]) for name in listeners]
    )


def test_means_and_intervals_are_those_of_students_t_over_listeners() -> None:
    ratings = simulated({"model": 70, "copy": 40}, listeners=10)
    result = analyse(ratings)
    assert [s.system for s in result.systems] == [REFERENCE, "model", MID_ANCHOR, "copy", LOW_ANCHOR]
    for summary in result.systems[1:2]:
        own = means(ratings, summary.system)
        expected = stats.t.interval(0.95, len(own) - 1, loc=own.mean(), scale=stats.sem(own))
        assert (summary.mean, summary.low, summary.high) == pytest.approx((own.mean(), *expected))
        assert (summary.listeners, summary.grades) == (10, 80)


def test_an_effect_is_found_and_no_effect_is_not() -> None:
    result = analyse(simulated({"model": 70, "draft": 69.8, "copy": 40}, listeners=14))
    found = {(c.first, c.second): c for c in result.comparisons}
    assert set(found) == {("model", "draft"), ("model", "copy"), ("draft", "copy")}
    assert found["model", "copy"].significant
    assert found["model", "copy"].difference == pytest.approx(30, abs=3)
    assert not found["model", "draft"].significant


def test_p_values_are_scipys_corrected_after_holm() -> None:
    ratings = simulated({"a": 60, "b": 56, "c": 50}, listeners=12)
    result = analyse(ratings)
    pairs = [(c.first, c.second) for c in result.comparisons]
    raw = [float(stats.wilcoxon(means(ratings, first), means(ratings, second)).pvalue) for first, second in pairs]
    assert [c.p for c in result.comparisons] == pytest.approx(holm(raw))
    order = np.argsort(raw)
    assert holm(raw)[order[0]] == pytest.approx(3 * raw[order[0]])
    assert holm([0.02, 0.9, 0.001]) == pytest.approx([0.04, 0.9, 0.003])
    assert holm([]) == []


def test_false_findings_are_rare_without_an_effect() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(30):
        ratings = [
            Rating(f"l{i}", "t", system, float(grade))
            for i in range(10)
            for system, grade in zip("abcd", rng.uniform(30, 70, 4), strict=True)
        ]
        found += any(c.significant for c in analyse(ratings).comparisons)
    assert found <= 5  # 1.5 are expected at most


def test_few_listeners_get_means_and_no_test() -> None:
    result = analyse(simulated({"model": 70, "copy": 10}, listeners=5))
    assert result.comparisons == []
    assert "5 listeners are too few" in result.remarks[0]
    (alone,) = [s for s in analyse(simulated({"model": 70}, listeners=1)).systems if s.system == "model"]
    assert (alone.low, alone.high, alone.listeners) == (None, None, 1)


def test_listeners_who_miss_the_reference_or_like_the_anchor_are_left_out() -> None:
    def listener(name: str, reference: Sequence[float], mid: Sequence[float]) -> list[Rating]:
        rows = zip(reference, mid, strict=True)
        return [
            Rating(name, f"t{i}", s, g)
            for i, pair in enumerate(rows)
            for s, g in zip((REFERENCE, MID_ANCHOR), pair, strict=True)
        ]

    good = listener("good", [100] * 18 + [89.9] * 3, [50] * 21)  # 3 of 21 are 14 %
    deaf = listener("deaf", [100] * 16 + [80] * 4, [50] * 20)
    fond = listener("fond", [100] * 20, [95] * 4 + [50] * 16)
    screened = screen(good + deaf + fond)
    assert screened.listeners == ["good"]
    assert screened.excluded == {
        "deaf": "graded the hidden reference below 90 in 20% of the trials",
        "fond": "graded the mid anchor above 90 in 20% of the trials",
    }
    assert analyse(deaf).systems == []
    assert "no listener passed" in analyse(deaf).remarks[0]


def rows(session: str, grade: str = "50", test: str = "t1", listener: str = "Ann") -> str:
    begin = f"{test},{listener},{session},one"
    return f"{begin},model,{grade},1,2,9.5\r\n{begin},{REFERENCE},100,2,1,9.5\r\n"


def test_files_are_read_as_browsers_and_spreadsheets_write_them(tmp_path: Path) -> None:
    plain = HEAD + rows("s1") + rows("s2", listener='"Bo ""B"", C"')
    (tmp_path / "a.csv").write_bytes(plain.encode())
    excel = (HEAD + rows("s3", "62.5")).replace(",", ";").replace("62.5", "62,5")
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbf" + excel.encode())
    (tmp_path / "copy of a.csv").write_bytes(plain.encode())
    (tmp_path / "notes.txt").write_text("not read")
    found = read_ratings([tmp_path])
    assert {(r.listener, r.grade) for r in found if r.system == "model"} == {
        ("Ann (s1)", 50),
        ('Bo "B", C (s2)', 50),
        ("Ann (s3)", 62.5),
    }
    assert len(found) == 6
    assert len(read_ratings([tmp_path / "a.csv", tmp_path / "b.csv"])) == 6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "no column 'test'"),
        (HEAD, "holds no grades"),
        (HEAD + rows("s1", "101"), "line 2: the grade '101'"),
        (HEAD + rows("s1", "loud"), "line 2: the grade 'loud'"),
        (HEAD + rows("s1") + rows("s2", test="t2"), "another listening test"),
        (HEAD + "t1,Ann\n", "line 2: the grade ''"),
    ],
)
def test_what_cannot_be_analysed_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.csv").write_text(text, newline="")
    with pytest.raises(StyleboxError, match=reason):
        read_ratings([tmp_path / "a.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(StyleboxError, match="no CSV file"):
        read_ratings([tmp_path / "empty"])


def test_the_command_shows_means_and_comparisons(run: Callable[..., CommandResult], tmp_path: Path) -> None:
    lines = [
        f"t,{r.listener},s,{r.trial},{r.system},{r.grade:.0f},1,1,1\r\n"
        for r in simulated({"model": 70, "copy": 20}, 8)
    ]
    (tmp_path / "grades.csv").write_text(HEAD + "".join(lines), newline="")
    code, out, err = run("evaluate", "--listening-results", tmp_path)
    assert code == 0
    assert [line.split("  ")[0] for line in out.splitlines()[:3]] == ["system", REFERENCE, "model"]
    assert "yes" in out.splitlines()[-1]
    assert "Holm" in err
    assert analyse(read_ratings([tmp_path / "grades.csv"])) == analyse(read_ratings([tmp_path])) != ListeningResults()
    missing = run("evaluate", "--listening-results", "gone.csv")
    assert (missing.code, missing.err.splitlines()[-1]) == (
        1,
        "stylebox: gone.csv: no such file; check the name",
    )


def test_the_command_writes_a_page(run: Callable[..., CommandResult], tiny_home: Path, tmp_path: Path) -> None:
    command = ("evaluate", "--model", "tiny", "--device", "cpu", "--limit", 1, "--listening-test", tmp_path / "test")
    code, out, err = run(*command)
    page = tmp_path / "test" / "listening-test.html"
    assert (code, out) == (0, f"{page}\n"), err
    assert "1 page" in err
    assert "hidden reference, anchor 3.5 kHz, anchor 7 kHz, model, draft alone" in err
    assert run(*command).code == 1  # it is there
    made = json.loads(run(*command, "--force", "--json").out)
    assert made["page"] == str(page)
    assert made["systems"][0] == REFERENCE
