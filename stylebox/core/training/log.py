"""The log of a run, one JSON object a line. Knows lines and their step, not what they measure."""

import json
from pathlib import Path
from typing import Any

from stylebox.core import paths


def append(path: Path, record: dict[str, Any]) -> None:
    """Add one line to the log."""
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(record) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines of the log; a line cut short by a crash is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            records.append(record)
    return records


def truncate(path: Path, step: int) -> None:
    """Drop what was logged after `step`, as a run that resumes there will log it again."""
    if path.exists():
        kept = [record for record in read(path) if record["step"] <= step]
        paths.write_text(path, "".join(json.dumps(record) + "\n" for record in kept))
