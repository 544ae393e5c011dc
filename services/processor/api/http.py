"""The API over HTTP in the container: Starlette around `Api.answer`, uvicorn around Starlette.

uvicorn holds at most 64 KiB of a body that is not read, and drops the rest once the request is answered.
"""

import contextlib
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from processor.api.routes import MAX_BODY_BYTES, Api, Request, Response, problem

log = structlog.get_logger()

KEEP_ALIVE_SECONDS = 30


class Server(uvicorn.Server):
    """uvicorn on a socket that is already open. It leaves signals to the composition root."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit` is set."""
        await super().serve(sockets or [self._listening])


def serve_api(api: Api, *, listen: str) -> Server:
    """Return a server for the API on `host:port`, or on `fd:N`, an inherited listening socket."""

    async def answer(request: HttpRequest) -> HttpResponse:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        asked = Request(
            method=request.method,
            path=request.scope.get("raw_path", b"").decode("ascii", "replace"),
            token=token.strip() if scheme.lower() == "bearer" else "",
            query=dict(request.query_params),
            body=lambda: read_body(request),
        )
        response = await answer_whatever_happens(api, asked)
        return HttpResponse(response.encode(), status_code=response.status, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    return Server(config, open_socket(listen))


async def answer_whatever_happens(api: Api, asked: Request) -> Response:
    """Answer the request even after an unexpected error. Log only its class, since its text could contain mail."""
    try:
        return await api.answer(asked)
    except Exception as error:
        log.error("request failed", error=type(error).__name__)
        return problem(500, "error", "An unexpected error occurred: check the processor's log.")


async def read_body(request: HttpRequest) -> bytes | None:
    """Return a request's body, or None if it is larger than MAX_BODY_BYTES."""
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > MAX_BODY_BYTES:
            return None
    return bytes(out)


def open_socket(listen: str) -> socket.socket:
    """Return a listening socket for `host:port` (`[::1]:8080` for IPv6) or `fd:N`."""
    kind, _, rest = listen.partition(":")
    if kind == "fd":
        return socket.socket(fileno=int(rest))
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family, reuse_port=False)
