"""The fetcher's HTTP service, protected by a token: start, show, cancel, retry and report minings, export contacts."""

import hmac
from asyncio import shield, wrap_future
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING, Any

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fetcher.contacts.csv import check_delimiter
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import read_contacts
from fetcher.contacts.selection import Selection
from fetcher.exits import Misuse
from fetcher.imap.source import mailbox_address
from fetcher.mining.outcome import Progress
from fetcher.ports import ENDED, check_user
from fetcher.service.answers import HEADERS, Problem, answer, refuse
from fetcher.service.orders import read_order
from fetcher.service.runs import Runs

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

log = structlog.get_logger()

MAX_BODY_BYTES = 1_000_000
"""The same limit as the processor's."""
PIECE_BYTES = 64 * 1024
"""An export is sent in pieces of about this size, because sending each contact separately costs too much."""
MEDIA = {
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.VCARD: ("text/vcard; charset=utf-8", "vcf"),
    Format.JSONL: ("application/jsonl; charset=utf-8", "jsonl"),
}
"""The media type and file extension of each format."""
NO_TOKEN = Problem(401, "token", "The service's token is missing or wrong: send it as Authorization: Bearer …")
NOT_THERE = Problem(404, "unknown", "This path does not exist: check the URL and the method.")
RESUME = "The service is not reading this mailbox: to resume, start a mining of the same source with its password."
Fields = dict[str, Any]
Handler = Callable[[Request, str], Awaitable[Response]]


class Service:
    """Answers requests about the minings of a stack. Everything except GET /health needs the token."""

    def __init__(self, stack: "Stack", runs: Runs, *, token: str) -> None:
        """Answer requests that carry `token`."""
        self._stack = stack
        self._processor = stack.processor
        self._runs = runs
        self._token = token.encode()

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path below `/users/{user}/`."""
        return {
            ("POST", "minings"): self._start,
            ("GET", "minings"): self._list,
            ("GET", "minings/{id}"): self._show,
            ("GET", "minings/{id}/report"): self._report,
            ("POST", "minings/{id}/cancel"): self._cancel,
            ("POST", "minings/{id}/retry"): self._retry,
            ("GET", "export"): self._export,
        }

    def app(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route(f"/users/{{user}}/{path}", self._guarded(handler), methods=[method])
            for (method, path), handler in self.routes().items()
        ]
        app = Starlette(
            routes=[Route("/health", self._health), *routes], exception_handlers={HTTPException: self._not_there}
        )
        app.router.redirect_slashes = False  # a redirect would be sent without checking the token
        return app

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a handler: check the token first, and turn any error into an answer with a sentence."""

        async def guarded(request: Request) -> Response:
            if not self._is_allowed(request):
                return refuse(NO_TOKEN)
            try:
                return await handler(request, check_user(request.path_params["user"]))
            except Exception as error:
                problem = Problem.of(error)
                if problem.way:
                    log.error("request failed", way=problem.way)
                return refuse(problem)

        return guarded

    def _is_allowed(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return hmac.compare_digest(token.strip().encode(), self._token) and scheme.lower() == "bearer"

    def _not_there(self, request: Request, _error: Exception) -> Response:
        """Answer requests that match no route."""
        return refuse(NOT_THERE if self._is_allowed(request) else NO_TOKEN)

    async def _health(self, _request: Request) -> Response:
        """Report that the service is up. The processor has its own health route."""
        return answer({"status": "ok", "version": version("leadminer")})

    async def _start(self, request: Request, user: str) -> Response:
        """Start a mining and answer once the processor has begun it, so that the caller learns of a refused login."""
        order, connector = read_order(await _read_body(request), user=user)
        run = self._runs.start(order, connector)
        if problem := await shield(wrap_future(run.begun)):
            return refuse(problem)
        return answer({"id": run.progress.mining, "resumed": run.progress.resumed}, status=202)

    async def _list(self, _request: Request, user: str) -> Response:
        under_way = self._runs.under_way(user)
        minings = await run_in_threadpool(self._processor.minings, user)
        return answer({"minings": [self._status(user, fields, under_way) for fields in minings]})

    async def _show(self, request: Request, user: str) -> Response:
        return await self._answer_status(self._processor.status_fields, request, user)

    async def _report(self, request: Request, user: str) -> Response:
        return answer(await _asked(self._processor.report, request, user))

    async def _cancel(self, request: Request, user: str) -> Response:
        return await self._answer_status(self._processor.cancel, request, user)

    async def _retry(self, request: Request, user: str) -> Response:
        return answer({"retried": await _asked(self._processor.retry, request, user)})

    async def _export(self, request: Request, user: str) -> Response:
        """Export the contacts like `leadminer export`. If a later page cannot be read, the connection is cut off."""
        form, delimiter = _form(request.query_params)
        selection = Selection(source=mailbox_address(request.query_params.get("source")))
        contacts = read_contacts(self._processor, user, selection=selection)
        pieces = _joined(export_contacts(contacts, form, delimiter=delimiter))
        first = await run_in_threadpool(next, pieces)
        media, suffix = MEDIA[form]
        disposition = {"Content-Disposition": f'attachment; filename="contacts.{suffix}"'}
        return StreamingResponse(chain([first], pieces), media_type=media, headers=HEADERS | disposition)

    async def _answer_status(self, ask: Callable[..., Any], request: Request, user: str) -> Response:
        under_way = self._runs.under_way(user)
        return answer(self._status(user, await _asked(ask, request, user), under_way))

    def _status(self, user: str, fields: Fields, under_way: Mapping[str, Progress]) -> Fields:
        """Return the processor's status of a mining, plus what this service is doing with it.

        `run` is running (here), left (unfinished, but this service is not fetching it), waiting (for processors) or
        ended. Get `under_way` before asking the processor. Then a mining that ends in between shows as running, never
        as left, and a caller who sees `ended` can start the next mining of the source.
        """
        progress = under_way.get(fields["id"])
        problem = self._runs.problem(user, fields["id"])
        if progress is not None:
            run = "running"
        elif fields["state"] in ENDED:
            run = "ended"
        else:
            run = "left" if fields["state"] == "fetching" and not fields["cancelled"] else "waiting"
        return fields | {
            "run": run,
            "remark": RESUME if run == "left" else None,
            "progress": None if progress is None else asdict(progress),
            "trouble": None if problem is None or run == "ended" else problem.fields(),
        }


async def _asked(ask: Callable[..., Any], request: Request, user: str) -> Any:
    """Return the processor's answer about the mining in the path."""
    return await run_in_threadpool(partial(ask, user, mining=request.path_params["id"]))


async def _read_body(request: Request) -> bytes:
    """Return the body of a request; raise Misuse if it is too large."""
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > MAX_BODY_BYTES:
            raise Misuse(f"The body is larger than {MAX_BODY_BYTES} bytes: send fewer folders or addresses.")
    return bytes(out)


def _form(query: Mapping[str, str]) -> tuple[Format, str]:
    form = query.get("format", Format.CSV)
    if form not in [*Format]:
        raise Misuse(f"format is {form!r}: use one of {', '.join(Format)}.")
    try:
        return Format(form), check_delimiter(query.get("delimiter", ","))
    except ValueError as error:
        raise Misuse(f"delimiter is invalid: {error}.") from None


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join the pieces into larger ones and yield at least one; log a warning if the export breaks off midway."""
    out = bytearray()
    sent = False
    try:
        for piece in pieces:
            out += piece
            if len(out) >= PIECE_BYTES:
                sent = True
                yield bytes(out)
                out.clear()
    except Exception as error:
        if sent:
            problem = Problem.of(error)
            log.warning("export broken off", code=problem.code, way=problem.way)
        raise
    yield bytes(out)
