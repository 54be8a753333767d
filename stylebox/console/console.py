"""How things look. Results go to stdout, chatter and progress to stderr; rich is used here and in `progress`.

Nothing here computes: commands hand over what they want seen.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console as Terminal

from stylebox.core.progress import ProgressCallback, silent

if TYPE_CHECKING:  # slow to import, and `--help` needs neither
    from _typeshed import DataclassInstance

    from stylebox.core.jobs.doctor import Finding
    from stylebox.core.jobs.transfer import TransferReport
    from stylebox.core.sources.fetch.report import DownloadCallback, FetchReport
    from stylebox.core.sources.record.recorder import Take


FILE_WIDTH = 10_000  # columns of a stdout that is no terminal: nothing is cut off or folded


class Console:
    """What one run of the program says. `quiet` leaves results and errors; `verbose` adds details."""

    def __init__(self) -> None:
        self.configure()

    def configure(self, quiet: bool = False, verbose: bool = False, debug: bool = False) -> None:
        """Begin anew with these settings."""
        self.quiet, self.verbose, self.debug = quiet, verbose, debug
        self._err = Terminal(stderr=True, highlight=False, emoji=False)  # ":violin:" in a file's name stays as it is
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="surrogateescape")  # a name that is no UTF-8 comes out as its own bytes

    def note(self, text: str, style: str = "") -> None:
        """One line of chatter."""
        if not self.quiet:
            self._line(text, style)

    def detail(self, text: str) -> None:
        """One line for those who asked for more."""
        if self.verbose:
            self._line(text, "dim")

    def warning(self, text: str) -> None:
        """Something worked otherwise than one might think."""
        self.note(f"warning: {_one_line(text)}", "yellow")

    def error(self, text: str) -> None:
        """What went wrong, in one line, even when quiet."""
        self._line(f"stylebox: {_one_line(text)}", "red")

    def traceback(self) -> None:
        """The exception at hand, whole."""
        import traceback

        self._err.print(traceback.format_exc(), markup=False, soft_wrap=True)

    def _line(self, text: str, style: str = "") -> None:
        self._err.print(text, style=style or None, markup=False, soft_wrap=True)

    def result(self, text: object) -> None:
        """One line of result, above a live display where both are on one terminal."""
        if sys.stderr.isatty() and sys.stdout.isatty():
            self._line(str(text), "")
            return
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def document(self, value: object) -> None:
        """The result as one JSON document."""
        sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Results in columns; numbers to the right."""
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            numbers = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
            table.add_column(column, justify="right" if numbers else "left")
        for row in rows:
            table.add_row(*(escape(_spoken(cell)) for cell in row))
        terminal = Terminal(highlight=False, emoji=False)
        terminal = terminal if terminal.is_terminal else Terminal(highlight=False, emoji=False, width=FILE_WIDTH)
        terminal.print(table)

    def listing(self, items: "Sequence[DataclassInstance]", as_json: bool) -> None:
        """Dataclasses of one kind as a table, a field a column."""
        if as_json:
            self.document(items)
        elif items:
            rows = [asdict(item) for item in items]
            self.table([name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
        else:
            self.note("none")

    def taken(self, take: "Take", result: bool) -> None:
        """What there is to say of a take; its name as the result."""
        trimmed = f", {take.trimmed_seconds:.1f} s of silence before it left out" if take.trimmed_seconds else ""
        for warning in take.warnings:
            self.warning(f"the take {warning}")
        self.note(f"{take.path}: {take.seconds:.1f} s, peak {take.peak_db:.1f} dBFS{trimmed}")
        if take.failure is not None:
            self.error(take.failure)
        if result:
            self.result(take.path)

    def made(self, report: "TransferReport", results: bool) -> None:
        """What there is to say of a file made; its name as the result."""
        for warning in report.warnings:
            self.warning(f"{report.source}: {warning}")
        if report.clipped_db:
            self.warning(f"{report.output}: turned down by {report.clipped_db:.1f} dB, else it would clip")
        if report.moved:
            self.note(f"{report.source}: {report.moved}")
        moved = f", moved by {report.transpose:+d} semitones" if report.transpose and not report.moved else ""
        self.note(f"{report.source}: {report.seconds:.1f} s, seed {report.seed}{moved}")
        self.detail(f"{report.source}: {report.real_time_factor:.2f} s of work for a second of sound")
        paths = [path for path in (report.output, report.midi, report.plot, report.report) if path is not None]
        for path in paths if results and str(report.output) != "-" else ():
            self.result(path)

    def findings(self, findings: Sequence["Finding"]) -> None:
        """What a look at the machine found, each with its mend below it."""
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            self.result(f"{finding.state:<7}  {finding.name:<{width}}  {finding.found}")
            if finding.fix:
                self.result(f"{'':<7}  {'':<{width}}  -> {finding.fix}")

    def tree(self, value: Mapping[str, Any], indent: int = 0) -> None:
        """Nested settings as indented lines."""
        for key, inner in value.items():
            if isinstance(inner, Mapping) and inner:
                self.result(f"{' ' * indent}{key}:")
                self.tree(inner, indent + 2)
            else:
                self.result(f"{' ' * indent}{key}: {_spoken(inner)}")

    @contextmanager
    def progress(self) -> Iterator[ProgressCallback]:
        """Show a job's progress while the block runs: live on a terminal, else a line now and then."""
        if self.quiet:
            yield silent
        elif sys.stderr.isatty() and not self._err.is_dumb_terminal:
            from stylebox.console.progress import LiveTasks, bars

            with bars(self._err) as live:
                yield LiveTasks(live, self.note)
        else:
            from stylebox.console.progress import SparseLines

            yield SparseLines(self.note)

    @contextmanager
    def downloads(self) -> Iterator[tuple[ProgressCallback, "DownloadCallback"]]:
        """Show downloads while the block runs: live, a line each and one for all; else a line now and then."""
        if self.quiet or not sys.stderr.isatty() or self._err.is_dumb_terminal:
            with self.progress() as progress:
                yield progress, lambda transfer: None
            return
        from rich.console import Group
        from rich.live import Live

        from stylebox.console.progress import LiveDownloads, LiveTasks, bars, download_bars

        overall, running = bars(self._err), download_bars(self._err)
        with Live(Group(running, overall), console=self._err, transient=True, redirect_stdout=False):
            yield LiveTasks(overall, self.note), LiveDownloads(running)

    def fetched(self, report: "FetchReport") -> None:
        """What became of each row, and the sums."""
        rows = [
            (outcome.row, outcome.state, outcome.instrument, outcome.title, outcome.reason)
            for outcome in report.outcomes
            if outcome.state != "skipped" or self.verbose
        ]
        if rows:
            self.table(("row", "", "instrument", "title", "reason"), rows)
        counts = (f"{report.count(state)} {state}" for state in ("new", "replaced", "skipped", "failed"))
        self.note(", ".join(counts))

    @contextmanager
    def live_line(self) -> Iterator[Callable[[str], None] | None]:
        """A way to draw one line anew and anew, gone in the end; None where no live display can be."""
        if self.quiet:
            yield lambda text: None
        elif sys.stderr.isatty() and not self._err.is_dumb_terminal:
            from rich.live import Live
            from rich.text import Text

            with Live(console=self._err, transient=True, redirect_stdout=False, auto_refresh=False) as live:
                yield lambda text: live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            yield None


def plain(value: Any) -> Any:
    """`value` in JSON's own types: what is not finite becomes null, a path its name."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if hasattr(value, "model_dump"):  # pydantic
        return plain(value.model_dump(mode="json"))
    if hasattr(value, "_asdict"):  # a named tuple
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy, torch
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _one_line(text: str) -> str:
    """`text` without line breaks."""
    return " ".join(part.strip() for part in text.splitlines() if part.strip())


def _spoken(value: object) -> str:
    """One value for the eye."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and abs(value) >= 10_000 and math.isfinite(value):
        return f"{value:,.0f}".replace(",", " ")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_spoken, value))
    return str(value)


console = Console()
