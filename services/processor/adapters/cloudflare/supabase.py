"""The permanent side in Supabase: the functions of the schema `leadminer`, called through PostgREST."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from processor.ports import Conflict, LimitExceeded, Unavailable

SCHEMA: Final = "leadminer"
SCHEMA_VERSION: Final = "0007_access"
"""The newest migration that the processor needs."""
TIMEOUT_SECONDS: Final = 30.0
"""Beyond Supabase's own limit of 8 seconds a statement (its guide on database timeouts, 2026-11)."""

_JSON: Final = frozenset({"contacts", "ledger", "receipt", "after"})
"""Arguments of the type jsonb: a text there is JSON already."""
_WAITING_HELPS: Final = frozenset({401, 403, 404, 406, 408, 425, 429})
"""Beside 5xx. A wrong key, a schema that is not exposed, a function that is missing: until somebody sees to it."""


class HttpResponse(Protocol):
    """What is read of an answer."""

    status: int

    async def text(self) -> str:
        """Return the body."""


Fetch = Callable[..., Awaitable[HttpResponse]]
"""Takes the URL, and as keywords method, headers and body."""


class SupabaseContactStore:
    """`ContactStore` over PostgREST's RPC, for one invocation; refuses to work on an older schema."""

    def __init__(self, url: str, key: str, *, fetch: Fetch, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Use the project at `url`; a call that is silent for `timeout_seconds` is given up, and its connection too."""
        self._url = f"{url.rstrip('/')}/rest/v1/rpc/"
        self._headers = {
            "apikey": key,
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Content-Profile": SCHEMA,
        }
        self._fetch = fetch
        self._timeout_seconds = timeout_seconds
        self._is_checked = False

    async def call(self, function: str, **arguments: Any) -> Any:
        """Run one function in a transaction of its own and return what it returns, as JSON values.

        For a `jsonb` argument a text is taken as JSON text already. Raises Unavailable, Conflict or LimitExceeded.
        """
        if not self._is_checked:
            await self._check_schema()
        return await self._ask(function, **arguments)

    async def _check_schema(self) -> None:
        version = str(await self._ask("schema_version") or "")
        if version < SCHEMA_VERSION:
            raise Unavailable(f"Supabase's schema is {version or 'none'}: apply its migrations up to {SCHEMA_VERSION}")
        self._is_checked = True

    async def _ask(self, function: str, **arguments: Any) -> Any:
        body = encode(arguments)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._fetch(self._url + function, method="POST", headers=self._headers, body=body)
                status, text = int(response.status), await response.text()
            answer = json.loads(text) if 200 <= status < 300 and text else None
        except Exception as error:
            raise Unavailable("Supabase does not answer") from error
        if not 200 <= status < 300:
            raise translate(function, status)
        return answer


def encode(arguments: dict[str, Any]) -> str:
    """Return the arguments as the body of a call, without another pass over what is JSON already."""
    fields = (
        f"{json.dumps(name)}:{value if name in _JSON and isinstance(value, str) else json.dumps(value)}"
        for name, value in arguments.items()
    )
    return f"{{{','.join(fields)}}}"


def translate(function: str, status: int) -> Exception:
    """Return the port's error for an answer that is none; bodies are not repeated, they may hold addresses."""
    if status >= 500 or status in _WAITING_HELPS:
        return Unavailable(f"Supabase answers {function} with {status}")
    if status == 409:
        return Conflict(f"Supabase refuses {function}: something else was there first")
    if status == 413:
        return LimitExceeded(f"Supabase refuses {function}: the body is too large")
    return RuntimeError(f"Supabase answers {function} with {status}")
