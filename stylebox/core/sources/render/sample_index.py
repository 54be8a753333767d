"""Reads `INDEX.tsv`, which lists the recorded notes of a folder: file, instrument and pitch.

Accepts tabs, commas and semicolons, byte order marks, Windows-1252 and note names. Opens none of the listed files.
"""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import SourceError, cannot_read
from stylebox.core.music.instrument_names import fold_name, plain_name
from stylebox.core.paths import listed
from stylebox.core.text_encoding import decode_text
from stylebox.core.text_table import is_workbook, separated

COLUMNS = ("file", "instrument", "midi_pitch")
_SAME_AS = {"filename": "file", "path": "file", "pitch": "midi_pitch", "note": "midi_pitch", "midi_note": "midi_pitch"}

_NOTE_NAME = re.compile(r"([a-g])([#♯b♭]{0,2})(-?\d{1,2})", re.IGNORECASE)
_SEMITONES = dict(zip("cdefgab", (0, 2, 4, 5, 7, 9, 11), strict=True))
_LAST_PITCH = 127


@dataclass(frozen=True)
class IndexEntry:
    """One line of an index."""

    line: int
    path: Path
    label: str  # the instrument's name in the index, in lower case with underscores
    pitch: float  # as labelled, a MIDI number with fractions
    origin: str
    license: str | None

    @property
    def instrument(self) -> str:
        """Our name of the instrument; the label if it is unknown."""
        return plain_name(self.label) or self.label


def read_index(folder: Path) -> list[IndexEntry]:
    """Read the notes that ``folder/INDEX.tsv`` lists, in its order.

    Raises:
        SourceError: There is no index, it lacks a column, or a line is invalid; the message names the line and the
            reason.
    """
    index = folder / "INDEX.tsv"
    if not index.is_file():
        near = [path.name for path in sorted(folder.glob("*")) if path.name.lower().startswith("index.")]
        fix = f"rename {near[0]}" if near else f"list the samples there (columns: {', '.join(COLUMNS)})"
        raise SourceError(f"{index}: missing; {fix}")
    entries: list[IndexEntry] = []
    faults: list[tuple[int, str]] = []
    for line, row in _rows(_text(index), index):
        try:
            entries.append(_entry(folder, line, row))
        except ValueError as fault:
            faults.append((line, str(fault)))
    if faults:
        more = f" (also to correct: line {', '.join(str(line) for line, _ in faults[1:])})" if faults[1:] else ""
        raise SourceError(f"{index}: line {faults[0][0]}: {faults[0][1]}{more}")
    if not entries:
        raise SourceError(f"{index}: lists no samples; add lines below the header")
    return entries


def midi_pitch(text: str) -> float:
    """Convert a MIDI number or a note name, with C4 = 60, to a MIDI number.

    Raises:
        ValueError: It is neither, or outside 0 to 127.

    >>> midi_pitch("60,5"), midi_pitch("C#4"), midi_pitch("Db3"), midi_pitch("F♯-1")
    (60.5, 61.0, 49.0, 6.0)
    """
    name = _NOTE_NAME.fullmatch(text.replace(" ", ""))
    if name:
        sharps = sum(1 if sign in "#♯" else -1 for sign in name[2].lower())
        pitch = 12.0 * (int(name[3]) + 1) + _SEMITONES[name[1].lower()] + sharps
    else:
        try:
            pitch = float(text.replace(",", "."))
        except ValueError:
            pitch = math.nan
    if not math.isfinite(pitch):
        raise ValueError(f"midi_pitch {text!r} is not a pitch; write a MIDI number (60) or a note name (C4)")
    if not 0 <= pitch <= _LAST_PITCH:
        raise ValueError(f"midi_pitch {text} is outside 0 to {_LAST_PITCH}; A4 is 69")
    return pitch


def _text(index: Path) -> str:
    try:
        content = index.read_bytes()
    except OSError as error:
        raise SourceError(cannot_read(index, error)) from error
    try:
        text = decode_text(content)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")  # as spreadsheets on Windows save it
    if "\0" in text or is_workbook(content):
        raise SourceError(f"{index}: is not text; save it as tab-separated text in UTF-8")
    return text


def _rows(text: str, index: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The lines below the header by column, without blank lines and comments.

    The column "" holds the fields beyond the header's.
    """
    delimiter, text = separated(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        for fields in reader:
            fields = [unicodedata.normalize("NFC", field).strip() for field in fields]
            if not any(fields) or fields[0].startswith("# "):
                continue
            if header:
                yield reader.line_num, dict(zip(header, fields, strict=False)) | {"": "".join(fields[len(header) :])}
                continue
            header = [field.lower().replace(" ", "_") for field in fields]
            header = [_SAME_AS[name] if _SAME_AS.get(name, name) not in header else name for name in header]
            _check_columns(header, index, reader.line_num)
    except csv.Error as error:
        raise SourceError(f"{index}: line {reader.line_num}: {error}; write a quote inside quotes twice") from error
    if not header:
        raise SourceError(f"{index}: is empty; its first line must name the columns {', '.join(COLUMNS)}")


def _check_columns(header: list[str], index: Path, line: int) -> None:
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        found = ", ".join(filter(None, header))
        missing_columns = " and no column ".join(missing)
        needed = f"the first line must name the columns {', '.join(COLUMNS)}"
        raise SourceError(f"{index}: line {line}: no column {missing_columns} (found: {found}); {needed}")
    twice = [column for column in COLUMNS if header.count(column) > 1]
    if twice:
        raise SourceError(f"{index}: line {line}: column {twice[0]} appears twice; delete one")


def _entry(folder: Path, line: int, row: Mapping[str, str]) -> IndexEntry:
    """Parse one line; raises a ValueError that gives the reason."""
    if row[""]:
        raise ValueError(f"more fields than columns ({row['']!r} is left); put a name that has the separator in quotes")
    for column in COLUMNS:
        if not row.get(column):
            raise ValueError(f"{column} is empty")
    origin = (row.get("source_repository") or "own").rsplit("/", 1)[-1]
    license = row.get("licence") or row.get("license") or None
    label = fold_name(row["instrument"])
    return IndexEntry(line, _find(folder, row["file"]), label, midi_pitch(row["midi_pitch"]), origin, license)


def _find(folder: Path, name: str) -> Path:
    path = listed(folder, name)
    if path is None or not path.is_file():
        raise ValueError(f"{folder / name} {'does not exist' if path is None else 'is not a file'}; correct the index")
    return path
