"""Bounds of every request: its size, and that its path and query are UTF-8."""

from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fetcher.service.problems import MAX_BODY_BYTES, TOO_LARGE, Problem, refuse

NOT_TEXT = Problem(400, "request", "The URL is not UTF-8: percent-encode its text as UTF-8.")


class Bounds:
    """Middleware that refuses what is too large or is no text. It answers HEAD with the head of the answer to GET."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it keeps within the bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not (_is_text(scope.get("raw_path") or b"") and _is_text(scope["query_string"])):
            await refuse(NOT_TEXT)(scope, receive, send)
        elif _length(scope) > MAX_BODY_BYTES:
            await refuse(TOO_LARGE)(scope, receive, send)
        else:
            is_head = scope["method"] == "HEAD"
            method = "GET" if is_head else scope["method"]
            await self._pass_on({**scope, "method": method}, receive, _only_head(send) if is_head else send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES:
                raise HTTPException(TOO_LARGE.status)
            return message

        await self._app(scope, bounded, send)


def _only_head(send: Send) -> Send:
    """Return what ends an answer after its head. For the application, its caller is then gone: a stream ends too."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body"})

    return send_head


def _length(scope: Scope) -> int:
    """Return the length of the body that a request announces, 0 if it announces none."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def _is_text(quoted: bytes) -> bool:
    try:
        unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        return False
    return True
