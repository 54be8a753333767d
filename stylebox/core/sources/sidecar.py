"""The sidecar of a recording, a JSON file beside it: its origin, its licence, the score it plays.

A recording may lack a sidecar. Knows nothing of audio.
"""

import errno
from pathlib import Path

import pydantic

from stylebox.core.errors import SourceError, cannot_read
from stylebox.core.files import write_text
from stylebox.core.text_encoding import decode_text


class Sidecar(pydantic.BaseModel):
    """Metadata of one recording; every field is optional. Unknown fields, such as yt-dlp's, are ignored."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    title: str | None = None
    url: str | None = None
    video_id: str | None = None  # the site's name for it
    license: str | None = None
    uploader: str | None = None
    duration_seconds: float | None = None
    date: str | None = None  # of publication, YYYY-MM-DD
    start: float | None = None  # seconds into the recording at `url`, if only an excerpt was kept
    end: float | None = None
    fetched: str | None = None  # time of the download, UTC, ISO 8601
    yt_dlp: str | None = None  # version of yt-dlp that fetched it
    sha256: str | None = None
    score: str | None = None  # recordings with the same score play the same notes
    transpose: int = 0  # semitones by which the score was moved to suit the instrument
    timbre: str | None = None  # recordings with the same timbre come from the same sound source


def sidecar_path(audio_path: Path) -> Path:
    """Give the path of the sidecar of `audio_path`."""
    return audio_path.with_suffix(".json")


def read_sidecar(audio_path: Path) -> Sidecar | None:
    """Read the sidecar of `audio_path`; None if there is none.

    Raises:
        SourceError: It is damaged or cannot be read.
    """
    path = sidecar_path(audio_path)
    try:
        return Sidecar.model_validate_json(decode_text(path.read_bytes()))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8; save it as UTF-8 or delete it") from error
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise SourceError(f"{path}: {where}: {fault['msg']}; correct or delete it") from error
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return None
        raise SourceError(cannot_read(path, error)) from error


def write_sidecar(audio_path: Path, sidecar: Sidecar) -> None:
    """Write `sidecar` beside `audio_path`, without its empty fields."""
    write_text(sidecar_path(audio_path), sidecar.model_dump_json(indent=1, exclude_none=True) + "\n")
