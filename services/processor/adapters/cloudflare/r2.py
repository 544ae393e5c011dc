"""The raw store in R2, through the Worker's binding."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from processor.ports import LimitExceeded, NotFound, Unavailable
from schemas.segments import MAX_BYTES, MESSAGE_CAP_BYTES

MAX_OBJECT_BYTES: Final = 2 * (MAX_BYTES + MESSAGE_CAP_BYTES)
"""Far above any segment that a fetcher makes. A larger object would put the isolate's memory at risk."""
DELETE_KEYS: Final = 1000
"""Keys per deletion (developers.cloudflare.com/r2/api/workers/workers-api-reference, 2026-11)."""


class R2Store:
    """`RawStore` on an R2 binding."""

    def __init__(self, bucket: Any) -> None:
        self._bucket = bucket

    async def get(self, key: str) -> bytes:
        """Return an object's bytes; raise NotFound, or LimitExceeded if it is larger than any segment."""
        try:
            found = await self._bucket.get(key)
            if found is None:
                raise NotFound(key)
            if found.size > MAX_OBJECT_BYTES:
                await found.body.cancel()  # an unread body keeps one of the invocation's few connections open
                raise LimitExceeded("the object is larger than any segment")
            return bytes(await found.arrayBuffer())
        except (NotFound, LimitExceeded):
            raise
        except Exception as error:
            raise Unavailable("R2 does not answer") from error

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with the prefix, page by page."""
        options: dict[str, Any] = {"prefix": prefix}
        while True:
            try:
                page = await self._bucket.list(options)
                keys = [str(found.key) for found in page.objects]
                cursor = page.cursor if page.truncated else None
            except Exception as error:
                raise Unavailable("R2 does not answer") from error
            for key in keys:
                yield key
            if cursor is None:
                return
            options["cursor"] = cursor

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects. A missing object is not an error."""
        try:
            for first in range(0, len(keys), DELETE_KEYS):
                await self._bucket.delete(list(keys[first : first + DELETE_KEYS]))
        except Exception as error:
            raise Unavailable("R2 does not answer") from error
