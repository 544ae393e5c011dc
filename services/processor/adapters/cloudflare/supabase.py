"""The permanent side in Supabase: the functions of schema `leadminer`, called through PostgREST."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from processor.adapters.cloudflare.versions import refuse_older
from processor.ports import Conflict, LimitExceeded, Unavailable
from schemas.supabase import key_headers

SCHEMA: Final = "leadminer"
SCHEMA_VERSION: Final = "0007_access"
"""The newest migration that the processor needs."""
TIMEOUT_SECONDS: Final = 30.0
"""Longer than Supabase's own limit for a statement, `SUPABASE_STATEMENT_SECONDS`."""

_JSON: Final = frozenset({"contacts", "ledger", "receipt", "after"})
"""Arguments of type jsonb: if one is a string, it is JSON already."""
_NO_SUCH_FUNCTION: Final = 404
"""PostgREST's status for a function that is missing, or that takes other arguments."""
_WAITING_HELPS: Final = frozenset({401, 403, 404, 406, 408, 425, 429})
"""Statuses worth waiting on, besides 5xx. A wrong key, an unexposed schema or a missing function can be fixed."""


class HttpResponse(Protocol):
    """The parts of an HTTP response that we read."""

    status: int

    async def text(self) -> str:
        """Return the body."""


Fetch = Callable[..., Awaitable[HttpResponse]]
"""Takes the URL, and the keywords `method`, `headers` and `body`."""


class SupabaseContactStore:
    """`ContactStore` over PostgREST's RPC. If a function is missing, the error says which migrations to apply."""

    def __init__(self, url: str, key: str, *, fetch: Fetch, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Use the project at `url`. A call without an answer for `timeout_seconds` is dropped, with its connection."""
        self._url = f"{url.rstrip('/')}/rest/v1/rpc/"
        self._headers = {
            "Content-Type": "application/json",
            "Content-Profile": SCHEMA,
            **key_headers(key),
        }
        self._fetch = fetch
        self._timeout_seconds = timeout_seconds

    async def call(self, function: str, **arguments: Any) -> Any:
        """Run one function in its own transaction and return its result as JSON values.

        A string for a `jsonb` argument is taken as JSON text. Raises Unavailable, Conflict or LimitExceeded.
        """
        status, answer = await self._ask(function, **arguments)
        if status == _NO_SUCH_FUNCTION:
            version_status, version = await self._ask("schema_version")
            if 200 <= version_status < 300:
                refuse_older("Supabase", version, needed=SCHEMA_VERSION)
        if not 200 <= status < 300:
            raise translate(function, status)
        return answer

    async def _ask(self, function: str, **arguments: Any) -> tuple[int, Any]:
        body = encode(arguments)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._fetch(self._url + function, method="POST", headers=self._headers, body=body)
                status, text = int(response.status), await response.text()
            return status, json.loads(text) if 200 <= status < 300 and text else None
        except Exception as error:
            raise Unavailable("Supabase does not answer") from error


def encode(arguments: dict[str, Any]) -> str:
    """Return the arguments as the body of a call, without encoding again those that are JSON already."""
    fields = (
        f"{json.dumps(name)}:{value if name in _JSON and isinstance(value, str) else json.dumps(value)}"
        for name, value in arguments.items()
    )
    return f"{{{','.join(fields)}}}"


def translate(function: str, status: int) -> Exception:
    """Return the port's error for an error status. The body is not repeated, because it may hold addresses."""
    if status >= 500 or status in _WAITING_HELPS:
        return Unavailable(f"Supabase answers {function} with {status}")
    if status == 409:
        return Conflict(f"Supabase refuses {function}: it conflicts with an earlier write")
    if status == 413:
        return LimitExceeded(f"Supabase refuses {function}: the body is too large")
    return RuntimeError(f"Supabase answers {function} with {status}")
