"""The program: its commands in the order they are listed, and `main`. What they do is in `commands`.

Nothing imported here imports torch, so that `--help` answers at once.
"""

import os
import signal
import sys
import warnings
from typing import Annotated, NoReturn

import typer

from stylebox import __version__
from stylebox import options as opt
from stylebox.commands.evaluate import evaluate
from stylebox.commands.looking import doctor, info, models, styles
from stylebox.commands.material import build, fetch, render
from stylebox.commands.playing import generate, record, transfer
from stylebox.commands.training import train
from stylebox.console import console
from stylebox.entry import guarded

COMMANDS = (fetch, render, build, train, transfer, generate, record, evaluate, styles, models, info, doctor)
TERMINATED = 143  # exit code after SIGTERM

app = typer.Typer(
    name="stylebox",
    help="Hear a recording played by another instrument: same notes, same timing, same length.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the program and exit."""
    signal.signal(signal.SIGTERM, _terminated)
    # Read once, when torch loads: threads that wait by spinning make work beside anything else four times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name need not be valid Unicode
    if not {"-v", "--verbose", "--debug"} & set(sys.argv):
        warnings.simplefilter("ignore")  # those of libraries; ours go through the console
    try:
        app(prog_name="stylebox")
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough; Python's own flush at exit must be quiet too
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminated(_signal: int, _frame: object) -> NoReturn:
    """SIGTERM as an exception, so that partial files are removed on the way out."""
    raise SystemExit(TERMINATED)


def _show_version(wanted: bool) -> None:
    if wanted:
        console.result(f"stylebox {__version__}")
        raise typer.Exit


@app.callback()
def _begin(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
) -> None:
    console.configure(quiet, verbose, debug)


for run in COMMANDS:
    app.command(run.__name__)(guarded(run))
