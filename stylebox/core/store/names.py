"""Names of installed models and of their styles, from folders and headers alone: quick enough for a Tab key."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from stylebox.core import paths
from stylebox.core.json_text import parse_json

_MAX_HEADER_BYTES = 100_000_000  # what safetensors itself allows


def shipped_models() -> Path:
    """Folder of the models of this package.

    Raises:
        StyleboxError: Python reads the package out of an archive.
    """
    return paths.package() / "weights"


def model_names() -> list[str]:
    """Names of the models of the user and of the package."""
    folders = (paths.models_dir(), shipped_models())
    found: list[Path] = []
    for folder in folders:
        with suppress(OSError):  # it is not there, or may not be read; the command itself reports that
            found += folder.iterdir()
    return sorted({path.name for path in found if path.name != "judges" and any(path.glob("*.safetensors"))})


def style_names(tensor_names: Iterable[str]) -> list[str]:
    """Names of the styles in an ldm part, from the names of its tensors; sorted. A name can contain dots."""
    found = (name.removeprefix("styles.") for name in tensor_names if name.startswith("styles."))
    return sorted({name.rpartition(".")[0] for name in found})


def styles_of_model(model: str) -> list[str]:
    """Names of the styles of a model, without opening its tensors; empty if it has none or cannot be read."""
    for folder in (paths.models_dir() / model, shipped_models() / model, paths.expanded(model)):
        try:
            with (folder / "ldm.safetensors").open("rb") as stream:
                size = int.from_bytes(stream.read(8), "little")
                header = parse_json(stream.read(size)) if size <= _MAX_HEADER_BYTES else {}
        except (OSError, ValueError):
            continue
        return style_names(header) if isinstance(header, dict) else []
    return []


def own_style_names() -> list[str]:
    """Names of the styles that the user added."""
    names = []
    for path in sorted(paths.styles_dir().glob("*.json")):
        try:
            names.append(str(parse_json(path.read_text("utf-8"))["name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return names
