"""Views: how the reports of the core look on the console. Each view writes one kind of report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stylebox.console.console import console, format_value

if TYPE_CHECKING:  # slow to import, and `--help` needs none of them
    from _typeshed import DataclassInstance

    from stylebox.core.data.build import BuildReport
    from stylebox.core.evaluation.listening.analysis import ListeningResults
    from stylebox.core.evaluation.results import Evaluation
    from stylebox.core.jobs.doctor import Finding
    from stylebox.core.jobs.outputs import FileReport
    from stylebox.core.jobs.record import KeptTake
    from stylebox.core.jobs.transcribe import TranscriptionReport
    from stylebox.core.sources.fetch.report import FetchReport
    from stylebox.core.sources.record.recorder import Take
    from stylebox.core.sources.render.render import RenderReport
    from stylebox.core.training.loop import FitResult

SPLITS = ("train", "valid", "test")
_STOPPED_BY = {
    "steps": "done",
    "patience": "validation recordings no longer gain",
    "max_steps": "reached --max-steps",
    "minutes": "reached --max-minutes",
    "interrupted": "interrupted",
}


def show_list(items: "Sequence[DataclassInstance]", as_json: bool) -> None:
    """Show dataclasses of one kind as a table with a column per field, or as JSON."""
    if as_json:
        console.document(items)
    elif items:
        rows = [asdict(item) for item in items]
        console.table([name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
    else:
        console.note("none")


def show_tree(values: Mapping[str, object], indent: int = 0) -> None:
    """Show nested settings as lines, each level indented by two spaces."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            console.result(f"{' ' * indent}{key}:")
            show_tree(value, indent + 2)
        else:
            console.result(f"{' ' * indent}{key}: {format_value(value)}")


def show_transfer(report: "FileReport", results: bool) -> None:
    """Show the warnings, length and seed of one transfer and, as results, the files it wrote.

    Args:
        report: The transfer.
        results: Write the names of the files to stdout.
    """
    _show_warnings(report)
    if report.clipped_db:
        console.warning(f"{report.output}: turned down by {report.clipped_db:.1f} dB to avoid clipping")
    if report.moved:
        console.note(f"{report.source}: {report.moved}")
    moved = f", moved by {report.transpose:+d} semitones" if report.transpose and not report.moved else ""
    console.note(f"{report.source}: {report.seconds:.1f} s, seed {report.seed}{moved}")
    console.detail(f"{report.source}: {report.real_time_factor:.2f} s of computation per second of audio")
    if results and str(report.output) != "-":
        for path in (report.output, report.midi, report.plot, report.report):
            if path is not None:
                console.result(path)


def show_transcription(report: "TranscriptionReport", results: bool) -> None:
    """Show how many notes were found in a recording and, as a result, the MIDI file.

    Args:
        report: The transcription.
        results: Write the name of the file to stdout.
    """
    _show_warnings(report)
    if not report.notes:
        console.warning(f"{report.source}: no notes were found; the MIDI file is empty")
    notes = "1 note" if len(report.notes) == 1 else f"{len(report.notes)} notes"
    console.note(f"{report.source}: {report.seconds:.1f} s, {notes}")
    if results:
        console.result(report.output)


def _show_warnings(report: "FileReport | TranscriptionReport") -> None:
    """Show what a listener should know of a recording."""
    for warning in report.warnings:
        console.warning(f"{report.source}: {warning}")


def show_take(take: "Take", result: bool) -> None:
    """Show the length, level and warnings of a take.

    Args:
        take: The take.
        result: Write the name of its file to stdout.
    """
    for warning in take.warnings:
        console.warning(f"the take {warning}")
    trimmed = f", {take.trimmed_seconds:.1f} s of silence at the start removed" if take.trimmed_seconds else ""
    console.note(f"recorded {take.seconds:.1f} s, peak {take.peak_db:.1f} dBFS{trimmed}")
    if take.failure is not None:
        console.error(take.failure)
    if result:
        console.result(take.path)


def show_kept_take(kept: "KeptTake", results: bool) -> None:
    """Show where the copies of a take are.

    Args:
        kept: The copies.
        results: Write the name of the requested copy to stdout.
    """
    if kept.filed is not None:
        console.note(f"training material: {kept.filed}")
    if kept.copied is not None and results:
        console.result(kept.copied)


def show_findings(findings: "Sequence[Finding]") -> None:
    """Show what each check of this machine found, with its fix on the line below."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        console.result(f"{finding.state:<7}  {finding.name:<{width}}  {finding.found}")
        if finding.fix:
            console.result(f"{'':<7}  {'':<{width}}  -> {finding.fix}")


def show_fetch(report: "FetchReport") -> None:
    """Show the outcome of each row of a list, and how many there are of each kind."""
    rows = [
        (outcome.row, outcome.state, outcome.instrument, outcome.title, outcome.reason)
        for outcome in report.outcomes
        if outcome.state != "skipped" or console.verbose
    ]
    if rows:
        console.table(("row", "", "instrument", "title", "reason"), rows)
    console.note(", ".join(f"{report.count(state)} {state}" for state in ("new", "replaced", "skipped", "failed")))
    console.result(report.folder)


def show_render(report: "RenderReport") -> None:
    """Show the minutes of each instrument that a folder of rendered material holds."""
    rows = [(name, round(seconds / 60, 1)) for name, seconds in report.seconds.items()]
    console.table(("instrument", "minutes"), rows)


def show_build(report: "BuildReport") -> None:
    """Show the recordings and minutes of each instrument in a dataset, per split."""
    rows = [
        (name, report.recordings[name], *(round(seconds[split] / 60, 1) for split in SPLITS))
        for name, seconds in report.seconds.items()
    ]
    console.table(("instrument", "recordings", *(f"{split} min" for split in SPLITS)), rows)


def show_evaluation(result: "Evaluation", written: Sequence[Path], as_json: bool) -> None:
    """Show the table of an evaluation, what to know when reading it, and the files written.

    Args:
        result: The evaluation.
        written: Files that hold the table, too.
        as_json: Show the evaluation as JSON instead of the table and the files.
    """
    for remark in result.remarks:
        console.note(remark)
    for system, factor in result.real_time_factor.items():
        console.note(f"{system}: {factor:.3g} s of computation per second of audio")
    if as_json:
        console.document(result)
        return
    from stylebox.core.evaluation.results import COLUMNS
    from stylebox.core.evaluation.table import cells

    console.table(COLUMNS, [cells(row) for row in result.table])
    transfers = "1 transfer" if result.cases == 1 else f"{result.cases} transfers"
    console.note(f"means of {transfers}, ± larger side of the 95 % interval; seed {result.seed}")
    for path in written:
        console.result(path)


def show_listening(result: "ListeningResults", as_json: bool) -> None:
    """Show the grades of the systems in a listening test, and which differences are significant."""
    for listener, reason in result.excluded.items():
        console.note(f"{listener} is left out: {reason}")
    for remark in result.remarks:
        console.note(remark)
    if as_json:
        console.document(result)
        return
    if result.systems:
        rows = [(s.system, s.mean, s.low, s.high, s.median, s.listeners, s.grades) for s in result.systems]
        console.table(("system", "mean", "low", "high", "median", "listeners", "grades"), rows)
        console.note("means over listeners with 95 % intervals (Student's t)")
    if result.comparisons:
        pairs = [(c.first, c.second, c.difference, c.p, c.significant) for c in result.comparisons]
        console.table(("first", "second", "difference", "p", "significant"), pairs)
        console.note("Wilcoxon signed-rank test over listeners, p corrected after Holm")


def show_training(stage: str, result: "FitResult") -> None:
    """Show how the training of a stage ended, and which transfers use the new part."""
    from stylebox.core.store.library import shipped_models

    begun = f" from {result.begun_with}" if result.begun_with else ""
    before = f" (before training {result.first_loss:.4g})" if math.isfinite(result.first_loss) else ""
    best = f", best loss {result.best_loss:.4g}{before}" if math.isfinite(result.best_loss) else ""
    resume = "" if result.stopped_by in ("steps", "patience") else "; --resume continues"
    console.note(f"{stage}: {result.steps} steps{begun}{best}; {_STOPPED_BY[result.stopped_by]}{resume}")
    if result.profile:
        total = sum(result.profile.values())
        phases = (f"{phase} {seconds:.1f} s ({seconds / total:.0%})" for phase, seconds in result.profile.items())
        console.note(f"time: {', '.join(phases)}")
    name = result.model.name
    if (shipped_models() / name).is_dir():
        console.note(f"model {name} now uses this part; delete {result.model} to use the shipped one again")
