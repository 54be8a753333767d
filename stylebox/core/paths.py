"""Where things live, and how a file comes to be: whole or not at all. Knows no formats."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from stylebox.core.errors import StyleboxError


def home() -> Path:
    """Everything stylebox keeps: `STYLEBOX_HOME`, or the user data directory."""
    chosen = os.environ.get("STYLEBOX_HOME")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("stylebox")


def sources_dir() -> Path:
    """Training material, one folder an instrument."""
    return home() / "sources"


def dataset_dir() -> Path:
    """The built dataset."""
    return home() / "dataset"


def models_dir() -> Path:
    """Trained models, one folder a name."""
    return home() / "models"


def recordings_dir() -> Path:
    """Takes recorded live."""
    return home() / "recordings"


def refuse_overwrite(path: Path, force: bool) -> None:
    """Raise unless `path` is free or `force` allows replacing it, and its folder is there to be written to, or can be.

    Raises:
        StyleboxError: `path` exists and `force` is false, or nothing can be written there.
    """
    if path.exists() and not force:
        raise StyleboxError(f"{path}: exists already; use --force to replace it or choose another name")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "may not be written to" if folder.is_dir() else "is no folder"
        raise StyleboxError(f"{path}: cannot be written, as {folder} {reason}; choose another place")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` (same suffix) that becomes `path` when the block ends well.

    If the block raises, or the process is interrupted, nothing appears under `path` and an earlier file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if error.filename == str(partial):
            error.filename = str(path)  # the name that the user knows
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
