"""From an address to a file: yt-dlp as a library, the only place that knows it.

Files come as the source has them, are resumed where they broke off, and lie in one folder under names of our
own. Knows nothing of lists, titles or instruments.
"""

import io
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from stylebox.core.errors import SourceError
from stylebox.core.sources.fetch.remote import RemoteRecording, remote_recording

TRANSIENT = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524}  # HTTP answers that may be better next time
MAX_WAIT_SECONDS = 60.0
PROGRESS_BYTES = 1 << 20  # who got this much further before breaking off has not failed in vain
_BROKE_OFF = "Got error:"
_REASONS = {
    401: "asks for a login (HTTP 401); try --cookies",
    403: "refuses (HTTP 403); try --cookies, or another link",
    404: "has no such file (HTTP 404); the link is dead, find another",
    410: "has removed it (HTTP 410); find another link",
    429: "wants fewer requests (HTTP 429); wait, then use --jobs 1 and --rate-limit",
}
T = TypeVar("T")
ReceivedCallback = Callable[[int, int | None], None]  # bytes so far, bytes in all if known


@dataclass(frozen=True)
class DownloadOptions:
    """How to download."""

    playlists: bool = False  # take every entry of a playlist instead of refusing it
    rate_limit: float | None = None  # bytes a second of one download; None is no limit
    cookies: Path | None = None  # Netscape cookies.txt; never written to
    proxy: str | None = None
    retries: int = 3  # after the first attempt
    backoff_seconds: float = 1.0  # before the first retry; doubled each time
    timeout_seconds: float = 20.0  # of silence on a connection


class StoppedError(Exception):
    """The whole job is being stopped."""


class Downloader:
    """Downloads one file after the other; one for each thread."""

    def __init__(
        self,
        folder: Path,
        options: DownloadOptions,
        stop: threading.Event,
        remark: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`folder` gets the files; `stop` ends what runs; `remark` hears yt-dlp's warnings."""
        self._folder, self._options, self._stop = folder, options, stop
        self._log = _Log(remark)
        self._received: ReceivedCallback = lambda done, total: None
        self._furthest = 0
        self._ydl = _session(self._settings())
        self._ydl.add_progress_hook(self._hear)

    def close(self) -> None:
        """Let go of connections."""
        self._ydl.close()

    def resolve(self, url: str) -> list[RemoteRecording]:
        """What is behind an address: one recording, or with `playlists` maybe many; nothing is downloaded.

        Raises:
            SourceError: nothing, or nothing that can be had.
            StoppedError: the job is being stopped.
        """
        info = self._retry(lambda: self._ydl.extract_info(url, download=False))
        if not info:
            raise SourceError("there is nothing to hear; check the link")
        if info.get("_type") not in ("playlist", "multi_video"):
            return [remote_recording(info)]
        entries = [entry for entry in info.get("entries") or () if entry]
        if not entries:
            raise SourceError("there is nothing to hear; check the link")
        if len(entries) > 1 and not self._options.playlists:
            raise SourceError(f"is a list of {len(entries)} recordings; use --playlists to fetch them all")
        return [remote_recording(entry, number) for number, entry in enumerate(entries, start=1)]

    def fetch(self, find: RemoteRecording, received: ReceivedCallback) -> tuple[Path, RemoteRecording]:
        """Download a recording: its file, complete, and all its source says; what was there is gone on with.

        Raises:
            SourceError: it cannot be had.
            StoppedError: the job is being stopped; what came is kept.
        """
        self._received, self._furthest = received, 0
        return self._retry(lambda: self._attempt(find))

    def _attempt(self, find: RemoteRecording) -> tuple[Path, RemoteRecording]:
        info = find.info
        if info.get("_type") in ("url", "url_transparent"):
            info = self._ydl.extract_info(find.url, download=False) or {}
        if info.get("is_live"):
            raise SourceError("is a live broadcast; fetch it when it has ended")
        # The address names the file, so that another run finds it; and its format, for halves of two
        # formats make no whole.
        info = {**info, "stylebox_key": find.key}
        done = self._ydl.process_ie_result(info, download=True) or {}
        for download in done.get("requested_downloads") or ():
            path = Path(download.get("filepath") or "")
            if path.is_file() and path.parent == self._folder:
                return path, replace(remote_recording(info), url=find.url, key=find.key, title=find.title)
        raise SourceError(self._log.last_error or "nothing came; check the link")

    def _retry(self, attempt: Callable[[], T]) -> T:
        """Try, and try again later what may be better later."""
        from yt_dlp.utils import YoutubeDLError

        tries, reached = 0, 0
        while True:
            if self._stop.is_set():
                raise StoppedError
            try:
                return attempt()
            except (YoutubeDLError, OSError) as error:
                failure = error
            finally:
                self._ydl.close_connections()
            if self._stop.is_set():
                raise StoppedError
            if self._furthest >= reached + PROGRESS_BYTES:
                tries, reached = 0, self._furthest
            tries += 1
            if tries > self._options.retries or not _is_transient(failure):
                raise SourceError(self._error_message(failure)) from failure
            self._stop.wait(min(self._options.backoff_seconds * 2 ** (tries - 1), MAX_WAIT_SECONDS))

    def _hear(self, event: dict[str, Any]) -> None:
        """yt-dlp's report from the middle of a download; raising here ends it."""
        if self._stop.is_set():
            raise StoppedError
        done = int(event.get("downloaded_bytes") or 0)
        total = event.get("total_bytes") or event.get("total_bytes_estimate")
        if total and event.get("status") == "downloading":
            free = shutil.disk_usage(self._folder).free
            if total - done > free:
                raise SourceError(f"is {_size(total)}, more than the {_size(free)} that are free on the disk")
        self._furthest = max(self._furthest, done)
        self._received(done, int(total) if total else None)

    def _wait(self, n: int) -> float:
        """Seconds before a retry inside yt-dlp; waited here, where it can be interrupted."""
        if self._stop.wait(min(self._options.backoff_seconds * 2**n, MAX_WAIT_SECONDS)):
            raise StoppedError
        return 0.0

    def _error_message(self, error: Exception) -> str:
        """What an error of yt-dlp's means to a musician."""
        for cause in _causes(error):
            status = getattr(cause, "status", None)
            if isinstance(status, int):
                reason = _REASONS.get(status, f"answers HTTP {status}; try again later, or another link")
                return f"the server {reason}"
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
        text = re.sub(r"^ERROR:\s*|\s*\(caused by .*$|;? ?please report this issue.*$", "", text, flags=re.S)
        text = " ".join(text.split()) or type(error).__name__
        if "Unsupported URL" in text:
            return "is a page without a recording that can be found; link the file itself"
        if "Did not get any data" in text:
            return "the server sent an empty file (0 bytes); find another link"
        if lacking := re.search(r"(\d+) more expected", text):
            return f"the connection broke off {_size(int(lacking[1]))} before the end; run it again to go on"
        if self._log.wants_javascript:
            return f"{text}; this site needs a JavaScript runtime: install deno"
        return text

    def _settings(self) -> dict[str, Any]:
        options = self._options
        cookies = None
        if options.cookies is not None:
            try:  # a copy: yt-dlp writes cookies back, from every thread
                cookies = io.StringIO(options.cookies.read_text("utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "is not text"
                raise SourceError(f"{options.cookies}: cannot be read ({reason})") from error
        sleep = dict.fromkeys(("http", "fragment", "file_access", "extractor"), self._wait)
        return {
            "format": "bestaudio/best",
            "outtmpl": {"default": "%(stylebox_key)s.%(format_id)s.%(filesize|0)s"},
            "paths": {"home": str(self._folder)},
            "restrictfilenames": True,
            "continuedl": True,
            "noplaylist": not options.playlists,
            "extract_flat": "in_playlist",
            "fixup": "never",  # as it came; and FFmpeg need not be there
            "hls_prefer_native": True,
            "cachedir": False,
            "updatetime": False,
            "logger": self._log,
            "noprogress": True,
            "color": "no_color",
            "retries": 0,  # ours: they look at the address anew, which may have moved
            "fragment_retries": options.retries,
            "skip_unavailable_fragments": False,
            "retry_sleep_functions": sleep,
            "ratelimit": options.rate_limit,
            "socket_timeout": options.timeout_seconds,
            "proxy": options.proxy,
            "cookiefile": cookies,
        }


def _session(settings: dict[str, Any]) -> Any:
    """yt-dlp, which can also hang up: it leaves open what it only looked at."""
    from yt_dlp import YoutubeDL
    from yt_dlp.networking.exceptions import HTTPError

    class Session(YoutubeDL):
        def urlopen(self, req: Any) -> Any:
            try:
                answer = super().urlopen(req)
            except HTTPError as error:
                self.__dict__.setdefault("answers", []).append(error.response)
                raise
            self.__dict__.setdefault("answers", []).append(answer)
            return answer

        def close_connections(self) -> None:
            for answer in self.__dict__.pop("answers", []):
                answer.close()

    return Session(settings)


class _Log:
    """yt-dlp's messages, kept from the screen."""

    def __init__(self, remark: Callable[[str], None]) -> None:
        self._remark = remark
        self.last_error = ""
        self.wants_javascript = False

    def debug(self, message: str) -> None:
        """Chatter."""

    def warning(self, message: str) -> None:
        self.wants_javascript |= "JavaScript runtime" in message
        if "generic information extractor" not in message and "direct video link" not in message:
            self._remark(" ".join(message.split()))

    def error(self, message: str) -> None:
        self.last_error = " ".join(message.removeprefix("ERROR:").split())


def yt_dlp_version() -> str:
    """The version of yt-dlp that is installed."""
    from yt_dlp.version import __version__

    return str(__version__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that led to it."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or any(current is known for known in seen):
            continue
        seen.append(current)
        yield current
        inner = getattr(current, "exc_info", None) or (None, None)
        waiting += [inner[1], getattr(current, "cause", None), current.__cause__, current.__context__]


def _is_transient(error: BaseException) -> bool:
    """Whether it is worth another attempt: a lost connection is, a dead link is not."""
    from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError, TransportError
    from yt_dlp.utils import ContentTooShortError

    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            return cause.status in TRANSIENT
        if isinstance(cause, CertificateVerifyError):
            return False
        if isinstance(cause, TransportError | ContentTooShortError | ConnectionError | TimeoutError):
            return True
    return _BROKE_OFF in str(error)  # yt-dlp does not say by what


def _size(count: float) -> str:
    """Bytes for the eye."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
