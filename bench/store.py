"""What the bench made and found, on disk: a question asked again about the same contents is answered from there.

Knows neither systems nor judges. A key is made of the contents of files, so renamed files keep their answers and
changed ones are judged again.
"""

import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

Kept = TypeVar("Kept")
_DIGITS = 24  # of a key, in hexadecimal


def digest(*parts: str | Path) -> str:
    """A key for texts and for the contents of files, in their order."""
    read = [_of_file(part, part.stat().st_mtime_ns) if isinstance(part, Path) else part for part in parts]
    return hashlib.sha256("\0".join(read).encode()).hexdigest()[:_DIGITS]


@cache
def _of_file(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Store:
    """Answers as JSON, one file per question and contents.

    Args:
        folder: Made when the first answer is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kept(self, question: str, key: str, compute: Callable[[], Kept]) -> Kept:
        """The answer of before, otherwise the one that is found now.

        Args:
            question: Names a folder.
            key: Of what is asked about, by `digest`.
            compute: Gives an answer that JSON can hold.
        """
        path = self.folder / question / f"{key}.json"
        if not path.is_file():
            replace_text(path, json.dumps(compute()))
        answer: Kept = json.loads(path.read_text())
        return answer


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; processes may write the same one at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)
