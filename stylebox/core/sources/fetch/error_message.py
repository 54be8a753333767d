"""One-line messages for errors of a download. Knows no downloader."""

import re
from collections.abc import Iterator

_REASONS = {
    401: "asks for a login (HTTP 401); try --cookies",
    403: "refuses (HTTP 403); try --cookies, or another link",
    404: "has no such file (HTTP 404); the link is dead, find another",
    410: "has removed it (HTTP 410); find another link",
    429: "wants fewer requests (HTTP 429); wait, then use --jobs 1 and --rate-limit",
}


def error_message(error: Exception, wants_javascript: bool = False) -> str:
    """Describe an error of yt-dlp in one line that suggests a fix.

    Args:
        error: The error; the errors that caused it are searched for an HTTP status.
        wants_javascript: Whether yt-dlp warned that the site needs a JavaScript runtime.
    """
    for cause in causes(error):
        status = getattr(cause, "status", None)
        if isinstance(status, int):
            reason = _REASONS.get(status, f"answers HTTP {status}; try again later, or another link")
            return f"the server {reason}"
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    text = re.sub(r"^ERROR:\s*|\s*\(caused by .*$|;? ?please report this issue.*$", "", text, flags=re.S)
    text = " ".join(text.split()) or type(error).__name__
    if "Unsupported URL" in text:
        return "is a page in which no recording was found; link the file itself"
    if "Did not get any data" in text:
        return "the server sent an empty file (0 bytes); find another link"
    if missing := re.search(r"(\d+) more expected", text):
        return f"the connection broke off {size_text(int(missing[1]))} before the end; run it again to resume"
    if wants_javascript:
        return f"{text}; this site needs a JavaScript runtime: install deno"
    return text


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and every error that led to it."""
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


def size_text(count: float) -> str:
    """Write a number of bytes with a unit.

    >>> size_text(1_234_567)
    '1.23 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
