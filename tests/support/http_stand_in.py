"""An HTTP server on loopback for stand-ins of external services: one function answers all requests."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Self


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: method, path with query, headers by lower-case name, and body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpStandIn:
    """The server, with TLS if it has a context; use it as a context manager."""

    def __init__(self, answer: Callable[[Asked], Answer], *, tls: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = b"".join(_chunks(self.rfile)) if self.headers.get("Transfer-Encoding") else self._read_all()
                headers = {name.lower(): value for name, value in self.headers.items()}
                found = answer(Asked(self.command, self.path, headers, body))
                self.send_response(found.status)
                for name, value in {**found.headers, "Content-Length": str(len(found.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found.body)

            def _read_all(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_any  # noqa: N815 (the names of the library)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def host(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _chunks(body: BufferedIOBase) -> Iterator[bytes]:
    """Yield the pieces of a chunked body."""
    while size := int(body.readline(), 16):
        yield body.read(size)
        body.readline()
    body.readline()
