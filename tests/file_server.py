"""A server on this machine for files, with the faults of servers."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40  # of every repository, for clients of a model hub


@dataclass
class Site:
    """The files by path, the requests so far (method, path, range), and where to break off."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    cut: int = 0  # bytes after which the next answer ends
    ranges: bool = True
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        site, span = self.site, self.headers.get("Range", "")
        site.requests.append((self.command, self.path, span))
        content = site.files.get(self.path)
        if self.path in site.moved:
            self._head(302, {"Location": site.moved[self.path]})
        elif content is None:
            self.send_error(404)
        else:
            start = int(span[6:-1]) if span.endswith("-") and site.ranges else 0
            self._send(content, start, body)

    def _send(self, content: bytes, start: int, body: bool) -> None:
        if start and start >= len(content):
            self.send_error(416)
            return
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        headers = {"Content-Length": str(len(content) - start), "ETag": etag}
        self._head(206 if start else 200, headers | {"X-Repo-Commit": COMMIT})
        end = start + self.site.cut if self.site.cut else len(content)
        if body:
            self.site.cut = 0
            self.wfile.write(content[start:end])

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Site]:
    """The files under `url`, while the server runs."""
    site = Site(files)
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
