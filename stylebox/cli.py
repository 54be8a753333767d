"""The program: its commands in the order they are listed, and `main`. What they do is in `commands`.

Nothing imported here imports torch, so that `--help` answers at once.
"""

import functools
import inspect
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from stylebox import __version__
from stylebox.commands.build import build
from stylebox.commands.doctor import doctor
from stylebox.commands.evaluate import evaluate
from stylebox.commands.fetch import fetch
from stylebox.commands.generate import generate
from stylebox.commands.info import info
from stylebox.commands.models import models
from stylebox.commands.record import record
from stylebox.commands.render import render
from stylebox.commands.styles import styles
from stylebox.commands.train import train
from stylebox.commands.transfer import transfer
from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import FAILED, INTERRUPTED
from stylebox.core.errors import StyleboxError, error_message

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


_ASK_AGAIN_SECONDS = 0.01


def run_command(run: Callable[..., None]) -> Callable[..., None]:
    """`run` as a command: with the options all have, its errors in one line, and the exit code they mean."""

    @functools.wraps(run)
    def command(*args: Any, quiet: bool, verbose: bool, debug: bool, **kwargs: Any) -> None:
        console.configure(quiet or console.quiet, verbose or console.verbose, debug or console.debug)
        try:
            with _no_interrupt_lost():
                run(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            console.note("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if console.debug:
                console.traceback()
            console.error(_error_message(error))
            raise typer.Exit(FAILED) from None

    signature = inspect.signature(run)
    parameters = [*signature.parameters.values(), *_EVERYWHERE]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


_EVERYWHERE = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
    for name, kind in {"quiet": opt.Quiet, "verbose": opt.Verbose, "debug": opt.Debug}.items()
]


@contextmanager
def _no_interrupt_lost() -> Iterator[None]:
    """Within it a Ctrl-C that falls into a finaliser, where Python can only report it and go on, is asked again."""
    report = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if unraisable.exc_type is KeyboardInterrupt:
            threading.Timer(_ASK_AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            report(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = report


def _error_message(error: Exception) -> str:
    """What an error says to someone who cannot read tracebacks."""
    if isinstance(error, StyleboxError) or (isinstance(error, OSError) and error.filename and error.strerror):
        return error_message(error)
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    return f"unexpected {type(error).__name__}: {reason}; --debug shows where"


for run in COMMANDS:
    app.command(run.__name__)(run_command(run))
