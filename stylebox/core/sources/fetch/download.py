"""Downloads one recording from an address, with yt-dlp as a library; no other module imports yt-dlp.

Files stay in the format of their source, broken downloads resume, and all files lie in one folder. Knows nothing of
lists, titles or instruments.
"""

import io
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from stylebox.core.errors import SourceError, cannot_read
from stylebox.core.sources.fetch.error_message import causes, error_message, size_text
from stylebox.core.sources.fetch.remote import RemoteRecording, remote_recording
from stylebox.core.text_encoding import decode_text

TRANSIENT = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524}  # HTTP statuses worth another attempt
SCHEMES = ("http", "https")  # all others are refused, wherever a page points
MAX_WAIT_SECONDS = 60.0
PROGRESS_BYTES = 1 << 20  # a broken attempt that got this much further is not counted as a failed one
_BROKE_OFF = "Got error:"
T = TypeVar("T")
ReceivedCallback = Callable[[int, int | None], None]  # bytes so far, bytes in total if known


@dataclass(frozen=True)
class DownloadOptions:
    """Settings of all downloads of a run."""

    playlists: bool = False  # fetch every entry of a playlist instead of refusing it
    rate_limit: float | None = None  # bytes per second of one download; None is no limit
    cookies: Path | None = None  # Netscape cookies.txt; never written to
    proxy: str | None = None
    retries: int = 3  # after the first attempt
    backoff_seconds: float = 1.0  # before the first retry; doubled each time
    timeout_seconds: float = 20.0  # without data on a connection


class StoppedError(Exception):
    """The run is being stopped."""


class Downloader:
    """Downloads one file after the other; each thread has its own."""

    def __init__(
        self,
        folder: Path,
        options: DownloadOptions,
        stop: threading.Event,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare yt-dlp; connects to nothing.

        Args:
            folder: Receives the files.
            options: Settings of the downloads.
            stop: Ends a running download when it is set.
            warn: Called with each warning of yt-dlp.

        Raises:
            SourceError: The cookies cannot be read.
        """
        from yt_dlp import YoutubeDL

        self._folder, self._options, self._stop = folder, options, stop
        self._log = _Log(warn)
        self._received: ReceivedCallback = lambda done, total: None
        self._furthest = 0
        self._ydl = YoutubeDL(self._settings())
        self._responses = _OpenResponses(self._ydl.urlopen)
        self._ydl.urlopen = self._responses.open
        self._ydl.add_progress_hook(self._on_progress)

    def close(self) -> None:
        """Close all connections."""
        self._ydl.close()

    def resolve(self, url: str) -> list[RemoteRecording]:
        """Find the recordings behind an address; downloads nothing.

        Returns:
            One recording; several only if `playlists` allows it.

        Raises:
            SourceError: There is none, or it cannot be downloaded.
            StoppedError: The run is being stopped.
        """
        _check_scheme(url)
        info = self._retry(lambda: self._ydl.extract_info(url, download=False))
        if not info:
            raise SourceError("no recording was found; check the link")
        if info.get("_type") not in ("playlist", "multi_video"):
            return [remote_recording(info)]
        entries = [entry for entry in info.get("entries") or () if entry]
        if not entries:
            raise SourceError("no recording was found; check the link")
        if len(entries) > 1 and not self._options.playlists:
            raise SourceError(f"is a list of {len(entries)} recordings; use --playlists to fetch them all")
        return [remote_recording(entry, number) for number, entry in enumerate(entries, start=1)]

    def fetch(self, recording: RemoteRecording, received: ReceivedCallback) -> tuple[Path, RemoteRecording]:
        """Download a recording; resumes a partial file of an earlier run.

        Args:
            recording: As given by `resolve`.
            received: Called with the bytes received so far and in total.

        Returns:
            The complete file, and the recording with all metadata of its source.

        Raises:
            SourceError: It cannot be downloaded.
            StoppedError: The run is being stopped; the partial file stays.
        """
        self._received, self._furthest = received, 0
        return self._retry(lambda: self._attempt(recording))

    def _attempt(self, recording: RemoteRecording) -> tuple[Path, RemoteRecording]:
        info = recording.info
        if info.get("_type") in ("url", "url_transparent"):
            info = self._ydl.extract_info(recording.url, download=False) or {}
        if info.get("is_live"):
            raise SourceError("is a live broadcast; fetch it when it has ended")
        # The name of the partial file holds the address, so that another run finds it, and the format, so that two
        # formats are never joined.
        info = {**info, "stylebox_key": recording.key}
        done = self._ydl.process_ie_result(info, download=True) or {}
        for download in done.get("requested_downloads") or ():
            path = Path(download.get("filepath") or "")
            if path.is_file() and path.parent == self._folder:
                complete = remote_recording(info)
                return path, replace(complete, url=recording.url, key=recording.key, title=recording.title)
        raise SourceError(self._log.last_error or "the download gave no file; check the link")

    def _retry(self, attempt: Callable[[], T]) -> T:
        """Call `attempt`, again after a pause if the error is transient."""
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
                self._responses.close_connections()
            if self._stop.is_set():
                raise StoppedError
            if self._furthest >= reached + PROGRESS_BYTES:
                tries, reached = 0, self._furthest
            tries += 1
            if tries > self._options.retries or not _is_transient(failure):
                raise SourceError(error_message(failure, self._log.wants_javascript)) from failure
            self._stop.wait(min(self._options.backoff_seconds * 2 ** (tries - 1), MAX_WAIT_SECONDS))

    def _on_progress(self, event: dict[str, Any]) -> None:
        """Handle yt-dlp's report from the middle of a download; an exception here ends it."""
        if self._stop.is_set():
            raise StoppedError
        done = int(event.get("downloaded_bytes") or 0)
        total = event.get("total_bytes") or event.get("total_bytes_estimate")
        if total and event.get("status") == "downloading":
            free = shutil.disk_usage(self._folder).free
            if total - done > free:
                raise SourceError(f"is {size_text(total)}, more than the {size_text(free)} that are free on the disk")
        self._furthest = max(self._furthest, done)
        self._received(done, int(total) if total else None)

    def _wait(self, n: int) -> float:
        """Wait before a retry inside yt-dlp; waiting here can be interrupted. Gives 0 s for yt-dlp to wait."""
        if self._stop.wait(min(self._options.backoff_seconds * 2**n, MAX_WAIT_SECONDS)):
            raise StoppedError
        return 0.0

    def _settings(self) -> dict[str, Any]:
        options = self._options
        sleep = dict.fromkeys(("http", "fragment", "file_access", "extractor"), self._wait)
        return {
            "format": "bestaudio/best",
            "outtmpl": {"default": "%(stylebox_key)s.%(format_id)s.%(filesize|0)s"},
            "paths": {"home": str(self._folder)},
            "restrictfilenames": True,
            "continuedl": True,
            "noplaylist": not options.playlists,
            "extract_flat": "in_playlist",
            "fixup": "never",  # keeps the file unchanged, and needs no FFmpeg program
            "hls_prefer_native": True,
            "cachedir": False,
            "updatetime": False,
            "logger": self._log,
            "noprogress": True,
            "color": "no_color",
            "retries": 0,  # `_retry` does it: it resolves the address again, which may have moved
            "fragment_retries": options.retries,
            "skip_unavailable_fragments": False,
            "retry_sleep_functions": sleep,
            "ratelimit": options.rate_limit,
            "socket_timeout": options.timeout_seconds,
            "proxy": options.proxy,
            "cookiefile": None if options.cookies is None else _cookies(options.cookies),
        }


def _cookies(path: Path) -> io.StringIO:
    """A copy of the cookies: yt-dlp writes them back, from every thread."""
    try:
        return io.StringIO(decode_text(path.read_bytes()))
    except OSError as error:
        raise SourceError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: cannot be read (is not text)") from error


def _check_scheme(url: str) -> None:
    """Raise a SourceError unless an address is one of the web."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in SCHEMES:
        raise SourceError(f"{scheme or url}: is not fetched; give an address of http or https, or a file")


class _Response(Protocol):
    def close(self) -> None: ...


class _OpenResponses:
    """The open responses of yt-dlp, which does not close those of which it reads only the headers."""

    def __init__(self, urlopen: Callable[[object], _Response]) -> None:
        self._urlopen = urlopen
        self._responses: list[_Response] = []

    def open(self, request: object) -> _Response:
        from yt_dlp.networking.exceptions import HTTPError

        _check_scheme(str(getattr(request, "url", request)))
        try:
            response = self._urlopen(request)
        except HTTPError as error:
            self._responses.append(error.response)
            raise
        self._responses.append(response)
        return response

    def close_connections(self) -> None:
        while self._responses:
            self._responses.pop().close()


class _Log:
    """yt-dlp's messages, kept from the screen."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self.last_error = ""
        self.wants_javascript = False

    def debug(self, message: str) -> None:
        """Ignored."""

    def warning(self, message: str) -> None:
        self.wants_javascript |= "JavaScript runtime" in message
        if "generic information extractor" not in message and "direct video link" not in message:
            self._warn(" ".join(message.split()))

    def error(self, message: str) -> None:
        self.last_error = " ".join(message.removeprefix("ERROR:").split())


def yt_dlp_version() -> str:
    """Give the version of the installed yt-dlp."""
    from yt_dlp.version import __version__

    return str(__version__)


def _is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed: after a lost connection it may, at a dead link not."""
    from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError, TransportError
    from yt_dlp.utils import ContentTooShortError

    for cause in causes(error):
        if isinstance(cause, HTTPError):
            return cause.status in TRANSIENT
        if isinstance(cause, CertificateVerifyError):
            return False
        if isinstance(cause, TransportError | ContentTooShortError | ConnectionError | TimeoutError):
            return True
    return _BROKE_OFF in str(error)  # yt-dlp gives no cause here
