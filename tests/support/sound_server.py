"""A real HTTP server on the loopback address that serves sound files, with faults on request."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BLOCK = 16384


@dataclass
class Served:
    """The content of one path and the faults of the server there."""

    content: bytes = b""
    kind: str = "audio/wav"
    status: int = 200
    refusals: int = 0  # number of requests answered with `status`, then with 200; 0: all of them
    location: str | None = None
    declared: int | None = None  # Content-Length, if it is wrong
    ranges: bool = True  # whether requests for a part are answered
    break_off: list[int] = field(default_factory=list)  # bytes after which each answer breaks off; -1 never
    delay: float = 0.0  # seconds before it answers
    slow: float = 0.0  # seconds between blocks


class SoundServer:
    """Serves `files` by path and keeps a list of the requests."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, str | None]] = []  # path and Range
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                """Ignore clients that close the connection: they are part of the test."""

        self._http = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, path: str, content: bytes = b"", kind: str = "audio/wav", **how: Any) -> str:
        """Serve `content` at `path`; gives its address."""
        self.files[path] = Served(content, kind, **how)
        return f"http://127.0.0.1:{self._http.server_port}{path}"

    def asked(self, path: str) -> list[str | None]:
        """The requested ranges of a path, in order; None is the whole file."""
        return [ranges for asked, ranges in self.requests if asked == path]

    def close(self) -> None:
        """Stop the server."""
        self._http.shutdown()
        self._http.server_close()

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        """Answer a request as `files` describes."""
        with self._lock:
            self.requests.append((to.path, to.headers.get("Range")))
        file = self.files.get(to.path) or Served(b"gone", "text/plain", 404)
        time.sleep(file.delay)
        status = file.status
        if file.refusals:
            file.refusals -= 1
            file.status = status if file.refusals else 200
        begin = re.fullmatch(r"bytes=(\d+)-", to.headers.get("Range") or "") if file.ranges and status == 200 else None
        first = int(begin[1]) if begin else 0
        size = len(file.content)
        status = 416 if begin and first >= size else 206 if begin else status
        body = b"" if status == 416 else file.content[first:]
        to.send_response(status)
        if begin:
            to.send_header("Content-Range", f"bytes */{size}" if status == 416 else f"bytes {first}-{size - 1}/{size}")
        if file.location:
            to.send_header("Location", file.location)
        to.send_header("Content-Type", file.kind)
        to.send_header("Content-Length", str(len(body) if file.declared is None else file.declared))
        to.end_headers()
        limit = file.break_off.pop(0) if file.break_off else -1
        body = body if limit < 0 else body[:limit]
        for at in range(0, len(body), BLOCK):
            to.wfile.write(body[at : at + BLOCK])
            time.sleep(file.slow)
        if limit >= 0 or file.declared is not None:
            to.close_connection = True


@contextmanager
def serving() -> Iterator[SoundServer]:
    """A server that runs for the length of a `with` block."""
    server = SoundServer()
    try:
        yield server
    finally:
        server.close()
