"""stylebox: a recording played by another instrument.

The names here are the Python API (docs/python-api.md). Importing it is fast: torch is imported by the first call.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stylebox.core.errors import StyleboxError
    from stylebox.core.jobs.model import Model
    from stylebox.core.jobs.style_list import StyleInfo
    from stylebox.core.music.notes import Note
    from stylebox.core.pipeline.result import TransferResult
    from stylebox.core.pipeline.transcription import Transcription
    from stylebox.core.store.library import ModelInfo

__version__ = "0.1.0"
__all__ = [
    "Model",
    "Note",
    "StyleboxError",
    "Transcription",
    "TransferResult",
    "__version__",
    "list_models",
    "list_styles",
    "load",
]

_HOMES = {
    "Model": "stylebox.core.jobs.model",
    "Note": "stylebox.core.music.notes",
    "StyleboxError": "stylebox.core.errors",
    "Transcription": "stylebox.core.pipeline.transcription",
    "TransferResult": "stylebox.core.pipeline.result",
}


def load(model: str = "base", device: str = "cpu") -> "Model":
    """Load a model, to be used for any number of recordings.

    Args:
        model: A name of `list_models`, or a folder with the model's files.
        device: Where the networks compute, such as "cpu" or "cuda".

    Raises:
        StyleboxError: the model, or a part of it, is missing or does not fit.
    """
    from stylebox.core.jobs.model import Model

    return Model(model, device)


def list_models() -> "list[ModelInfo]":
    """The user's models and the ones that come with the package."""
    from stylebox.core.store import library

    return library.list_models()


def list_styles(model: str = "base") -> "list[StyleInfo]":
    """The styles that a model knows by name, with their registers.

    Raises:
        StyleboxError: there is no such model.
    """
    from stylebox.core.jobs import style_list

    return style_list.list_styles(model)


def __getattr__(name: str) -> object:
    """Import a class of the API when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'stylebox' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOMES[name]), name)
    return found
