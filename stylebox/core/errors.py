"""The errors that stylebox raises, and how to describe any error in one line.

The message of each error is one line that names the cause, such as a file, and the fix.
"""


class StyleboxError(Exception):
    """An error that the user can fix."""


class AudioError(StyleboxError):
    """Audio cannot be read, written, recorded or played."""


class ConfigError(StyleboxError):
    """A preset or a configuration file is not valid."""


class SourceError(StyleboxError):
    """Training material cannot be downloaded, rendered or read."""


class DatasetError(StyleboxError):
    """A dataset is missing or damaged, or has other settings than required."""


class ModelError(StyleboxError):
    """A model is missing or damaged, or does not fit its network."""


def error_message(error: Exception) -> str:
    """Describe an error in one line for users who do not read tracebacks.

    >>> error_message(FileNotFoundError(2, "No such file or directory", "a.wav"))
    'a.wav: No such file or directory'
    >>> error_message(KeyError("tempo"))
    "unexpected KeyError: 'tempo'"
    """
    if isinstance(error, StyleboxError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    first_line = next(iter(str(error).strip().splitlines()), "no message")
    return f"unexpected {type(error).__name__}: {first_line}"


def error_reason(error: Exception) -> str:
    """Describe an error in one line without naming a file, to put in parentheses after a message that does.

    >>> error_reason(FileNotFoundError(2, "No such file or directory", "a.wav"))
    'No such file or directory'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
