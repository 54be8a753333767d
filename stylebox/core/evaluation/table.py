"""The results of an evaluation as a table, as CSV, and as a page with sound."""

import csv
import io
from pathlib import Path

from stylebox.core import files
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.page import AudioSample, evaluation_page
from stylebox.core.evaluation.results import COLUMNS, METRICS, Evaluation, RowSummary
from stylebox.core.evaluation.systems import SystemOutput

SHOWN_CASES = 3  # cases on a page; each takes some megabytes


class SampleCollector:
    """Keeps the outputs of the first cases for a page."""

    def __init__(self) -> None:
        """Begin without any."""
        self.samples: list[AudioSample] = []

    def __call__(self, case: Case, row: str, made: SystemOutput) -> None:
        """Keep one output if its case is among the first.

        Args:
            case: The case.
            row: Name of the system.
            made: Its output.
        """
        names = {sound.case for sound in self.samples}
        if case.name in names or len(names) < SHOWN_CASES:
            self.samples.append(AudioSample(case.name, row, made.audio))


def cells(row: RowSummary) -> list[str]:
    """One row of the table as text: the name, then means with the larger side of their intervals."""
    shown = [row.row]
    for name, (_, _, digits) in METRICS.items():
        interval = row.figures[name]
        shown.append(f"{interval.mean:.{digits}f} ±{interval.margin:.{digits}f}" if interval else "-")
    return shown


def write_csv(path: Path, result: Evaluation, force: bool = False) -> None:
    """Write the table as CSV, one line per system and metric.

    Args:
        path: The file.
        result: The evaluation.
        force: Replace an existing file.

    Raises:
        StyleboxError: `path` exists and `force` is false.
    """
    files.refuse_overwrite(path, force)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "figure", "better", "mean", "low", "high", "cases"))
    for row in result.table:
        for name, interval in row.figures.items():
            values = (interval.mean, interval.low, interval.high, interval.count) if interval else ("", "", "", 0)
            writer.writerow((row.row, name, "more" if METRICS[name][0] else "less", *values))
    files.write_text(path, text.getvalue(), follow_link=True)


def write_page(path: Path, result: Evaluation, sounds: SampleCollector, sample_rate: int, force: bool = False) -> None:
    """Write the table and the collected outputs as one HTML page.

    Args:
        path: The file.
        result: The evaluation.
        sounds: The outputs to put on the page.
        sample_rate: Of the outputs, in Hz.
        force: Replace an existing file.

    Raises:
        StyleboxError: `path` exists and `force` is false.
    """
    files.refuse_overwrite(path, force)
    title = f"Model {result.model}: {result.cases} transfers, seed {result.seed}"
    remarks = [f"Notes are transcribed by the {result.transcriber}.", *result.remarks]
    rows = [cells(row) for row in result.table]
    page = evaluation_page(title, COLUMNS, rows, remarks, sounds.samples, sample_rate)
    files.write_text(path, page, follow_link=True)
