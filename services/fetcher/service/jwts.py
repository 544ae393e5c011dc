"""JWTs of Supabase's users. The key decides how a token must be signed, and the token only says which key."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jwt
import structlog

from fetcher.ports import Unavailable
from schemas.tokens import Claims, TokenScope

log = structlog.get_logger()

AUDIENCE = "authenticated"
"""What Supabase writes for a user that has signed in (supabase.com/docs/guides/auth/jwt-fields, 2026-11)."""
LEEWAY_SECONDS = 10
ASK_SECONDS = 60.0
"""The keys are asked for at most so often, whatever the tokens say."""
FRESH_SECONDS = 600.0
"""Then known keys are asked for again, beside the requests, because one may have been revoked."""
MOST_KEYS = 100
ALGORITHMS = {("EC", "P-256"): "ES256", ("RSA", None): "RS256"}


class Key(NamedTuple):
    """A key, and the only algorithm that it verifies."""

    algorithm: str
    key: Any


class Jwts:
    """Verifies the tokens of one Supabase project. It belongs to one event loop."""

    def __init__(
        self,
        project: str,
        fetch: Callable[[str], Iterable[Mapping[str, Any]]],
        *,
        secret: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the project's URL, what fetches its JWK set, and the secret of HS256 if the project still uses it."""
        self._issuer = f"{project.rstrip('/')}/auth/v1"
        self._fetch = fetch
        self._secret = Key("HS256", secret) if secret else None
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._reached = False
        self._ask_from = self._fresh_until = -ASK_SECONDS
        self._asking = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def claims_of(self, token: str) -> Claims | None:
        """Return the user of a valid token and its end, or else None; raise Unavailable if its key cannot be read."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._secret if header.get("alg") == "HS256" else await self._find(header.get("kid"))
            if key is None:
                return None
            found = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["aud", "exp", "iss", "sub"]},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return Claims(str(found["sub"]), frozenset(TokenScope), float(found["exp"])) if found["sub"] else None

    async def _find(self, kid: object) -> Key | None:
        if not isinstance(kid, str):
            return None
        if kid not in self._keys:
            await self._ask()
        elif self._clock() >= max(self._fresh_until, self._ask_from) and not self._asking.locked():
            self._refresh = asyncio.create_task(self._ask())
        key = self._keys.get(kid)
        if key is None and not self._reached:
            raise Unavailable("The keys that verify your token cannot be read now: try again later.")
        return key

    async def _ask(self) -> None:
        async with self._asking:
            if self._clock() < self._ask_from:
                return
            self._ask_from = self._clock() + ASK_SECONDS
            try:
                keys = await asyncio.to_thread(self._fetch, f"{self._issuer}/.well-known/jwks.json")
            except Unavailable:
                self._reached = False
                log.warning("keys unavailable", known=len(self._keys))
                return
            self._keys = read_keys(keys)
            self._reached = True
            self._fresh_until = self._clock() + FRESH_SECONDS


def read_keys(found: Iterable[Mapping[str, Any]]) -> dict[str, Key]:
    """Return the keys for ES256 and RS256 by their id. All others are left out: a public key never verifies HS256."""
    return {kid: key for each in list(found)[:MOST_KEYS] for kid, key in _read_key(each)}


def _read_key(found: Mapping[str, Any]) -> Iterator[tuple[str, Key]]:
    try:
        kid, algorithm = found["kid"], ALGORITHMS[found["kty"], found.get("crv")]
        if isinstance(kid, str) and found.get("alg", algorithm) == algorithm and found.get("use", "sig") == "sig":
            yield kid, Key(algorithm, jwt.PyJWK.from_dict(dict(found), algorithm).key)
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        return
