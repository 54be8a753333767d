"""Write reliability.md from long_runs.md and tests on faults and formats: `python docs/make_reliability.py`."""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
JUNIT = ("-o", "junit_family=legacy")  # the newer family has no properties
TESTS = ("tests/reliability", "tests/audio/test_formats.py")
PAGE = Path(__file__).with_name("reliability.md")
LONG_RUNS = Path(__file__).with_name("long_runs.md")  # measured by bench/long_runs.py
INTRODUCTION = """# Reliability

Written by `python docs/make_reliability.py`, which runs the tests in `tests/reliability` and
`tests/audio/test_formats.py`; do not edit.

## Faults

Each stage runs in a process of its own and meets one fault after the other: when its first file gets its final name,
some once more after its last file; an input changes or vanishes when it is opened. A live transfer meets most of them
while it plays. After each fault no file that existed has changed, and no half-written file bears a final name. At the
end a run without a fault makes what an undisturbed run makes, byte by byte where the stage writes the same bytes every
time. A number is how often the stage survived.

"""
CLOSING = """
## What else is tried, and where

| what | tests |
|---|---|
| training: killed at any step, damaged state, no number, no memory, moved dataset | `tests/training` |
| recording: killed, unplugged, a full disk while recording | `tests/sources` |
| live: the output of a killed session, and one that plays less than was recorded | `tests/jobs/test_live_session.py` |
| two commands on one folder, stale locks | `tests/test_concurrency.py`, `tests/test_lock.py` |
| paths outside the folder, bombs, terminal escapes, markup | `tests/test_hostile_input.py` |
| names in HTML | `tests/jobs/test_html.py` |
| damaged sound files | `tests/audio` |
| MIDI files that break the standard | `tests/music` |
| any bytes as a file from a stranger, with what the fuzzer found | `tests/test_fuzz.py` |
"""


def page() -> str:
    """The text of the page, from a run of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", *JUNIT, f"--junitxml={report}", *TESTS]
        subprocess.run(command, cwd=ROOT, check=True)
        cases = [
            [(one.attrib["name"], one.attrib["value"]) for one in case.iter("property")]
            for case in ET.parse(report).iter("testcase")
        ]
    survived: Counter[tuple[str, str]] = Counter()
    for (kind, name), *facts in filter(None, cases):
        survived.update((name, fault) for fault, _ in facts if kind == "stage")
    inputs = [(name, facts[0][1]) for (kind, name), *facts in filter(None, cases) if kind == "input"]
    return "".join(
        (
            INTRODUCTION,
            _faults(survived),
            f"\n## Inputs\n\nSound files of {len(inputs)} kinds; what becomes of each:\n\n",
            _table(["input", "outcome"], inputs),
            f"\n{LONG_RUNS.read_text('utf-8')}{CLOSING}",
        )
    )


def _faults(survived: Counter[tuple[str, str]]) -> str:
    """The table of stages and faults, and their sum."""
    faults, stages = (list(dict.fromkeys(key[place] for key in survived)) for place in (1, 0))
    rows = [[stage, *(str(survived[stage, fault] or "-") for fault in faults)] for stage in stages]
    total = f"\nSurvived: {sum(survived.values())} faults in {len(survived)} pairs of stage and fault.\n"
    return _table(["stage", *faults], rows) + total


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
