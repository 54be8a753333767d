"""What a transfer has computed so far: tracks over time and small facts, in memory or in a folder.

In a folder it survives a killed process, and a later run with the same key goes on where the first one stopped; a run
with another key starts over. Knows nothing of sound.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from stylebox.core.files import atomic_path, errors_named, sync, write_text
from stylebox.core.json_text import parse_json
from stylebox.core.lock import LOCK_NAME

_KEY = "stylebox-work.json"


class Work:
    """Tracks and facts of one transfer.

    Args:
        folder: Where they are kept; None keeps them in memory.
        key: Names the work; what was left in the folder under another key is deleted.
        content: The work on what the recording holds, where several transfers share it; this one unless given.

    Attributes:
        begun: Whether the folder holds the work of an earlier run.
        content: The work on what the recording holds.
    """

    def __init__(self, folder: Path | None = None, key: str = "", content: "Work | None" = None) -> None:
        self._folder, self.content = folder, content or self
        self._facts: dict[str, dict[str, Any]] = {}
        self._tracks: dict[str, Track] = {}
        self.begun = folder is not None and _key_of(folder) == key
        if folder is not None and not self.begun:
            _empty(folder)
            write_text(folder / _KEY, json.dumps({"key": key}))

    def track(self, name: str, length: int, width: int | None, dtype: type) -> "Track":
        """A track, made of zeros unless the work has it already.

        Args:
            name: Of the track.
            length: Number of rows; a row is a moment.
            width: Values per row; None for one value without an axis.
            dtype: Of the values.
        """
        if name not in self._tracks:
            shape = (length,) if width is None else (length, width)
            path = None if self._folder is None else self._folder / f"{name}.raw"
            self._tracks[name] = Track(shape, np.dtype(dtype), path)
        return self._tracks[name]

    def save(self, name: str, **facts: float | np.ndarray) -> None:
        """Keep numbers and arrays under a name, in place of those before, completely or not at all."""
        if self._folder is None:
            self._facts[name] = facts
            return
        with atomic_path(self._folder / f"{name}.npz") as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **{key: np.asarray(value) for key, value in facts.items()})

    def keep(self, name: str, value: int) -> int:
        """A number of an earlier run, or else this one, which is kept for the next.

        Args:
            name: Of the number.
            value: To keep if there is none.
        """
        kept = self.load(name)
        if kept is not None:
            return int(kept["value"])
        self.save(name, value=value)
        return value

    def load(self, name: str) -> dict[str, Any] | None:
        """What was kept under a name; None if nothing was. Numbers are arrays of one value."""
        if self._folder is None:
            return self._facts.get(name)
        path = self._folder / f"{name}.npz"
        if not path.is_file():
            return None
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except Exception:  # damaged: numpy and zipfile raise errors of many kinds
            return None

    def remove(self) -> None:
        """Delete everything, after a success."""
        self._facts, self._tracks = {}, {}
        if self._folder is not None:
            remove_work(self._folder)


class Track:
    """Rows of values over time, read and written in spans, so that no more than a span is in memory.

    Args:
        shape: Of the whole.
        dtype: Of the values.
        path: The file; None keeps the whole in memory.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], path: Path | None = None) -> None:
        self.shape, self._dtype, self._path = shape, dtype, path
        self._row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
        self._values = np.zeros(shape, dtype) if path is None else np.zeros(0, dtype)
        if path is not None:
            with errors_named(path), path.open("ab") as file:
                file.truncate(shape[0] * self._row_bytes)

    def __len__(self) -> int:
        """Number of rows."""
        return self.shape[0]

    def write(self, start: int, values: np.ndarray) -> None:
        """Replace the rows from `start` on.

        Args:
            start: The first row.
            values: Not beyond the end of the track.

        Shape:
            values ``(R, ...)``.
        """
        if self._path is None:
            self._values[start : start + len(values)] = values
            return
        with errors_named(self._path), self._path.open("r+b") as file:
            file.seek(start * self._row_bytes)
            file.write(np.ascontiguousarray(values, self._dtype).tobytes())
            file.flush()
            sync(file)  # before a fact says that it is there

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows `start` to `stop`; those beyond the end are left out.

        Shape:
            ``(stop - start, ...)``.
        """
        start, stop = min(start, len(self)), min(stop, len(self))
        if self._path is None:
            return self._values[start:stop]
        count = (stop - start) * self._row_bytes // self._dtype.itemsize
        found = np.fromfile(self._path, self._dtype, count, offset=start * self._row_bytes)
        return found.reshape(stop - start, *self.shape[1:])


def remove_work(folder: Path) -> None:
    """Delete a folder of work; another folder, or none, is left alone."""
    if _key_of(folder) is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    """Make the folder, or delete what is left in it of other work; its lock stays."""
    folder.mkdir(parents=True, exist_ok=True)
    if _key_of(folder) is not None:
        for path in folder.iterdir():
            if path.name != LOCK_NAME:
                path.unlink()


def _key_of(folder: Path) -> str | None:
    """The key of a folder of work; None if it is none."""
    try:
        return str(parse_json((folder / _KEY).read_text("utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
