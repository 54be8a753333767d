"""What the bench found, as one markdown page: sections of sentences and tables. Knows nothing of what was measured."""

import math
import os
import platform
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from stylebox import __version__

PACKAGES = ("torch", "numpy", "librosa", "mir_eval", "onnxruntime", "pretty_midi", "pyfluidsynth", "tensorflow-cpu")

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """Figures in rows; floats are shown with `digits` places, what is missing as a dash."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    digits: int = 2

    def lines(self) -> list[str]:
        """The table in markdown, figures to the right."""
        rule = ["---", *("---:" for _ in self.header[1:])]
        return [_line(cells) for cells in (self.header, rule, *([self._shown(c) for c in row] for row in self.rows))]

    def _shown(self, cell: Cell) -> str:
        if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
            return "-"
        return f"{cell:.{self.digits}f}" if isinstance(cell, float) else str(cell)


@dataclass
class Section:
    """A heading, and under it sentences and tables in the order they are to be read."""

    title: str
    parts: list[str | Table] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The section in markdown."""
        lines = [f"## {self.title}"]
        for part in self.parts:
            lines += ["", *(part.lines() if isinstance(part, Table) else wrapped(part))]
        return lines


def wrapped(text: str) -> list[str]:
    """Paragraphs and lists in lines of at most 120 characters."""
    lines = []
    for line in text.splitlines():
        indent = "  " if line.startswith("- ") else ""
        lines += textwrap.wrap(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines


def page(title: str, remarks: Iterable[str], sections: Iterable[Section]) -> str:
    """The whole page."""
    lines = [f"# {title}"]
    for remark in remarks:
        lines += ["", *wrapped(remark)]
    for section in sections:
        lines += ["", *section.lines()]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """The processor and the system, in words."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def versions() -> str:
    """Of this package and of those the figures depend on."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join([f"stylebox {__version__}", *found])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
