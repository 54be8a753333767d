"""The manifest of a dataset: one JSON file with its settings and all its recordings.

The same sources and settings give the same bytes: no times, no absolute paths. Knows nothing of audio.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ValidationError, model_validator

from stylebox.core.config import MelConfig, Section
from stylebox.core.errors import DatasetError, cannot_read
from stylebox.core.files import write_text
from stylebox.core.json_text import parse_json
from stylebox.core.paths import is_below

FORMAT_VERSION = 1  # of the manifest and of the arrays beside it
MANIFEST_NAME = "manifest.json"
CONTENT_FOLDER = "content"  # of the dataset: posteriors, in a folder per encoder

_MOST_NAME_BYTES = 251  # a file system allows 255, and an array's suffix takes 4

Split = Literal["train", "valid", "test", "unused"]


def _plain(name: str) -> str:
    if not is_below(name) or Path(name).name != name or len(os.fsencode(name)) > _MOST_NAME_BYTES:
        raise ValueError("is no plain file name")
    return name


PlainName = Annotated[str, AfterValidator(_plain)]
"""The name of a file in a folder that the reader knows; a path is refused."""


class Recording(Section):
    """One recording, or one part of the only recording of an instrument.

    The arrays contain the whole recording; only `start_frame` to `stop_frame` may be used.
    """

    id: str  # stable: from the instrument and the path below the sources
    files: PlainName  # stem of the arrays on disk; changes with their content
    instrument: str
    source: str  # path below the sources folder, with forward slashes
    sha256: str  # of the source file
    title: str
    url: str | None = None
    license: str | None = None
    seconds: float  # of the whole recording
    samples: int
    frames: int
    loudness_db: float  # of the source, dBFS
    gain_db: float  # applied to reach the common loudness
    score: str | None = None  # recordings of the same score have the same notes
    transpose: int = 0  # semitones by which the score was moved for the instrument
    timbre: str | None = None  # recordings of the same timbre have the same sound source
    has_notes: bool = False
    split: Split = "train"
    start_frame: int = 0
    stop_frame: int

    @model_validator(mode="after")
    def _within(self) -> Self:
        """The used part lies within the recording."""
        if not (0 <= self.start_frame <= self.stop_frame <= self.frames and self.samples >= 0):
            raise ValueError(f"{self.id}: frames {self.start_frame} to {self.stop_frame} of {self.frames}")
        return self

    @property
    def used_frames(self) -> int:
        """Number of frames that may be used; balance and splits by time exclude some."""
        return self.stop_frame - self.start_frame


class BuildRules(Section):
    """Settings that limit the recordings."""

    max_minutes: float | None = 30.0  # per recording; None is no limit
    equalise: bool = False


class Manifest(Section):
    """The content of `manifest.json`."""

    format: int = FORMAT_VERSION
    mel: MelConfig
    rules: BuildRules = BuildRules()
    recordings: tuple[Recording, ...]  # by id


def fingerprint(manifest: Manifest) -> str:
    """Twelve hexadecimal digits that identify a dataset: its settings and the content of its recordings."""
    return hashlib.sha256(_text(manifest).encode()).hexdigest()[:12]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into the dataset folder, atomically."""
    write_text(folder / MANIFEST_NAME, _text(manifest))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the dataset in `folder`.

    Raises:
        DatasetError: there is no manifest, it is damaged, or another version of stylebox wrote it.
    """
    path = folder / MANIFEST_NAME
    try:
        values = parse_json(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(f"{folder}: no dataset here; make one with `stylebox build`") from error
    except OSError as error:
        raise DatasetError(cannot_read(path, error)) from error
    except ValueError as error:
        raise DatasetError(f"{path}: is damaged ({error}); run `stylebox build` again") from error
    version = values.get("format") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise DatasetError(
            f"{path}: has format {version}, this stylebox reads {FORMAT_VERSION}; run `stylebox build` again"
        )
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DatasetError(f"{path}: {where}: {first['msg']}; run `stylebox build` again") from error


def _text(manifest: Manifest) -> str:
    return json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
