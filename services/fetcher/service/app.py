"""The fetcher's HTTP service: it starts, shows, cancels, reports and exports minings for those who have its token."""

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
"""As much as the processor takes."""
PIECE_BYTES = 64 * 1024
"""An export goes out in pieces of about this size: one a contact would cost more than the contact."""
MEDIA = {
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.VCARD: ("text/vcard; charset=utf-8", "vcf"),
    Format.JSONL: ("application/jsonl; charset=utf-8", "jsonl"),
}
"""Media type and file name's end of each format."""
NO_TOKEN = Problem(401, "token", "This needs the service's token: Authorization: Bearer …")
NOT_THERE = Problem(404, "unknown", "There is no such thing here.")
RESUME = "This service does not fetch it: start a mining of the same source again, with its password, to go on."
Fields = dict[str, Any]
Handler = Callable[[Request, str], Awaitable[Response]]


class Service:
    """Answers requests about the minings of a stack. Everything but GET /health needs the token."""

    def __init__(self, stack: "Stack", runs: Runs, *, token: str) -> None:
        """Answer those who send `token`."""
        self._stack = stack
        self._processor = stack.processor
        self._runs = runs
        self._token = token.encode()

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Return what is answered, by method and path below a user."""
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
        """Return the application that answers."""
        routes = [
            Route(f"/users/{{user}}/{path}", self._guarded(handler), methods=[method])
            for (method, path), handler in self.routes().items()
        ]
        app = Starlette(
            routes=[Route("/health", self._health), *routes], exception_handlers={HTTPException: self._not_there}
        )
        app.router.redirect_slashes = False  # it would answer without asking for the token
        return app

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return what asks for the token first, and turns what goes wrong into an answer of one sentence."""

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
        """Answer what no route is for."""
        return refuse(NOT_THERE if self._is_allowed(request) else NO_TOKEN)

    async def _health(self, _request: Request) -> Response:
        """Say that the service answers. The processor's health is its own: it answers for itself."""
        return answer({"status": "ok", "version": version("leadminer")})

    async def _start(self, request: Request, user: str) -> Response:
        """Start a mining, and answer once the processor has begun it: until then the login may be refused."""
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
        """Export the contacts as `leadminer export` does; where a later page cannot be read, the answer is cut off."""
        form, delimiter = _form(request.query_params)
        contacts = read_contacts(self._processor, user, source=mailbox_address(request.query_params.get("source")))
        pieces = _joined(export_contacts(contacts, form, delimiter=delimiter))
        first = await run_in_threadpool(next, pieces)
        media, suffix = MEDIA[form]
        disposition = {"Content-Disposition": f'attachment; filename="contacts.{suffix}"'}
        return StreamingResponse(chain([first], pieces), media_type=media, headers=HEADERS | disposition)

    async def _answer_status(self, ask: Callable[..., Any], request: Request, user: str) -> Response:
        under_way = self._runs.under_way(user)
        return answer(self._status(user, await _asked(ask, request, user), under_way))

    def _status(self, user: str, fields: Fields, under_way: Mapping[str, Progress]) -> Fields:
        """Return the processor's status of a mining, and what this service does about it.

        `run` is running (here), left (unfinished, and this service does not fetch it), waiting (for processors) or
        ended. `under_way` was asked for before the processor was: what ended in between is still running, never left,
        and who reads that it has ended may start the next of its source.
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
    """Return what the processor says of the mining that the path names."""
    return await run_in_threadpool(partial(ask, user, mining=request.path_params["id"]))


async def _read_body(request: Request) -> bytes:
    """Return a request's body; raise Misuse where it is larger than we take."""
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > MAX_BODY_BYTES:
            raise Misuse(f"The body is larger than {MAX_BODY_BYTES} bytes: name fewer folders or addresses.")
    return bytes(out)


def _form(query: Mapping[str, str]) -> tuple[Format, str]:
    form = query.get("format", Format.CSV)
    if form not in [*Format]:
        raise Misuse(f"format is {form!r}: it may be one of {', '.join(Format)}.")
    try:
        return Format(form), check_delimiter(query.get("delimiter", ","))
    except ValueError as error:
        raise Misuse(f"In delimiter, {error}.") from None


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces in larger ones, one at least; say that it is broken off where one cannot be had."""
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
