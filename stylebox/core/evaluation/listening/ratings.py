"""The grades of listeners: read from the CSV files that the page saves, and screened. Knows no statistics."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import StyleboxError, cannot_read, error_reason
from stylebox.core.evaluation.listening.stimuli import MID_ANCHOR, REFERENCE
from stylebox.core.paths import entries
from stylebox.core.text_encoding import decode_text
from stylebox.core.text_table import separated

COLUMNS = ("test", "listener", "session", "trial", "system", "grade")
EXCELLENT = 90.0  # a hidden reference below this was not recognised; a mid anchor above it was not either
MOST_MISSED = 0.15  # share of the trials in which that may happen


@dataclass(frozen=True)
class Rating:
    """One grade.

    Attributes:
        listener: Name and session, so that two people of one name stay two.
        trial: What was played.
        system: What made the sound.
        grade: 0 to 100.
    """

    listener: str
    trial: str
    system: str
    grade: float


@dataclass(frozen=True)
class Screened:
    """Grades of the listeners that count.

    Attributes:
        ratings: Their grades.
        listeners: Their names.
        excluded: Listeners left out, with the reason.
    """

    ratings: list[Rating]
    listeners: list[str]
    excluded: dict[str, str]


def read_ratings(paths: Sequence[Path]) -> list[Rating]:
    """The grades in files, or in the CSV files of folders; a session that was saved twice counts once.

    Commas, semicolons and tabs separate cells, as spreadsheets write them.

    Raises:
        StyleboxError: A file cannot be read, lacks a column or a grade, or the files are of different tests.
    """
    files = [file for path in paths for file in (entries(path, "*.csv") if path.is_dir() else [path])]
    if not files:
        raise StyleboxError(f"{paths[0]}: holds no CSV file; name the files that listeners saved")
    found: dict[tuple[str, str, str], Rating] = {}
    tests: dict[str, Path] = {}
    for file in files:
        for test, rating in _read_file(file):
            tests.setdefault(test, file)
            found[rating.listener, rating.trial, rating.system] = rating
    if len(tests) > 1:
        first, second = list(tests.values())[:2]
        raise StyleboxError(f"{second}: is of another listening test than {first}; analyse each test alone")
    if not found:
        raise StyleboxError(f"{files[0]}: holds no grades; name a file that a listener saved")
    return list(found.values())


def screen(ratings: Sequence[Rating]) -> Screened:
    """Leave out listeners who cannot tell the reference or the mid anchor.

    A listener is left out who grades the hidden reference below 90, or the mid anchor above 90, in more than 15 % of
    the trials.

    Reference:
        ITU-R BS.1534-3 (2015), 4.1.2, post-screening of assessors.
    """
    of_listener: dict[str, list[Rating]] = defaultdict(list)
    for rating in ratings:
        of_listener[rating.listener].append(rating)
    excluded: dict[str, str] = {}
    for listener, own in of_listener.items():
        missed = _share(own, REFERENCE, below=True)
        fooled = _share(own, MID_ANCHOR, below=False)
        if missed > MOST_MISSED:
            excluded[listener] = f"graded the hidden reference below {EXCELLENT:g} in {missed:.0%} of the trials"
        elif fooled > MOST_MISSED:
            excluded[listener] = f"graded the mid anchor above {EXCELLENT:g} in {fooled:.0%} of the trials"
    kept = [listener for listener in of_listener if listener not in excluded]
    return Screened([rating for listener in kept for rating in of_listener[listener]], kept, excluded)


def _share(ratings: Sequence[Rating], system: str, below: bool) -> float:
    """The share of a system's grades on one side of `EXCELLENT`."""
    grades = [rating.grade for rating in ratings if rating.system == system]
    return sum(grade < EXCELLENT if below else grade > EXCELLENT for grade in grades) / max(len(grades), 1)


def _read_file(path: Path) -> list[tuple[str, Rating]]:
    """Test and grade of each row."""
    try:
        separator, text = separated(decode_text(path.read_bytes()))
    except OSError as error:
        raise StyleboxError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        raise StyleboxError(f"{path}: cannot be read ({error_reason(error)}); save it again as CSV in UTF-8") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise StyleboxError(f"{path}: has no column {missing[0]!r}; name a file that the page of the test saved")
        return [_rating(path, number, row) for number, row in enumerate(rows, start=2)]
    except csv.Error as error:
        raise StyleboxError(f"{path}: is no CSV file ({error}); name a file that the page of the test saved") from error


def _rating(path: Path, line: int, row: Mapping[str, str | None]) -> tuple[str, Rating]:
    """One row."""
    test, listener, session, trial, system, grade = (row[column] or "" for column in COLUMNS)
    try:
        value = float(grade.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise StyleboxError(
            f"{path}, line {line}: the grade {grade!r} is no number from 0 to 100; correct or delete it"
        )
    return test, Rating(f"{listener} ({session})", trial, system, value)
