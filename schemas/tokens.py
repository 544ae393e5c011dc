"""Access tokens: a secret opens everything, and a token made from it opens one user's data, in part and for a time.

A token is `v1.USER.SCOPES.EXPIRY.MAC`: the user in base64url, the scopes joined by `-`, the expiry in Unix seconds, and
an HMAC-SHA256 of all that, in hex. It is safe in headers and URLs. The HMAC's key is derived from the secret, so that
nothing else computed from the same secret can pass for a token.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf

VERSION = "v1"
_LABEL = b"leadminer access token v1"


class TokenScope(StrEnum):
    """What a token allows."""

    READ = "read"
    """See minings, reports and contacts."""
    MINE = "mine"
    """Begin, fetch, cancel and retry minings."""
    ERASE = "erase"
    """Erase contacts, and let erased addresses come back."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose data it opens, what it allows there, and until when, in Unix seconds."""

    user: str
    scopes: frozenset[TokenScope]
    expires_at: float = inf


def make_token(secret: str, user: str, scopes: Iterable[TokenScope], expires_at: float) -> str:
    """Return a user's token under this secret, valid until `expires_at` in Unix seconds."""
    name = base64.urlsafe_b64encode(user.encode()).decode().rstrip("=")
    signed = f"{VERSION}.{name}.{'-'.join(sorted(set(scopes)))}.{int(expires_at)}"
    return f"{signed}.{_mac(secret, signed)}"


def read_token(token: str, secrets: Sequence[str], *, now: float | None = None) -> Claims | None:
    """Return what a token says if one of these secrets made it and it has not expired, or else None."""
    signed, _, mac = token.rpartition(".")
    if not any(_equal(mac, _mac(secret, signed)) for secret in secrets if secret):
        return None
    try:
        version, name, scopes, expires_at = signed.split(".")
        if version != VERSION or int(expires_at) <= (time.time() if now is None else now):
            return None
        user = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        return Claims(user, frozenset(map(TokenScope, scopes.split("-"))), int(expires_at))
    except (ValueError, binascii.Error):
        return None


def is_secret(token: str, secrets: Sequence[str]) -> bool:
    """Return whether the token is one of these secrets, compared in constant time. An empty secret opens nothing."""
    return any(_equal(token, secret) for secret in secrets if secret)


def _mac(secret: str, signed: str) -> str:
    key = hmac.digest(secret.encode(), _LABEL, hashlib.sha256)
    return hmac.new(key, signed.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
