"""Reads a list of recordings to fetch, a CSV file, and names the row and column of each error.

Accepts byte order marks, semicolons, columns in any order, blank rows and comments. Knows nothing of downloading.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stylebox.core.errors import SourceError, cannot_read
from stylebox.core.files import refuse_overwrite, write_text
from stylebox.core.paths import is_address
from stylebox.core.standard_streams import STREAM, standard_input
from stylebox.core.text_encoding import decode_text
from stylebox.core.text_table import is_workbook, separated

REQUIRED, OPTIONAL = ("instrument", "title", "url"), ("license", "start", "end")
_SAME_AS = {"licence": "license", "link": "url", "from": "start", "to": "end"}
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)")
_UNITS = re.compile(r"(?=.)(?:(\d+) ?h)? ?(?:(\d+) ?m(?:in)?)? ?(?:(\d+(?:[.,]\d+)?) ?s(?:ec)?)?", re.IGNORECASE)

EXAMPLE = """\
# A list for `stylebox fetch`: one row per recording. Lines that begin with # are comments.
#   instrument  the name of the folder and, after training, of the style
#   title       the name of the file; if empty, the title that the source gives
#   url         a page or file on the web, or a file on this machine: relative to this list, absolute, or file://
#   license     the licence that the source gives; saved beside the recording
#   start, end  keep only this part: 1:30, 1:02:03 or seconds
# Fetch only recordings that you may use: your own, public domain, or under a licence that allows it.
instrument,title,url,license,start,end
piano,"Gymnopédie No. 1",https://upload.wikimedia.org/wikipedia/commons/b/b7/Gymnopedie_No._1..ogg,CC0 1.0,,
# the same recording, but only its beginning
piano,Gymnopédie opening,https://upload.wikimedia.org/wikipedia/commons/b/b7/Gymnopedie_No._1..ogg,CC0 1.0,0,1:30
# violin,My own take,recordings/take.wav,my own,0:05,
# cello,Some solo on a video site,https://www.youtube.com/watch?v=...,Creative Commons Attribution,,
"""


@dataclass(frozen=True)
class Row:
    """One recording to fetch.

    Attributes:
        number: Row number as a spreadsheet counts, with header, blank rows and comments.
        instrument: Name of the folder.
        title: Empty: the title that the source gives.
        url: A web address or a file on this machine.
        license: The licence that the source gives.
        start: Seconds into the recording at which to begin; None is its beginning.
        end: Seconds into the recording at which to end; None is its end.
    """

    number: int
    instrument: str
    title: str
    url: str
    license: str | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Fault:
    """An invalid row: its number, and the column and reason."""

    number: int
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """The rows of a list, in order, its invalid rows, and the names of its columns that have no meaning here."""

    name: str
    folder: Path  # relative paths start here
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...] = ()
    unused: tuple[str, ...] = ()


def read_catalogue(path: Path) -> Catalogue:
    """Read a list of recordings; "-" is standard input.

    Raises:
        SourceError: It cannot be read, or its header lacks a column.
    """
    if is_address(path):
        raise SourceError(f"{path}: is an address; put it into a list, which `stylebox fetch --example` begins")
    if str(path) == STREAM:
        return parse_catalogue(standard_input("a CSV").read(), "standard input", Path.cwd())
    try:
        return parse_catalogue(path.read_bytes(), str(path), path.absolute().parent)
    except FileNotFoundError as error:
        fix = "check the name, or write a first list with `stylebox fetch --example`"
        raise SourceError(f"{path}: no such file; {fix}") from error
    except OSError as error:
        raise SourceError(cannot_read(path, error)) from error


def parse_catalogue(content: bytes, name: str, folder: Path) -> Catalogue:
    """Parse a list of recordings.

    Args:
        content: CSV as UTF-8, or UTF-16 with a byte order mark; commas, semicolons or tabs.
        name: Name of the list in messages.
        folder: The folder that relative paths in it start from.

    Raises:
        SourceError: It is not text, or has no header, or a column is missing.
    """
    records = _records(_decoded(content, name), name)
    header_number, header = next(records, (0, []))
    if not header:
        raise SourceError(f"{name}: is empty; its first row must be {','.join(REQUIRED)}")
    columns = _columns(header, name, header_number)
    rows: list[Row] = []
    faults: list[Fault] = []
    spelling: dict[str, str] = {}  # "Piano" and "piano" are one instrument, spelled as in its first row
    for number, fields in records:
        try:
            row = _row(number, fields, columns, len(header))
        except ValueError as fault:
            if not fields[0].startswith("#"):  # a comment that a spreadsheet has put in quotes
                faults.append(Fault(number, str(fault)))
            continue
        instrument = spelling.setdefault(row.instrument.casefold(), row.instrument)
        rows.append(replace(row, instrument=instrument))
    if not rows and not faults:
        raise SourceError(f"{name}: names no recordings; add rows below the header")
    unused = tuple(field for at, field in enumerate(header) if field and at not in columns.values())
    return Catalogue(name, folder, tuple(rows), tuple(faults), unused)


def write_example(path: Path, force: bool = False) -> None:
    """Write a short example list.

    Raises:
        StyleboxError: `path` exists and `force` is false.
    """
    refuse_overwrite(path, force)
    write_text(path, EXAMPLE, follow_link=True)


def _decoded(content: bytes, name: str) -> str:
    if is_workbook(content):
        raise SourceError(f"{name}: is a spreadsheet's own file; save it as CSV in UTF-8")
    try:
        return decode_text(content)
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise SourceError(f"{name}, row {row}: is not UTF-8; save it as CSV in UTF-8") from error


def _records(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are neither blank nor comments, with their numbers."""
    delimiter, text = separated(text)
    lines = io.StringIO(text, newline="")  # other line breaks, which titles may hold, end no row
    number, fresh = 0, True

    def without_comments() -> Iterator[str]:
        nonlocal number, fresh
        for line in lines:
            if fresh and line.lstrip().startswith("#"):  # inside quotes, # begins no comment
                number += 1
                continue
            fresh = False
            yield line

    reader = csv.reader(without_comments(), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        fresh = True
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fix = 'write a quote inside quotes twice, ""'
            raise SourceError(f"{name}, row {number + 1}: {error}; {fix}") from error
        number += 1
        if any(field.strip() for field in fields):
            yield number, [field.strip() for field in fields]


def _columns(header: Sequence[str], name: str, number: int) -> dict[str, int]:
    """The index of each known column."""
    names = [field.casefold() for field in header]
    names = [_SAME_AS[name] if name in _SAME_AS and _SAME_AS[name] not in names else name for name in names]
    for column in (*REQUIRED, *OPTIONAL):
        if names.count(column) > 1:
            raise SourceError(f"{name}, row {number}, column {column}: appears twice; delete one")
    missing = [column for column in REQUIRED if column not in names]
    if missing:
        found = ", ".join(field for field in header if field) or "none"
        raise SourceError(
            f"{name}, row {number}: no column {missing[0]} (found: {found}); "
            f"the first row must be {','.join(REQUIRED)}, in any order"
        )
    return {column: names.index(column) for column in (*REQUIRED, *OPTIONAL) if column in names}


def _row(number: int, fields: Sequence[str], columns: dict[str, int], width: int) -> Row:
    """Parse one row of a table with `width` columns; raises a ValueError that names the column."""
    if len(fields) <= max(columns[column] for column in REQUIRED):
        missing = next(column for column in REQUIRED if columns[column] >= len(fields))
        raise ValueError(f"column {missing}: is missing, the row has only {len(fields)} columns")
    beyond = next((field for field in fields[width:] if field), None)
    if beyond is not None:
        raise ValueError(f"more fields than columns ({beyond!r} is left); put a text that has the separator in quotes")
    value = {column: fields[at] if at < len(fields) else "" for column, at in columns.items()}
    for column in ("instrument", "url"):
        if not value[column]:
            raise ValueError(f"column {column}: is empty")
    start, end = (_seconds(value.get(column, ""), column) for column in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise ValueError(f"column end: {value['end']} is not after the start")
    license = value.get("license") or None
    return Row(number, value["instrument"], value["title"], value["url"], license, start, end)


def _seconds(text: str, column: str) -> float | None:
    """Convert `1:02:03`, `1:30`, `90`, `90.5` or `1m30s` to seconds, an empty text to None."""
    if not text:
        return None
    clock = _CLOCK.fullmatch(text) or _UNITS.fullmatch(text)
    if not clock:
        raise ValueError(f"column {column}: {text!r} is not a time; write 1:30 or seconds")
    hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in clock.groups())
    if (clock[2] and seconds >= 60) or (clock[1] and minutes >= 60):
        raise ValueError(f"column {column}: {text!r} is not a time; minutes and seconds go up to 59")
    return 3600 * hours + 60 * minutes + seconds
