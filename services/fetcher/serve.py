"""The fetcher's HTTP service: it starts, shows, cancels, reports and exports minings for those who have its token."""

import hmac
from asyncio import wrap_future
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

from fetcher.answers import HEADERS, answer, not_there, problem, read_body, refusal, trouble_fields
from fetcher.contact_commands import PAGE, read_contacts
from fetcher.exits import Misuse, exit_of, translate
from fetcher.export import Format, check_delimiter, export_contacts
from fetcher.orders import read_order
from fetcher.reports import ENDED
from fetcher.runs import Runs
from fetcher.session import check_user

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

log = structlog.get_logger()

PIECE_BYTES = 64 * 1024
"""An export goes out in pieces of about this size: one a contact would cost more than the contact."""
MEDIA = {
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.VCARD: ("text/vcard; charset=utf-8", "vcf"),
    Format.JSONL: ("application/jsonl; charset=utf-8", "jsonl"),
}
"""Media type and file name's end of each format."""
RESUME = "Nobody here fetches it: start a mining of the same source again, with its password, to go on."
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
            ("GET", "contacts"): self._contacts,
            ("GET", "export"): self._export,
        }

    def app(self) -> Starlette:
        """Return the application that answers."""
        routes = [
            Route(f"/users/{{user}}/{path}", self._guarded(handler), methods=[method])
            for (method, path), handler in self.routes().items()
        ]
        return Starlette(
            routes=[Route("/health", self._health), *routes], exception_handlers={HTTPException: not_there}
        )

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return what asks for the token first, and turns what goes wrong into an answer of one sentence."""

        async def guarded(request: Request) -> Response:
            if not self._is_allowed(request):
                return problem(401, "token", "This needs the service's token: Authorization: Bearer …")
            try:
                return await handler(request, check_user(request.path_params["user"]))
            except Exception as error:
                return refusal(translate(error))

        return guarded

    def _is_allowed(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return hmac.compare_digest(token.strip().encode(), self._token) and scheme.lower() == "bearer"

    async def _health(self, _request: Request) -> Response:
        if self._runs.stopping:
            return problem(503, "stopping", "The service is stopping.")
        try:
            health = await run_in_threadpool(self._processor.health)
        except Exception as error:
            return refusal(translate(error))
        return answer({"status": "ok", "version": version("leadminer"), "processor": health.get("version")})

    async def _start(self, request: Request, user: str) -> Response:
        """Start a mining, and answer once the processor has begun it: until then the login may be refused."""
        order, connector = read_order(await read_body(request), user=user)
        run = self._runs.start(order, connector)
        await wrap_future(run.begun)
        if run.trouble is not None:
            raise run.trouble
        status = partial(self._processor.status_fields, user, mining=run.progress.mining)
        fields = self._status(user, await run_in_threadpool(status))
        return answer(fields | {"resumed": run.progress.resumed}, status=202)

    async def _list(self, _request: Request, user: str) -> Response:
        minings = await run_in_threadpool(self._processor.minings, user)
        return answer({"minings": [self._status(user, fields) for fields in minings]})

    async def _show(self, request: Request, user: str) -> Response:
        status = partial(self._processor.status_fields, user, mining=request.path_params["id"])
        return answer(self._status(user, await run_in_threadpool(status)))

    async def _report(self, request: Request, user: str) -> Response:
        return answer(await run_in_threadpool(self._processor.report, user, mining=request.path_params["id"]))

    async def _cancel(self, request: Request, user: str) -> Response:
        cancel = partial(self._processor.cancel, user, mining=request.path_params["id"])
        return answer(self._status(user, await run_in_threadpool(cancel)))

    async def _contacts(self, request: Request, user: str) -> Response:
        query = request.query_params
        source, after, limit = query.get("source"), query.get("after"), query.get("limit", str(PAGE))
        if not limit.isdecimal():
            raise Misuse(f"limit is {limit!r}: it may be a number from 1 to {PAGE}.")
        page = partial(self._processor.contacts, user, source=source, after=after, limit=int(limit))
        contacts, cursor = await run_in_threadpool(page)
        return answer({"contacts": contacts, "after": cursor})

    async def _export(self, request: Request, user: str) -> Response:
        """Export the contacts as `leadminer export` does; where a later page cannot be read, the answer is cut off."""
        form, delimiter = _form(request.query_params)
        contacts = read_contacts(self._stack, user, request.query_params.get("source"))
        pieces = _joined(export_contacts(contacts, form, delimiter=delimiter))
        first = await run_in_threadpool(next, pieces, b"")
        media, suffix = MEDIA[form]
        disposition = {"Content-Disposition": f'attachment; filename="contacts.{suffix}"'}
        return StreamingResponse(chain([first], pieces), media_type=media, headers=HEADERS | disposition)

    def _status(self, user: str, fields: Fields) -> Fields:
        """Return the processor's status of a mining, and what this service does about it.

        `run` is running (here), left (unfinished, and nobody here fetches it), waiting (for processors) or ended.
        """
        progress = self._runs.progress(user, fields["id"])
        trouble = self._runs.trouble(user, fields["id"])
        run = "waiting" if progress is None else "running"
        if fields["state"] in ENDED:
            run = "ended"
        elif progress is None and fields["state"] == "fetching" and not fields["cancelled"]:
            run = "left"
        return fields | {
            "run": run,
            "remark": RESUME if run == "left" else None,
            "progress": None if progress is None else asdict(progress),
            "trouble": None if trouble is None or run == "ended" else trouble_fields(trouble),
        }


def _form(query: Mapping[str, str]) -> tuple[Format, str]:
    form = query.get("format", Format.CSV)
    if form not in [*Format]:
        raise Misuse(f"format is {form!r}: it may be one of {', '.join(Format)}.")
    try:
        return Format(form), check_delimiter(query.get("delimiter", ","))
    except ValueError as error:
        raise Misuse(f"In delimiter, {error}.") from None


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces in larger ones; say that it is broken off where one cannot be had."""
    out = bytearray()
    try:
        for piece in pieces:
            out += piece
            if len(out) >= PIECE_BYTES:
                yield bytes(out)
                out.clear()
    except Exception as error:
        log.warning("export broken off", exit=exit_of(translate(error)).name.lower())
        raise
    yield bytes(out)
