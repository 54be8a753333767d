"""The user's defaults as defaults of the command line: which options may have one, and whether a value is valid.

Knows the options from the commands themselves.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import typer

from stylebox.core.errors import ConfigError

if TYPE_CHECKING:
    from stylebox.core.user_config import Value

# Options that a default at the top of the file sets, in every command that has them; every other option needs the table
# of its command. The style of `record` decides whether a take is transferred at all.
GENERAL = (
    *("style", "model", "device", "format", "steps", "guidance", "strength", "transpose", "follow", "bend", "vibrato"),
    *("vocoder", "sample-rate", "bits", "mono", "mix", "name"),
)
_APART = {"style": ("record",), "name": ("train",)}  # commands where such an option means something else
_NEVER = ("force", "yes", "prune", "help")  # only for this one time


class Option(Protocol):
    """What this module needs of an option of Click."""

    name: str | None
    opts: list[str]
    multiple: bool
    is_flag: bool


class Command(Protocol):
    """What this module needs of a command of Click."""

    params: list[Any]

    def make_context(self, info_name: str, args: list[str], parent: Any) -> Any:  # noqa: ANN401
        """Parse a command line; raises BadParameter.

        Args:
            info_name: Name of the command.
            args: What follows it.
            parent: Context of the program.
        """


def option_named(command: Command, name: str) -> Option | None:
    """The option of a command by its long name without dashes; None if it has none that may have a default."""
    if name in _NEVER:
        return None
    return next((option for option in command.params if f"--{name}" in option.opts), None)


def applying(key: str, commands: Mapping[str, Command]) -> dict[str, Option]:
    """The options that a key sets, by command.

    Args:
        key: ``steps`` or ``transfer.steps``.
        commands: By name.

    Raises:
        ConfigError: There is no such option.
    """
    command, dot, name = key.rpartition(".")
    if dot:
        found = {command: option_named(commands[command], name)} if command in commands else {}
    else:
        found = {of: option_named(commands[of], name) for of in commands if of not in _APART.get(name, ())}
        found = found if name in GENERAL else {}
    options = {of: option for of, option in found.items() if option is not None}
    if not options:
        near = difflib.get_close_matches(key, known_keys(commands), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(GENERAL)}, and others as COMMAND.OPTION"
        raise ConfigError(f"{key}: no such setting; {hint}")
    return options


def known_keys(commands: Mapping[str, Command]) -> list[str]:
    """Every key that may be set."""
    general = [name for name in GENERAL if any(option_named(command, name) for command in commands.values())]
    return [*general, *(f"{of}.{name}" for of, command in commands.items() for name in _long_names(command))]


def checked(
    key: str, value: "Value", commands: Mapping[str, Command], program: object
) -> dict[str, tuple[str, object]]:
    """A default as the command line takes it.

    Args:
        key: ``steps`` or ``transfer.steps``.
        value: From the file, or as it was typed.
        commands: Those for which it is checked, by name.
        program: Context of the whole program.

    Returns:
        By command, the parameter and its value.

    Raises:
        ConfigError: There is no such option, or the value is not valid for it.
    """
    found: dict[str, tuple[str, object]] = {}
    for of, option in applying(key, commands).items():
        texts = [str(one) for one in (value if isinstance(value, list) else [value])]
        if option.is_flag != isinstance(value, bool) or (len(texts) > 1 and not option.multiple):
            takes = "true or false" if option.is_flag else "several values" if option.multiple else "one value"
            raise ConfigError(f"{key} = {value}: takes {takes}")
        if not all(texts):
            raise ConfigError(f"{key}: is empty; stylebox config unset {key} removes it")
        spelling = f"--{key.rpartition('.')[2]}"
        line = [spelling] if option.is_flag else [word for text in texts for word in (spelling, text)]
        try:
            commands[of].make_context(of, line, program)
        except typer.BadParameter as error:
            if type(error) is typer.BadParameter:  # otherwise another option or argument is missing, which is no fault
                raise ConfigError(f"{key} = {value}: {error.message}") from None
        found[of] = (str(option.name), value if option.is_flag else texts if option.multiple else texts[0])
    return found


def default_map(
    values: "Mapping[str, Value]", command: str, commands: Mapping[str, Command], program: object
) -> dict[str, dict[str, object]]:
    """The user's defaults for a command, as Click takes them. Those of its table come before those at the top.

    Args:
        values: By key.
        command: Name of the command.
        commands: All, by name.
        program: Context of the whole program.

    Raises:
        ConfigError: A key is unknown, or a value of this command is not valid; names the file.
    """
    defaults: dict[str, object] = {}
    for key in sorted(values, key=lambda key: "." in key):
        try:
            if command in applying(key, commands):
                parameter, value = checked(key, values[key], {command: commands[command]}, program)[command]
                defaults[parameter] = value
        except ConfigError as error:
            from stylebox.core.paths import config_file

            raise ConfigError(f"{config_file()}: {error}") from None
    return {command: defaults}


def is_default(context: typer.Context, name: str) -> bool:
    """Whether a parameter has the user's default: it gives way to what is typed and excludes it."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"


def _long_names(command: Command) -> Iterable[str]:
    spellings = (spelling for option in command.params for spelling in option.opts)
    return sorted({one.removeprefix("--") for one in spellings if one.startswith("--")} - set(_NEVER))
