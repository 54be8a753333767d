"""Every figure that the README and the model card give of the model's quality is on the pages that the bench writes."""

import re
from pathlib import Path

import pytest

import stylebox

ROOT = Path(stylebox.__file__).parents[1]
PAGES = ("docs/results.md", "docs/speed.md")  # written by bench/results.py and bench/speed.py
OTHER_SECTIONS = (
    "Training",
    "The classifier of `stylebox evaluate`",
)  # of the card: figures of the log, not of quality
FIGURE = re.compile(r"(?<![\w.,/-])-?\d+\.\d+(?![\w.]*\d)|\d+(?:\.\d+)? %")
NO_FIGURES = {"3.11", "70 %", "30 %"}  # the oldest Python; what `--mix 0.7` means


def prose(text: str) -> str:
    """Text without code, links and the sections that are not about quality."""
    text = re.sub(r"(?ms)^---.*?^---$", "", text, count=1)
    for title in OTHER_SECTIONS:
        text = re.sub(rf"(?ms)^## {re.escape(title)}$.*?(?=^## |\Z)", "", text)
    return re.sub(r"(?s)```.*?```|`[^`]*`|\]\([^)]*\)", " ", text)


def measured() -> set[str]:
    return {figure for page in PAGES for figure in FIGURE.findall((ROOT / page).read_text("utf-8"))}


def rows(text: str) -> set[str]:
    """The rows of all tables, without marks for the winner."""
    return {line.replace("**", "") for line in text.splitlines() if line.startswith("|")}


@pytest.mark.parametrize("page", ["README.md", "MODEL_CARD.md"])
def test_figures_are_those_of_the_bench(page: str) -> None:
    text = prose((ROOT / page).read_text("utf-8"))
    stated = set(FIGURE.findall(text)) - NO_FIGURES
    assert stated - measured() == set()


def test_the_cards_table_is_the_one_of_the_results() -> None:
    card = (ROOT / "MODEL_CARD.md").read_text("utf-8")
    section = card.split("## Measured", 1)[1].split("\n## ", 1)[0]
    table = {row for row in rows(section) if "---" not in row}
    assert len(table) > 5
    assert table - rows((ROOT / "docs" / "results.md").read_text("utf-8")) == set()


def test_the_cards_speed_is_that_of_the_page_for_ten_minutes() -> None:
    speed = (ROOT / "docs" / "speed.md").read_text("utf-8")
    (row,) = re.findall(r"(?m)^\| 600 s \|.*\|$", speed)
    per_second, megabytes = row.strip("| ").split(" | ")[-2:]
    card = (ROOT / "MODEL_CARD.md").read_text("utf-8")
    assert f"for a recording of ten minutes: {per_second}, with at most {megabytes} MB" in card


def test_figures_are_told_from_versions_and_links() -> None:
    text = "F1 of 0.86 (88 %), -3.5 dB. Version 3.11.7, `0.5`, [x](a-1.2.md), 1.0."
    assert FIGURE.findall(prose(text)) == ["0.86", "88 %", "-3.5", "1.0"]
