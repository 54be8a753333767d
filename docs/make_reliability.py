"""Write reliability.md from a run of the tests in tests/reliability: `python docs/make_reliability.py`."""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("reliability.md")
INTRODUCTION = """# Reliability

Written by `python docs/make_reliability.py`, which runs the tests in `tests/reliability`; do not edit.

Each stage runs in a process of its own and meets a fault when its first file gets its final name, and once more after
its last. Then three things are checked: no file that existed has changed, no half-written file bears a final name, and
the next run makes what an undisturbed run makes, byte by byte where the stage writes the same bytes every time. A
number is how often the stage survived.

"""
CLOSING = """
What else is tried, and where:

| what | tests |
|---|---|
| training: killed at any step and resumed, damaged state, no number, no memory, moved dataset | `tests/training` |
| recording: killed, unplugged, a full disk while recording | `tests/sources` |
| two commands on one folder | `tests/test_lock.py` |
| damaged and unusual sound files, about sixty kinds | `tests/audio` |
| MIDI files that break the standard | `tests/music` |
| any bytes as a file from a stranger, with what the fuzzer found | `tests/test_fuzz.py` |
"""


def page() -> str:
    """The text of the page, from a run of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", f"--junitxml={report}", "tests/reliability"]
        subprocess.run(command, cwd=ROOT, check=True)
        found: dict[tuple[str, str], int] = {}
        for case in ET.parse(report).iter("testcase"):
            facts = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
            if facts:
                found[facts["stage"], facts["fault"]] = int(facts["tried"])
    faults = list(dict.fromkeys(fault for _, fault in found))
    rows = [f"| stage | {' | '.join(faults)} |", f"|---{'|---:' * len(faults)}|"]
    for stage in dict.fromkeys(stage for stage, _ in found):
        rows.append(f"| {stage} | {' | '.join(str(found[stage, fault]) for fault in faults)} |")
    return (
        f"{INTRODUCTION}"
        + "\n".join(rows)
        + f"\n\nSurvived: {sum(found.values())} faults of {len(found)} pairs.\n{CLOSING}"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
