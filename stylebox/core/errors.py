"""The errors stylebox raises. Each message is one line that names the culprit and the fix."""


class StyleboxError(Exception):
    """Anything that went wrong for a reason the user can act on."""


class AudioError(StyleboxError):
    """A sound could not be read, written, recorded or played."""


class ConfigError(StyleboxError):
    """A preset or configuration file does not say what it must."""


class SourceError(StyleboxError):
    """Training material could not be fetched, rendered or understood."""


class DatasetError(StyleboxError):
    """A dataset is missing, damaged, or made with other settings."""


class ModelError(StyleboxError):
    """A model is missing, damaged, or does not fit the part it is loaded into."""


def error_message(error: StyleboxError | OSError) -> str:
    """What an error says to someone who cannot read tracebacks, the system's own with the file's name first."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
