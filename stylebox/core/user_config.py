"""The user's defaults for options: a TOML file, read at every start and changed by `stylebox config`.

Keys at the top are for all commands, those in a table for the command of that name. Knows no command and no option.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from stylebox.core import files, paths
from stylebox.core.errors import ConfigError, cannot_write
from stylebox.core.file_names import readable
from stylebox.core.toml_file import read_toml, toml_text

Value = bool | int | float | str | list[str]


def read_user_config() -> dict[str, Any]:
    """The user's defaults; empty if there is no file.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = paths.config_file()
    return read_toml(path) if path.exists() else {}


def flat(values: dict[str, Any]) -> dict[str, Value]:
    """Each default by its full key, such as ``transfer.steps``.

    >>> flat({"device": "cpu", "transfer": {"steps": 3}})
    {'device': 'cpu', 'transfer.steps': 3}
    """
    found: dict[str, Value] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": inside for inner, inside in value.items()}
        else:
            found[key] = value
    return found


def typed(texts: Sequence[str]) -> Value:
    """A value from what was typed: a number or a truth value where it looks like one, a list of several texts.

    >>> typed(["5"]), typed(["0.5"]), typed(["true"]), typed(["flac"]), typed(["violin", "harp"])
    (5, 0.5, True, 'flac', ['violin', 'harp'])

    Raises:
        ConfigError: A text is not Unicode, as the name of a file may be.
    """
    for text in texts:
        if readable(text) != text:
            raise ConfigError(f"{text}: is not Unicode, which a TOML file cannot hold; give the file another name")
    if len(texts) > 1:
        return list(texts)
    (text,) = texts
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def set_default(key: str, value: Value) -> None:
    """Write one default; comments and the order of the file stay.

    Args:
        key: Name of an option, or of a command and an option with a dot between.
        value: For it.

    Raises:
        ConfigError: The file is not valid, or cannot be written.
    """
    document, table, name = _opened(key)
    table[name] = value
    _write(document)


def unset_default(key: str) -> None:
    """Remove one default.

    Raises:
        ConfigError: It is not set, or the file cannot be written.
    """
    document, table, name = _opened(key)
    if name not in table:
        raise ConfigError(f"{key}: is not set in {paths.config_file()}")
    del table[name]
    _write(document)


def _opened(key: str) -> tuple[Any, Any, str]:
    """The document, the table that holds a key, and the key's name in it."""
    import tomlkit  # slow to import, and only changes need it

    read_user_config()  # refuses a file that is not valid
    path = paths.config_file()
    text = toml_text(path) if path.exists() else ""
    document = tomlkit.parse(text)
    command, dot, name = key.partition(".")
    if not dot:
        return document, document, key
    if command not in document:
        document[command] = tomlkit.table()
    return document, document[command], name


def _write(document: Any) -> None:  # noqa: ANN401 (tomlkit's own type, imported late)
    import tomlkit

    path = paths.config_file()
    try:
        files.write_text(path, tomlkit.dumps(document), follow_link=True)
    except OSError as error:
        raise ConfigError(cannot_write(path, error, "check its permissions, or set STYLEBOX_HOME")) from error
