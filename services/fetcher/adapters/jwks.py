"""The public keys of an issuer of JWTs, over HTTP."""

from typing import Any

import httpx

from fetcher.ports import Unavailable

TIMEOUT_SECONDS = 5.0
MAX_BYTES = 256 * 1024
"""A set has a few keys of less than a kilobyte each."""


def fetch_keys(url: str) -> list[dict[str, Any]]:
    """Return the keys of a JWK set (RFC 7517 section 5); raise Unavailable unless it is there in a few seconds."""
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS) as answer:
            answer.raise_for_status()
            if int(answer.headers.get("content-length", 0)) > MAX_BYTES:
                raise ValueError
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError
        found = httpx.Response(200, content=bytes(body)).json()["keys"]
        return [key for key in found if isinstance(key, dict)]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        raise Unavailable(f"The keys at {url} cannot be read: try again later.") from None
