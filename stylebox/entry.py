"""What surrounds every command: the options all have, the device, errors as one line, exit codes.

Knows no command; `cli` wraps them in `guarded` as it registers them.
"""

import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from stylebox import options as opt
from stylebox.console import console
from stylebox.core.errors import StyleboxError, in_words

FAILED, INTERRUPTED = 1, 130  # exit codes; 2, wrong usage, is Typer's
_ASK_AGAIN_SECONDS = 0.01


def guarded(run: Callable[..., None]) -> Callable[..., None]:
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
            console.error(_in_words(error))
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


def fail_with(reasons: Sequence[str]) -> None:
    """End a batch: list what could not be done, if anything, and let the exit code say so."""
    for reason in dict.fromkeys(reasons):  # many files can fail for one cause
        console.error(reason)
    if reasons:
        raise typer.Exit(FAILED)


def compute_device(choice: opt.DeviceName) -> str:
    """Where the networks run; one line says so when CUDA is not there."""
    from stylebox.core.device import resolve_device

    device, note = resolve_device(choice.value)
    if note:
        console.note(note)
    return device


def _in_words(error: Exception) -> str:
    """What an error says to someone who cannot read tracebacks."""
    if isinstance(error, StyleboxError) or (isinstance(error, OSError) and error.filename and error.strerror):
        return in_words(error)
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    return f"unexpected {type(error).__name__}: {reason}; --debug shows where"
