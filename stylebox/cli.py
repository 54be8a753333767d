"""The command line: registers the commands, and turns every error into one line and an exit code.

Nothing that is imported here imports torch, so that `--help` answers at once.
"""

import functools
import gc
import inspect
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from stylebox import __version__
from stylebox.commands import config as configuration
from stylebox.commands import styles as style_commands
from stylebox.commands.build import build
from stylebox.commands.doctor import doctor
from stylebox.commands.evaluate import evaluate
from stylebox.commands.fetch import fetch
from stylebox.commands.generate import generate
from stylebox.commands.info import info
from stylebox.commands.models import models
from stylebox.commands.record import record
from stylebox.commands.render import render
from stylebox.commands.train import train
from stylebox.commands.transcribe import transcribe
from stylebox.commands.transfer import transfer
from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.defaults import default_map
from stylebox.console.escaping import never_fail
from stylebox.console.exit import FAILED, INTERRUPTED
from stylebox.console.option_groups import flat_parameters, grouped
from stylebox.core.errors import StyleboxError, error_message, error_reason
from stylebox.core.interrupts import STOPS, StopRequests, is_ignored
from stylebox.core.temporary_files import fall_back_for_libraries

COMMANDS = (
    *(fetch, render, build, train, transfer, generate, record, transcribe),
    *(evaluate, models, info, doctor),
)
# Commands with commands of their own; alone they list.
GROUPS: dict[Callable[..., None], dict[str, Callable[..., None]]] = {
    style_commands.styles: {
        "add": style_commands.add_style,
        "remove": style_commands.remove_style,
        "show": style_commands.show,
    },
    configuration.config: {
        "list": configuration.list_defaults,
        "get": configuration.get_default,
        "set": configuration.set_default,
        "unset": configuration.unset_default,
        "path": configuration.show_path,
    },
}
NEGATIVE_ARGUMENTS = (configuration.set_default,)  # commands that take -12 for a number and not for options
SIGNALLED = 128  # plus the number of the signal: exit code after all but Ctrl-C
_REPEAT_SECONDS = 0.01  # until an interrupt that was lost is sent again
_stop_requests = StopRequests()

app = typer.Typer(
    name="stylebox",
    help="Play a recording with another instrument: same notes, same timing, same length.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line and exit."""
    for number in STOPS:
        if not is_ignored(number):
            signal.signal(number, _stop)
    # Read once, when torch and numpy load: threads that spin while they wait slow other programs down four times, and
    # numpy's matrices here are too small for several threads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ["MPLBACKEND"] = "agg"  # a notebook names one that only its own Python has
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "").strip() == "0":  # a terminal of unknown size, as of `docker exec`
            del os.environ[name]  # Rich would show nothing, errors included
    never_fail(sys.stdout)
    never_fail(sys.stderr)
    if not {"-v", "--verbose", "--debug"} & set(sys.argv):
        warnings.simplefilter("ignore")  # from libraries; our own warnings go through the console
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that cannot be written to
    _use_utf8()
    fall_back_for_libraries()
    try:
        _check_start()
        app(prog_name="stylebox")
    except StyleboxError as error:
        console.error(str(error))
        sys.exit(FAILED)
    except OSError as error:  # of Typer's own output, such as a page of help; commands report theirs
        console.error(f"standard output: {error_reason(error)}")
        sys.exit(FAILED)
    finally:
        _close_output()
        gc.freeze()  # Python would search all that torch has made for garbage once more: a third of a second


def _use_utf8() -> None:
    """Begin again in UTF-8 where file names are ASCII: ``LC_ALL=C`` with Python's own remedies for it switched off."""
    if sys.getfilesystemencoding() == "ascii" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _close_output() -> None:
    """Flush both streams. If that is not possible, drop what is left: Python would flush again at exit, and fail."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # closed before the start
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _stop(number: int, _frame: object) -> None:
    """Turn a signal into an exception, so that partial files are removed; one that follows at once changes nothing."""
    if not _stop_requests.is_new(number):
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(SIGNALLED + number)


def _show_version(requested: bool) -> None:
    if requested:
        console.result(f"stylebox {__version__}")
        raise typer.Exit


@app.callback()
def _begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
) -> None:
    console.configure(quiet, verbose, debug)
    if context.invoked_subcommand is not None:
        _apply_defaults(context, context.invoked_subcommand)


def _check_start() -> None:
    """Check where the program was started: without a current folder PyTorch and pydantic fail.

    Raises:
        StyleboxError: The current folder was deleted, or the program is in an archive.
    """
    from stylebox.core.paths import package

    try:
        Path.cwd()
    except FileNotFoundError:
        raise StyleboxError("the current folder exists no longer; change to another one (cd)") from None
    package()


def _apply_defaults(context: typer.Context, command: str) -> None:
    """Give a command the user's defaults."""
    from stylebox.core.paths import config_file

    program: Any = context.command
    try:
        if not config_file().exists():
            return
        from stylebox.core.user_config import flat, read_user_config

        context.default_map = default_map(flat(read_user_config()), command, program.commands, context)
    except (StyleboxError, OSError) as error:
        if command not in ("config", "doctor"):
            console.error(error_message(error))
            raise typer.Exit(FAILED) from None
        console.warning(error_message(error))  # these two help to repair it


def run_command(run: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function: with flat options and the common ones, its errors one line and an exit code.

    Args:
        run: The function, without the options of `_COMMON`.

    Returns:
        A function for Typer to register.
    """

    @functools.wraps(run)
    def command(*, quiet: bool, verbose: bool, debug: bool, **values: object) -> None:
        console.configure(quiet or console.quiet, verbose or console.verbose, debug or console.debug)
        try:
            with _repeat_lost_interrupts():
                run(**grouped(run, {name: _with_home(value) for name, value in values.items()}))
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            console.note("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if console.debug:
                console.traceback()
            message = error_message(error)
            console.error(message + ("; add --debug for the traceback" if message.startswith("unexpected ") else ""))
            raise typer.Exit(FAILED) from None
        if console.lost is not None:
            raise typer.Exit(FAILED)

    command.__signature__ = inspect.Signature([*flat_parameters(run), *_COMMON])  # type: ignore[attr-defined]
    return command


def _with_home(value: object) -> object:
    """Paths with the home folder for a ``~``, which shells leave in ``--output=~/out``, and the user in defaults."""
    if isinstance(value, (list, tuple)):
        return [_with_home(one) for one in value]
    if isinstance(value, Path) and str(value).startswith("~") and not Path(value.parts[0]).exists():
        from stylebox.core.paths import expanded

        return expanded(str(value))
    return value


_COMMON = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
    for name, kind in {"quiet": opt.Quiet, "verbose": opt.Verbose, "debug": opt.Debug}.items()
]


@contextmanager
def _repeat_lost_interrupts() -> Iterator[None]:
    """Send a signal again if it arrives inside a finaliser, where Python reports the exception and continues."""
    report = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_type not in (KeyboardInterrupt, SystemExit):
            report(unraisable)
            return
        number = signal.SIGINT if unraisable.exc_type is KeyboardInterrupt else signal.SIGTERM
        _stop_requests.forget()
        threading.Timer(_REPEAT_SECONDS, os.kill, (os.getpid(), number)).start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = report


for run in COMMANDS:
    app.command(run.__name__)(run_command(run))
for listing, commands in GROUPS.items():
    group = typer.Typer(name=listing.__name__, help=listing.__doc__, invoke_without_command=True)
    group.callback()(run_command(listing))
    for name, run in commands.items():
        settings = {"ignore_unknown_options": True} if run in NEGATIVE_ARGUMENTS else None
        group.command(name, context_settings=settings)(run_command(run))
    app.add_typer(group)
