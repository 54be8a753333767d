"""Writes docs/cli.md and docs/stylebox.1 from the commands: `python docs/make_cli.py`. A test checks both."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import get_args, get_origin

import typer
from typer.models import ArgumentInfo, ParameterInfo

from stylebox.cli import app

PAGE = Path(__file__).with_name("cli.md")
EVERYWHERE = {"quiet", "verbose", "debug"}  # options of every command; the head of the page lists them

HEAD = """\
# The commands

Written by `python docs/make_cli.py`; do not edit. `stylebox COMMAND --help` prints the same.

Results go to stdout, everything else to stderr. Exit codes: 0 success, 1 failure (one line names the reason), 2 wrong
usage, 130 interrupted by Ctrl-C, 128 and its number after another signal (143 for SIGTERM). Every command has `--help`
(`-h`), `--quiet` (`-q`: only results and errors), `--verbose` (`-v`: more details) and `--debug` (the traceback of an
unexpected error). `stylebox --version` prints the version, and `stylebox --install-completion` installs completion for
your shell.

`stylebox config` keeps defaults for options in a TOML file. The command line comes before them.

The environment variable `STYLEBOX_HOME` sets the data directory, which holds sources, the dataset, models, takes and
your styles; the defaults are then kept there, too.
`NO_COLOR` turns colours off.

[Habits of other tools](habits.md) compares the command line with those of Basic Pitch, Demucs, Whisper and yt-dlp, and
shows how several machines share a folder.
"""


def page() -> str:
    """The page in Markdown."""
    return "\n".join([HEAD, *(line for name, command in all_commands() for line in section(name, command))])


def all_commands() -> Iterator[tuple[str, Callable[..., None]]]:
    """Every command by its full name; the commands of a group follow it."""
    for info in app.registered_commands:
        assert info.callback is not None
        yield str(info.name), info.callback
    for group in app.registered_groups:
        assert group.typer_instance is not None
        listing = group.typer_instance.registered_callback
        assert listing is not None
        assert listing.callback is not None
        name = listing.callback.__name__
        yield name, listing.callback
        for info in group.typer_instance.registered_commands:
            assert info.callback is not None
            yield f"{name} {info.name}", info.callback


def section(name: str, command: Callable[..., None]) -> Iterator[str]:
    """The lines of one command: what it does, its usage, and a row per argument and option."""
    found = [p for p in parameters(command) if p.name not in EVERYWHERE]
    yield f"## stylebox {name}"
    yield ""
    yield str(inspect.getdoc(command))
    yield ""
    yield "```"
    yield " ".join(
        [
            "stylebox",
            name,
            *(p.usage for p in found if p.usage),
            *(["[OPTIONS]"] if any(p.is_option for p in found) else []),
        ]
    )
    yield "```"
    yield ""
    if found:
        yield "| option | value | meaning |"
        yield "|---|---|---|"
    for parameter in found:
        yield f"| `{', '.join(parameter.spellings)}` | {parameter.values} | {parameter.help} |"
    yield from [""] if found else []


@dataclass(frozen=True)
class Parameter:
    """An argument or option.

    Attributes:
        name: Name of the parameter of the function.
        spellings: How users write it.
        usage: How it stands in the line of usage; empty for an option that is not required.
        values: What values it takes, in words.
        help: Its help, with its default.
        is_option: Whether it begins with dashes.
    """

    name: str
    spellings: tuple[str, ...]
    usage: str
    values: str
    help: str
    is_option: bool


def parameters(command: Callable[..., None]) -> Iterator[Parameter]:
    """The arguments and options of a command, from its signature: the objects of Typer change between releases."""
    for name, declared in inspect.signature(command).parameters.items():
        if declared.annotation is typer.Context:
            continue
        kind, info = get_args(declared.annotation)
        required, many = declared.default is inspect.Parameter.empty, get_origin(kind) is list
        default = declared.default.value if isinstance(declared.default, Enum) else declared.default
        ending = "" if required or default is None or kind is bool else f" Default: `{default}`."
        if info.hidden:
            continue
        is_option = not isinstance(info, ArgumentInfo)
        if not is_option:
            shown = (info.metavar or name).upper() + ("..." if many else "")
            spellings, usage = (shown,), shown if required else f"[{shown}]"
        else:
            given = (*(() if info.default is ... else (info.default,)), *(info.param_decls or ()))
            spellings = given or (f"--{name.replace('_', '-')}",)
            usage = f"{spellings[0]} {name.upper()}" if required else ""
        yield Parameter(
            name, spellings, usage, _values(kind, info), f"{info.help}{ending}", not isinstance(info, ArgumentInfo)
        )


def _values(kind: object, info: ParameterInfo) -> str:
    """The choices, the range, or the kind of value; empty for a flag."""
    inner = next((part for part in get_args(kind) if part is not type(None)), kind)  # of `list[X] | None`
    inner = next(iter(get_args(inner)), inner)
    if inner is bool:
        return ""
    assert isinstance(inner, type)
    if issubclass(inner, Enum):
        return ", ".join(f"`{choice.value}`" for choice in inner)
    word = {int: "whole number", float: "number", str: "text", Path: "path"}.get(inner, "text")
    if info.min is None:
        return word
    return f"{word}, {info.min:g} to {info.max:g}" if info.max is not None else f"{word}, {info.min:g} or more"


if __name__ == "__main__":
    import make_man  # beside this file

    PAGE.write_text(page(), encoding="utf-8")
    make_man.write()
