"""TOML files as editors write them. Knows no keys."""

import tomllib
from pathlib import Path
from typing import Any

from stylebox.core.errors import ConfigError, cannot_read
from stylebox.core.text_encoding import decode_text


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: The file is missing, cannot be read, or is not valid TOML.
    """
    try:
        return tomllib.loads(toml_text(path))
    except OSError as error:
        raise ConfigError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8; save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid TOML ({error}); correct that line") from error


def toml_text(path: Path) -> str:
    """The text of a TOML file, in any encoding and with the line ends of any system.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is not text.
    """
    return decode_text(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
