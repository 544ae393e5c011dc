"""The API over HTTP in the container: Starlette around `Api.answer`, uvicorn around Starlette.

uvicorn holds at most 64 KiB of a body that is not read, and drops the rest once the request is answered.
"""

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from processor.api.routes import MAX_BODY_BYTES, Api, Request, Response, problem

log = structlog.get_logger()

KEEP_ALIVE_SECONDS = 30
LOOPBACK = ("127.0.0.1", "::1")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""What proxies add. Behind one, a peer on loopback says nothing about the caller."""
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The text format of Prometheus (prometheus.io/docs/instrumenting/exposition_formats, 2026)."""


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


def serve_api(api: Api, *, listen: str, metrics: Callable[[], Awaitable[bytes]] | None = None) -> Server:
    """Return a server for the API, and for the metrics if there are any, on `host:port`, or on `fd:N`."""

    async def answer(request: HttpRequest) -> HttpResponse:
        if metrics is not None and (request.method, request.url.path) == ("GET", "/metrics"):
            return await _show_metrics(request, api, metrics)
        asked = Request(
            method=request.method,
            path=request.scope.get("raw_path", b"").decode("ascii", "replace"),
            token=_token_of(request),
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


async def _show_metrics(request: HttpRequest, api: Api, metrics: Callable[[], Awaitable[bytes]]) -> HttpResponse:
    """Answer the operator, who has the service's token or asks on this machine, not through a proxy."""
    peer = request.client.host if request.client else ""
    here = peer in LOOPBACK and not any(name in request.headers for name in FORWARDED)
    if not here and not api.is_operator(_token_of(request)):
        refusal = problem(401, "token", "The metrics are for the service's token, or for callers on this machine.")
        return HttpResponse(refusal.encode(), status_code=refusal.status, media_type="application/json")
    return HttpResponse(await metrics(), media_type=METRICS_TYPE)


def _token_of(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


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
