"""Words we do not write in code, help or docs: a newcomer would have to guess. Each with what to write instead."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TERMS: dict[str, str] = {
    r"\bwish(es|ed)?\b": "option, requested",
    r"\bmend(s|ed|ing)?\b": "fix, repair",
    r"\banew\b": "again",
    r"\bnobody\b|\bwhoever\b": "say who or what does",
    r"\bnot? (yet )?heard of\b|\bwho speaks\b|\bspeaks for\b": "reference timbre",
    r"\b(two|outside|own) ears?\b": "judge, classifier, transcriber",
    r"\btold\b": "printed, reported, given",
    r"\bhear[sd]?\b (a|the|no) (note|key|band)": "detects, transcribes",
    r"\burged?\b": "guidance",
    r"\bby itself\b": "automatically",
    r"\bat work\b|\bcomes? out as\b": "say what it does",
    r"\bmade up\b|\binvented\b": "generated, synthetic",
    r"\bsay(s)? what\b|\blook what\b": "check, print, list",
    r"\bas it (came|comes)\b": "unchanged",
    r"\bone a\b|\bfolder an\b": "one per",
}
PLACES = ("stylebox/**/*", "docs/*", "README.md", "MODEL_CARD.md")
SUFFIXES = {".py", ".toml", ".md"}
LEFT_OUT = {"docs/log.md"}  # what was written on a day stays


def texts() -> Iterator[tuple[str, str]]:
    """Path below the root and text of every file that is searched."""
    for pattern in PLACES:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and name not in LEFT_OUT:
                yield name, path.read_text("utf-8")


def findings() -> Iterator[str]:
    """All words that we do not write, in any case, also across the end of a line."""
    for name, text in texts():
        for term, instead in TERMS.items():
            for match in occurrences(term, text):
                number = text.count("\n", 0, match.start()) + 1
                line = text.splitlines()[number - 1].strip()
                yield f"{name}:{number}: {match[0]!r}, better: {instead}: {line}"


def occurrences(term: str, text: str) -> Iterator[re.Match[str]]:
    """Where a pattern stands in a text: in any case, also across the end of a line."""
    return re.finditer(term.replace(" ", r"[\s#]+"), text, re.IGNORECASE)


def test_we_write_plain_english() -> None:
    """None of these words is in the code, its help or the docs."""
    found = list(findings())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [("A red kite.", 1), ("Red, RED", 2), ("reddish, hundred", 0), ("look\n# up", 1), ("lookup", 0)],
)
def test_the_search_finds_words(text: str, found: int) -> None:
    """Whole words only, in any case, across the end of a line."""
    assert sum(len(list(occurrences(term, text))) for term in (r"\bred\b", r"\blook up\b")) == found
