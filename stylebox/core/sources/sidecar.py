"""What is known of one recording, as JSON beside it: its origin, who may use it, which score it plays.

Knows nothing of audio; a recording without a sidecar is as welcome as one with.
"""

from pathlib import Path

import pydantic

from stylebox.core.errors import SourceError
from stylebox.core.paths import write_text


class Sidecar(pydantic.BaseModel):
    """Facts about one recording; all optional. Fields of other programs (yt-dlp's, say) are ignored."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    title: str | None = None
    url: str | None = None
    video_id: str | None = None  # the site's own name for it
    license: str | None = None
    uploader: str | None = None
    duration_seconds: float | None = None
    date: str | None = None  # when it was published, YYYY-MM-DD
    start: float | None = None  # seconds into what lies at `url`, if only a part was kept
    end: float | None = None
    fetched: str | None = None  # when, UTC, ISO 8601
    yt_dlp: str | None = None  # the version that fetched it
    sha256: str | None = None
    score: str | None = None  # recordings with the same score play the same notes
    transpose: int = 0  # semitones the score was moved to suit the instrument
    timbre: str | None = None  # recordings with the same timbre come from the same sound source


def sidecar_path(audio_path: Path) -> Path:
    """Where the sidecar of `audio_path` lies."""
    return audio_path.with_suffix(".json")


def read_sidecar(audio_path: Path) -> Sidecar | None:
    """The sidecar beside `audio_path`, or None if there is none.

    Raises:
        SourceError: there is one, but it cannot be understood.
    """
    path = sidecar_path(audio_path)
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise SourceError(f"{path}: {where}: {fault['msg']}; mend or delete it") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def write_sidecar(audio_path: Path, sidecar: Sidecar) -> None:
    """Write `sidecar` beside `audio_path`, leaving out what is not known."""
    write_text(sidecar_path(audio_path), sidecar.model_dump_json(indent=1, exclude_none=True) + "\n")
