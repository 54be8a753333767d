"""The console: results go to stdout; notes, warnings, errors and progress go to stderr.

Knows lines, tables and live displays, and no command or report; those are in `views`.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from io import StringIO
from typing import TYPE_CHECKING, TextIO, TypeAlias

from rich.console import Console as Terminal

from stylebox.console.escaping import encodable, never_fail, printable
from stylebox.core.errors import error_reason
from stylebox.core.progress import ProgressCallback, silent

if TYPE_CHECKING:  # slow to import, and `--help` does not need it
    from stylebox.core.sources.fetch.report import DownloadCallback

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
FILE_WIDTH = 10_000  # columns if stdout is not a terminal, so that no cell is cut or wrapped


class _Stderr(Terminal):
    """Standard error. Rich would end the program when its reader has gone, and close standard output."""

    def on_broken_pipe(self) -> None:
        """Write nothing more."""
        self.quiet = True


class Console:
    """Writes what one run of the program shows.

    Attributes:
        quiet: Write only results and errors.
        verbose: Also write details.
        debug: Write the traceback of an error.
        lost: Why results no longer reach stdout; None while they do.
    """

    def __init__(self) -> None:
        """Create a console that is neither quiet nor verbose."""
        self.configure()

    def configure(self, quiet: bool = False, verbose: bool = False, debug: bool = False) -> None:
        """Apply new settings, and write to the current `sys.stderr`.

        Args:
            quiet: Write only results and errors.
            verbose: Also write details.
            debug: Write the traceback of an error.
        """
        self.quiet, self.verbose, self.debug = quiet, verbose, debug
        self.lost: str | None = None
        self._err = _Stderr(stderr=True, highlight=False, emoji=False)  # a file name may contain ":violin:"
        never_fail(sys.stdout)
        never_fail(sys.stderr)

    @property
    def width(self) -> int:
        """Columns of the terminal that shows progress."""
        return self._err.width

    def note(self, text: str, style: str = "") -> None:
        """Write one line of information to stderr, unless quiet."""
        if not self.quiet:
            self._line(text, style)

    def detail(self, text: str) -> None:
        """Write one line of detail to stderr, if verbose."""
        if self.verbose:
            self._line(text, "dim")

    def warning(self, text: str) -> None:
        """Write one line of warning to stderr, unless quiet."""
        self.note(f"warning: {_one_line(text)}", "yellow")

    def error(self, text: str) -> None:
        """Write an error to stderr as one line, even if quiet."""
        self._line(f"stylebox: {_one_line(text)}", "red")

    def traceback(self) -> None:
        """Write the traceback of the current exception to stderr."""
        import traceback

        for line in traceback.format_exc().splitlines():
            self._line(line)

    def _line(self, text: str, style: str = "") -> None:
        with suppress(OSError):  # the reader of stderr has gone, or its disk is full; the job goes on
            self._err.print(printable(text), style=style or None, markup=False, soft_wrap=True)

    def result(self, text: object) -> None:
        """Write one line of result to stdout, above a live display if both share a terminal.

        A file or a pipe gets every name unchanged, so that a script can use it; a terminal gets it printable.
        """
        if is_terminal(sys.stderr) and is_terminal(sys.stdout):
            self._line(str(text))
        else:
            self._write(f"{printable(str(text)) if is_terminal(sys.stdout) else text}\n")

    def document(self, value: object) -> None:
        """Write a result to stdout as one JSON document, with escapes if stdout cannot take its characters."""
        text = json.dumps(to_json(value), indent=2, ensure_ascii=False, allow_nan=False)
        if not encodable(text, sys.stdout) or printable(text.replace("\n", "")) != text.replace("\n", ""):
            text = json.dumps(to_json(value), indent=2, allow_nan=False)
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        """Write to stdout. If that fails, results are no longer written, and the job goes on."""
        if self.lost is not None or sys.stdout is None:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            self.lost = error_reason(error)
            if not isinstance(error, BrokenPipeError):  # a reader that has gone needs no message
                self.error(f"standard output: {self.lost}; results are not shown")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a table to stdout; columns of numbers are aligned to the right.

        Args:
            columns: Their headings.
            rows: One value per column; see `format_value`.
        """
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            numbers = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
            table.add_column(column, justify="right" if numbers else "left")
        for row in rows:
            table.add_row(*(escape(printable(format_value(cell))) for cell in row))
        if is_terminal(sys.stdout):
            Terminal(highlight=False, emoji=False).print(table)
            return
        text = StringIO()
        Terminal(file=text, highlight=False, emoji=False, width=FILE_WIDTH).print(table)
        self._write("".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))

    @contextmanager
    def progress(self) -> Iterator[ProgressCallback]:
        """Show the progress of a job during the block: live bars on a terminal, otherwise a line every few seconds."""
        if self.quiet:
            yield silent
        elif is_terminal(sys.stderr) and not self._err.is_dumb_terminal:
            from stylebox.console.bars import task_bars
            from stylebox.console.progress import LiveTasks

            with task_bars(self._err) as live:
                yield LiveTasks(live, self.note)
        else:
            from stylebox.console.progress import SparseLines

            yield SparseLines(self.note)

    @contextmanager
    def downloads(self) -> Iterator[tuple[ProgressCallback, "DownloadCallback"]]:
        """Show downloads during the block: a live bar for each and one for all, otherwise a line every few seconds.

        Yields:
            The callback for the progress of the list, and the callback for the progress of each download.
        """
        if self.quiet or not is_terminal(sys.stderr) or self._err.is_dumb_terminal:
            with self.progress() as progress:
                yield progress, lambda transfer: None
            return
        from rich.console import Group
        from rich.live import Live

        from stylebox.console.bars import download_bars, task_bars
        from stylebox.console.progress import LiveDownloads, LiveTasks

        overall, running = task_bars(self._err), download_bars(self._err)
        with Live(Group(running, overall), console=self._err, transient=True, redirect_stdout=False):
            yield LiveTasks(overall, self.note), LiveDownloads(running)

    @contextmanager
    def live_line(self) -> Iterator[Callable[[str], None] | None]:
        """Give a function that redraws one line during the block; None if stderr cannot show one."""
        if self.quiet:
            yield lambda text: None
        elif is_terminal(sys.stderr) and not self._err.is_dumb_terminal:
            from rich.live import Live
            from rich.text import Text

            with Live(console=self._err, transient=True, redirect_stdout=False, auto_refresh=False) as live:
                yield lambda text: live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            yield None


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def to_json(value: object) -> Json:
    """Convert a value to the types of JSON.

    A dataclass becomes an object, a path its name, an array a list; a number that is not finite becomes null.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(inner) for inner in value]
    if hasattr(value, "tolist"):  # numpy, torch
        return to_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _one_line(text: str) -> str:
    """Join the lines of a text with spaces."""
    return " ".join(part.strip() for part in text.splitlines() if part.strip())


def format_value(value: object) -> str:
    """Format one value for people: `None` as "-", large numbers with spaces, floats with four digits."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and abs(value) >= 10_000 and math.isfinite(value):
        return f"{value:,.0f}".replace(",", " ")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(format_value, value))
    return str(value)


console = Console()
