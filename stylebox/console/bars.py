"""The look of progress bars: one line per task that fits 60 columns, and the facts of the running tasks below.

Decides nothing: `progress` fills the bars.
"""

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.console import Console as Terminal
from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from stylebox.console.escaping import printable
from stylebox.core.progress import Progress as Report

SPEED_SECONDS = 600.0  # over which speed is measured, at most: some steps take minutes
NAME_SHARE = 0.24  # of the width, that a task's name may take
SHORTEST_BAR = 6  # columns
CURVE_COLUMNS = 32
_BLOCKS = "▁▂▃▄▅▆▇█"


class TaskBars(Progress):
    """Live bars, one per task."""

    def __init__(self, terminal: Terminal, columns: Sequence[ProgressColumn]) -> None:
        """Draw on a terminal.

        Args:
            terminal: Where to; the bars disappear at the end.
            columns: What stands behind the name, the bar and the share done: amounts, rate, time to go.
        """
        name = Column(no_wrap=True, overflow="ellipsis", max_width=max(13, int(NAME_SHARE * terminal.width)))
        super().__init__(
            _Name(name),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=SHORTEST_BAR)),
            _Share(),
            *columns,
            console=terminal,
            transient=True,
            redirect_stdout=False,
            refresh_per_second=4,
            speed_estimate_period=SPEED_SECONDS,
            expand=True,
        )

    def completed(self, task: TaskID) -> float:
        """Units of a task that are done."""
        return next(shown.completed for shown in self.tasks if shown.id == task)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars, then the facts of the tasks that are not finished."""
        tasks = self.tasks
        yield self.make_tasks_table(tasks)
        for task in tasks:
            if not task.finished and "report" in task.fields:
                yield from self._facts(task.fields["report"])

    def _facts(self, report: Report) -> Iterable[Text]:
        """The lines below the bars: details, curve, current item."""
        lines = packed(report.details, self.console.width - 2)
        if report.curve and not self.console.options.ascii_only:
            drawn = sparkline(report.curve, CURVE_COLUMNS)
            lines.append(f"{drawn}  {report.curve[0]:.4g} to {report.curve[-1]:.4g}")
        for line in (*lines, report.note):
            if line:
                yield Text(f"  {printable(line)}", style="dim", no_wrap=True, overflow="ellipsis")


def task_bars(terminal: Terminal) -> TaskBars:
    """The display of tasks that count steps."""
    return TaskBars(terminal, [_Steps(), _Rate(), _TimeLeft()])


def download_bars(terminal: Terminal) -> TaskBars:
    """The display of running downloads."""
    columns = [DownloadColumn(), TransferSpeedColumn(), _TimeLeft()]
    for column in columns[:2]:
        column.get_table_column().no_wrap = True
    return TaskBars(terminal, columns)


def amount(value: float) -> str:
    """A number of units: whole, or with one decimal.

    >>> amount(1200.0), amount(2.55)
    ('1200', '2.5')
    """
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def rate(per_second: float) -> str:
    """A speed in few columns, per second or per minute.

    >>> rate(1234.5), rate(12.34), rate(2.34), rate(0.2)
    ('1234/s', '12/s', '2.3/s', '12/min')
    """
    if per_second < 1:
        return f"{60 * per_second:.0f}/min" if per_second >= 0.1 else f"{60 * per_second:.1f}/min"
    return f"{per_second:.0f}/s" if per_second >= 9.95 else f"{per_second:.1f}/s"


def clock(seconds: float) -> str:
    """A length of time as on a clock.

    >>> clock(59.6), clock(141), clock(3741)
    ('1:00', '2:21', '1:02:21')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def packed(items: Iterable[str], width: int) -> list[str]:
    """Items in lines no wider than `width`, three spaces between two of them; a longer item gets its own line.

    >>> packed(["loss 2", "kl 3", "best 1"], 14)
    ['loss 2   kl 3', 'best 1']
    """
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 3 + len(item) <= width:
            lines[-1] += f"   {item}"
        else:
            lines.append(item)
    return lines


def sparkline(values: Sequence[float], columns: int) -> str:
    """Values as a row of blocks, the least the lowest; what is not finite leaves a gap.

    Positive values are drawn on a logarithmic scale, as losses are.

    >>> sparkline([8.0, 4.0, 2.0, 1.0], 4)
    '█▆▃▁'
    """
    columns = min(columns, len(values))
    if not columns:
        return ""
    edges = [round(column * len(values) / columns) for column in range(columns + 1)]
    groups = [[v for v in values[a:b] if math.isfinite(v)] for a, b in pairwise(edges)]
    finite = [value for group in groups for value in group]
    logarithmic = all(value > 0 for value in finite)
    means = [sum(map(math.log if logarithmic else float, group)) / len(group) if group else None for group in groups]
    low = min((mean for mean in means if mean is not None), default=0.0)
    high = max((mean for mean in means if mean is not None), default=0.0)
    steps = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if mean is None else _BLOCKS[round((mean - low) * steps)] for mean in means)


class _Name(ProgressColumn):
    """The task, or the file."""

    def render(self, task: Task) -> Text:
        return Text(printable(task.description))


class _Cell(ProgressColumn):
    """A cell that is never wrapped, aligned to the right, of a steady width for all usual values."""

    min_width = 0  # columns

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True, justify="right", min_width=self.min_width))

    @abstractmethod
    def text(self, task: Task) -> str:
        """What the cell holds."""

    def render(self, task: Task) -> Text:
        return Text(self.text(task))


class _Share(_Cell):
    """The share done, in percent."""

    min_width = 5

    def text(self, task: Task) -> str:
        return f"{int(task.percentage)} %" if task.total else ""


class _Steps(_Cell):
    """Steps done, of all."""

    def text(self, task: Task) -> str:
        return f"{amount(task.completed)}/{amount(task.total)}" if task.total else ""


class _Rate(_Cell):
    """Steps per second or minute."""

    min_width = 6

    def text(self, task: Task) -> str:
        speed = task.finished_speed or task.speed
        return rate(speed) if speed else ""


class _TimeLeft(_Cell):
    """Time to go; the time that the task took when it is finished, and so far if nothing is known."""

    min_width = 9

    def text(self, task: Task) -> str:
        if task.finished:
            return f"in {clock(task.finished_time or 0)}"
        report: Report | None = task.fields.get("report")
        left = task.time_remaining if report is None or report.seconds_left is None else report.seconds_left
        return clock(task.elapsed or 0) if left is None else f"{clock(left)} left"
