"""The route that streams a mining's events, as Server-Sent Events."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fetcher.service.doors import Caller, Owner, Sender
from fetcher.service.problems import HEADERS
from fetcher.service.room import Here, JsonRoute
from fetcher.service.watches import ENDED, Watch

router = APIRouter(prefix="/users/{user}/minings/{id}", route_class=JsonRoute, tags=["Minings"])
HEARTBEAT_SECONDS = 15.0
"""Proxies cut a connection that says nothing for 30 to 60 seconds."""
HEARTBEAT = b": \n\n"
FIRST = b"retry: 3000\n\n"
"""How many milliseconds a browser waits before it connects again."""
STREAM_HEADERS = HEADERS | {"X-Accel-Buffering": "no"}
"""The last one is for nginx, which would keep events back otherwise."""


def as_json(fields: dict[str, Any]) -> str:
    """Return a state as one line of JSON."""
    return json.dumps(fields, separators=(",", ":"))


class EventStream(Response):
    """Sends the newest event of a watch until the last one, or until its caller is gone or may see no more.

    The server cuts a client that does not read (see TimedArrivals), which is then gone.
    """

    media_type = "text/event-stream"

    def __init__(
        self, watch: Watch, leave: Callable[[], Any], *, until: float, render: Callable[[dict[str, Any]], str]
    ) -> None:
        """Stream a watch that has an event, `until` this Unix time at most, and call `leave` at the end."""
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._watch, self._leave, self._until, self._render = watch, leave, until, render

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send(send, FIRST)
            await self._send_events(send, gone)
            await self._send(send, b"", more=False)
        finally:
            gone.cancel()
            await self._leave()

    async def _send_events(self, send: Send, gone: "asyncio.Future[None]") -> None:
        sent = None
        while not gone.done() and (left := self._until - time.time()) > 0:
            changed, event = self._watch.changed, self._watch.latest
            if event is not None and event is not sent:
                sent = event
                await self._send(send, event.frame(self._render))
                if event.last:
                    return
                continue
            pause = min(HEARTBEAT_SECONDS, left)
            if not (await asyncio.wait((changed, gone), timeout=pause, return_when="FIRST_COMPLETED"))[0]:
                await self._send(send, HEARTBEAT)

    async def _send(self, send: Send, data: bytes, *, more: bool = True) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": more})


async def open_stream(
    watching: AbstractAsyncContextManager[Watch],
    caller: Caller,
    *,
    render: Callable[[dict[str, Any]], str] = as_json,
) -> EventStream:
    """Return the stream of a watch for as long as the caller may see it; raise what the first poll raises."""
    watch = await watching.__aenter__()
    return EventStream(watch, lambda: watching.__aexit__(None, None, None), until=caller.expires_at, render=render)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {EventStream.media_type: {}}}})
async def events(
    user: Owner,
    id: Annotated[str, Path(description="the mining's id")],  # noqa: A002 - the name in the path
    here: Here,
    sender: Sender,
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """Stream the mining's status as Server-Sent Events: each `state` is the whole of it, the last event is `ended`.

    An event is what `GET /users/{user}/minings/{id}` returns, with `rate` (messages per second), `seconds_left` (of
    this stage) and, at the end, `totals`: `contacts`, `new` and `reachable`. `stopping` says that the service stops.
    The stream breaks off when the caller's token expires.
    """
    if last_event_id == ENDED:
        return Response(status_code=204)  # a browser that had the last event does not connect again
    return await open_stream(here.watches.watching(user, id), sender)
