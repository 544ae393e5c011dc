"""The HTTP API: request in, response out, using only the ports. The composition roots serve it."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from processor.api.fetching import Fetching
from processor.api.records import Records, running_status
from processor.api.requests import BadRequest, Refused, check_texts
from processor.ports import Conflict, Full, LimitExceeded, NotFound, Unavailable
from schemas.tokens import Claims, TokenScope, is_secret, read_token

MAX_BODY_BYTES: Final = 1_000_000
ANYTHING: Final = Claims("", frozenset(TokenScope))
"""What the service's own token allows, for every user."""


Body = Callable[[], Awaitable[bytes | None]]
"""Reads a request's body; returns None if it exceeds MAX_BODY_BYTES."""


async def no_body() -> bytes:
    """Read the body of a request that has none."""
    return b""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `path` is still percent-encoded. The body is only read once the token and path are right."""

    method: str
    path: str
    token: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Body = no_body


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response whose body is JSON."""

    status: int
    body: Mapping[str, Any]

    def encode(self) -> bytes:
        """Return the body's bytes."""
        return json.dumps(self.body, separators=(",", ":")).encode()


Handler = Callable[[str, str, Request], Awaitable[Mapping[str, Any]]]


def problem(status: int, code: str, sentence: str) -> Response:
    """Return a response that says in one sentence what is wrong."""
    return Response(status, {"error": sentence, "code": code})


class Api:
    """Answers requests. It keeps no state between them."""

    def __init__(self, fetching: Fetching, records: Records, *, secrets: Sequence[str], version: str) -> None:
        """Accept these secrets, usually the current and the previous one, and tokens made from them."""
        self._fetching = fetching
        self._records = records
        self._secrets = secrets
        self._version = version
        read, mine, erase = TokenScope.READ, TokenScope.MINE, TokenScope.ERASE
        self._routes: dict[tuple[str, str], tuple[TokenScope, Handler]] = {
            ("POST", "minings"): (mine, self._begin),
            ("GET", "minings"): (read, self._minings),
            ("GET", "minings/*"): (read, self._status),
            ("POST", "minings/*/renew"): (mine, self._renew),
            ("POST", "minings/*/fetched"): (mine, self._fetched),
            ("GET", "minings/*/report"): (read, self._report),
            ("POST", "minings/*/cancel"): (mine, self._cancel),
            ("POST", "minings/*/retry"): (mine, self._retry),
            ("GET", "contacts"): (read, self._contacts),
            ("GET", "contacts/*"): (read, self._contact),
            ("GET", "total"): (read, self._total),
            ("GET", "address"): (read, self._address),
            ("GET", "suppressions"): (read, self._suppressions),
            ("POST", "erase"): (erase, self._erase),
            ("POST", "allow"): (erase, self._allow),
        }

    async def answer(self, request: Request) -> Response:
        """Answer one request. Faults of the caller and failures of databases become responses, not exceptions."""
        try:
            return await self._route(request)
        except BadRequest as error:
            return problem(400, "request", str(error))
        except NotFound:
            return problem(
                404, "unknown", "Not found: this user has no such mining or contact, or the API has no such path."
            )
        except Refused as error:
            return problem(409, error.code, str(error))
        except Conflict:
            return problem(409, "again", "Something else changed this mining at the same time: try again.")
        except LimitExceeded:
            return problem(400, "limit", "The request is too large: send or ask for less at once.")
        except Full:
            return problem(507, "full", "The database has reached its limit of size: try again later.")
        except Unavailable:
            return problem(503, "unavailable", "The database, queue or store does not answer now: try again later.")

    async def _route(self, request: Request) -> Response:
        pieces = [unquote(piece) for piece in request.path.strip("/").split("/")]
        if pieces == ["health"]:
            return Response(200, {"status": "ok", "version": self._version})
        claims = self._claims(request.token)
        if claims is None:
            return problem(401, "token", "A valid token is required: send the header Authorization: Bearer …")
        if (request.method, pieces) == ("GET", ["ready"]):
            return Response(200, await self._records.ready() | {"version": self._version})
        if len(pieces) < 3 or pieces[0] != "users" or claims.user not in ("", pieces[1]) or not pieces[1]:
            raise NotFound
        check_texts({"The path": pieces, **request.query})
        shape = "/".join("*" if at == 1 else piece for at, piece in enumerate(pieces[2:]))
        if (request.method, shape) not in self._routes:
            raise NotFound
        scope, handler = self._routes[request.method, shape]
        if scope not in claims.scopes:
            return problem(403, "scope", f"The token does not allow this: use one with the scope {scope}.")
        return Response(200, await handler(pieces[1], pieces[3] if len(pieces) > 3 else "", request))

    def is_operator(self, token: str) -> bool:
        """Return whether this is the service's own token."""
        return is_secret(token, self._secrets)

    def _claims(self, token: str) -> Claims | None:
        return ANYTHING if is_secret(token, self._secrets) else read_token(token, self._secrets)

    async def _begin(self, user: str, _: str, request: Request) -> Mapping[str, Any]:
        return await self._fetching.begin(user, await body_of(request))

    async def _renew(self, user: str, mining: str, request: Request) -> Mapping[str, Any]:
        renewed = await self._fetching.renew(user, mining, await body_of(request))
        if renewed is None:
            return await self._records.status(user, mining)
        return running_status(renewed.mining, renewed.totals, renewed.chunks_refined).to_json()

    async def _fetched(self, user: str, mining: str, request: Request) -> Mapping[str, Any]:
        await self._fetching.fetched(user, mining, await body_of(request))
        return await self._records.status(user, mining)

    async def _cancel(self, user: str, mining: str, request: Request) -> Mapping[str, Any]:
        await self._fetching.cancel(user, mining, await body_of(request))
        return await self._records.status(user, mining)

    async def _retry(self, user: str, mining: str, _: Request) -> Mapping[str, Any]:
        return {"retried": await self._fetching.retry(user, mining)}

    async def _status(self, user: str, mining: str, _: Request) -> Mapping[str, Any]:
        return await self._records.status(user, mining)

    async def _minings(self, user: str, _: str, __: Request) -> Mapping[str, Any]:
        return {"minings": await self._records.all(user)}

    async def _report(self, user: str, mining: str, _: Request) -> Mapping[str, Any]:
        return await self._records.report(user, mining)

    async def _contacts(self, user: str, _: str, request: Request) -> Mapping[str, Any]:
        return await self._records.contacts(user, request.query)

    async def _contact(self, user: str, address: str, _: Request) -> Mapping[str, Any]:
        return await self._records.contact(user, address)

    async def _total(self, user: str, _: str, request: Request) -> Mapping[str, Any]:
        return await self._records.total(user, request.query)

    async def _address(self, user: str, _: str, request: Request) -> Mapping[str, Any]:
        return await self._records.address(user, request.query)

    async def _suppressions(self, user: str, _: str, __: Request) -> Mapping[str, Any]:
        return await self._records.suppressions(user)

    async def _allow(self, user: str, _: str, request: Request) -> Mapping[str, Any]:
        return await self._records.allow(user, await body_of(request))

    async def _erase(self, user: str, _: str, request: Request) -> Mapping[str, Any]:
        return await self._records.erase(user, await body_of(request))


async def body_of(request: Request) -> Mapping[str, Any]:
    """Return the JSON object in a request's body; raise BadRequest or LimitExceeded."""
    body = await request.body()
    if body is None:
        raise LimitExceeded("the body is too large")
    try:
        fields = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON.") from error
    if not isinstance(fields, dict):
        raise BadRequest("The body is not a JSON object.")
    check_texts(fields)
    return fields
