"""A recording behind an address, with the metadata of its source."""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any


@dataclass(frozen=True)
class RemoteRecording:
    """One recording behind an address, with the metadata of its source."""

    url: str
    key: str  # name of its partial files
    video_id: str | None = None
    title: str | None = None
    uploader: str | None = None
    license: str | None = None
    date: str | None = None  # of publication, YYYY-MM-DD
    extension: str | None = None
    info: dict[str, Any] = field(default_factory=dict, repr=False)  # yt-dlp's metadata


def address_key(url: str) -> str:
    """Give a short key for an address; partial files are named after it."""
    return sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def remote_recording(info: dict[str, Any], number: int = 0) -> RemoteRecording:
    """Convert yt-dlp's metadata of one recording.

    Args:
        info: yt-dlp's metadata.
        number: Position in a playlist, from 1; 0 if the recording is not part of one.
    """

    def text(*keys: str) -> str | None:
        return next((str(info[key]) for key in keys if info.get(key)), None)

    day = text("upload_date", "release_date") or ""
    flat = info.get("_type") in ("url", "url_transparent")
    direct = info.get("extractor_key") == "Generic"
    url = (text("url") if flat else text("original_url", "webpage_url", "url")) or ""
    own_address = flat or not number  # otherwise it is one of several on a page
    return RemoteRecording(
        url=url,
        key=address_key(url if own_address else f"{url} {number} {info.get('id')}"),
        video_id=None if direct else text("id"),
        title=text("title"),
        uploader=text("uploader", "channel", "creator", "artist"),
        license=text("license"),
        date=f"{day[:4]}-{day[4:6]}-{day[6:8]}" if re.fullmatch(r"\d{8}", day) else None,
        extension=text("ext"),
        info=info,
    )
