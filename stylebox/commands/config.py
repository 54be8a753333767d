"""`stylebox config`: the user's defaults for options, in a TOML file."""

from typing import Any

import typer

from stylebox.console import options as opt
from stylebox.console import setup_options as setup
from stylebox.console.console import console
from stylebox.console.defaults import applying, checked


def config(context: typer.Context, as_json: opt.AsJson = False) -> None:
    """List, read and change your defaults for options: style, model, device, format, steps and others."""
    if context.invoked_subcommand is None:
        list_defaults(as_json)


def list_defaults(as_json: opt.AsJson = False) -> None:
    """List the defaults that are set."""
    from stylebox.core.user_config import flat, read_user_config

    found = flat(read_user_config())
    if as_json:
        console.document(found)
    for key, value in found.items() if not as_json else ():
        console.result(f"{key} = {_text(value)}")
    if not found:
        console.note("none is set; for example: stylebox config set format flac")


def get_default(context: typer.Context, key: setup.Key) -> None:
    """Print one default. Exit code 1 if it is not set."""
    from stylebox.core.errors import ConfigError
    from stylebox.core.user_config import flat, read_user_config

    found = flat(read_user_config())
    if key not in found:
        applying(key, _commands(context))
        raise ConfigError(f"{key}: is not set; stylebox config set {key} VALUE sets it")
    console.result(_text(found[key]))


def set_default(context: typer.Context, key: setup.Key, values: setup.Values) -> None:
    """Set a default: KEY is an option without its dashes, for one command COMMAND.OPTION."""
    from stylebox.core import user_config

    value = user_config.typed(values)
    checked(key, value, _commands(context), context.find_root())
    user_config.set_default(key, value)


def unset_default(key: setup.Key) -> None:
    """Remove a default."""
    from stylebox.core import user_config

    user_config.unset_default(key)


def show_path() -> None:
    """Print the path of the file with the defaults; it need not exist."""
    from stylebox.core.paths import config_file

    console.result(config_file())


def _commands(context: typer.Context) -> dict[str, Any]:
    """All commands of the program, by name."""
    program: Any = context.find_root().command
    return dict(program.commands)


def _text(value: object) -> str:
    """A value as `stylebox config set` takes it."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
