"""The work queue as a Cloudflare Queue, by its REST API (developers.cloudflare.com/api, queues/messages, 2026-11)."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import httpx

from fetcher.ports import Denied, JobQueue, LimitExceeded, Trouble, Unavailable
from schemas.jobs import Job
from schemas.limits import QUEUE_BATCH_MESSAGES

PATIENCE_SECONDS: Final = 300.0
"""How long a failed call is retried: Cloudflare allows 1,200 calls per 5 minutes (its API limits, 2026-11)."""
FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 30.0
QUEUES_A_PAGE: Final = 100
_ID = re.compile(r"[0-9a-f]{32}")


class CloudflareQueue(JobQueue):
    """Pushes jobs, 100 per call. Sending a job twice is harmless, so every failed call is retried."""

    def __init__(
        self,
        *,
        account_id: str,
        queue: str,
        api_token: str,
        api_url: str = "https://api.cloudflare.com/client/v4",
        patience_seconds: float = PATIENCE_SECONDS,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Use the queue with this name or id (32 hex digits); no request is made before `send` or `ping`."""
        self._queue = queue
        self._id = queue if _ID.fullmatch(queue) else ""
        self._patience_seconds = patience_seconds
        self._pause = pause
        self._clock = clock
        self._quiet_until = 0.0
        self._client = httpx.Client(
            base_url=f"{api_url.rstrip('/')}/accounts/{account_id}",
            headers={"Authorization": f"Bearer {api_token}"},
            timeout=30.0,
            transport=transport,
        )

    def send(self, jobs: Sequence[Job]) -> None:
        """Push the jobs; raise Unavailable unless Cloudflare confirms that it has them."""
        for start in range(0, len(jobs), QUEUE_BATCH_MESSAGES):
            messages = [
                {"body": job.encode(), "content_type": "text"} for job in jobs[start : start + QUEUE_BATCH_MESSAGES]
            ]
            self._call("POST", f"/queues/{self._find_id()}/messages/batch", json={"messages": messages})

    def ping(self) -> None:
        """Check that the queue exists; raise Denied or Unavailable if it does not."""
        self._call("GET", f"/queues/{self._find_id()}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _find_id(self) -> str:
        if not self._id:
            self._id = next((found["queue_id"] for found in self._queues() if found["queue_name"] == self._queue), "")
        if not self._id:
            raise Denied(f"The account has no queue {self._queue}: correct CLOUDFLARE_QUEUES or CLOUDFLARE_ACCOUNT_ID.")
        return self._id

    def _queues(self) -> Iterator[dict[str, str]]:
        page, found = 1, True
        while found:
            listed = self._call("GET", "/queues", params={"page": page, "per_page": QUEUES_A_PAGE})["result"] or []
            yield from listed
            page, found = page + 1, len(listed) == QUEUES_A_PAGE

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        waited, pause = 0.0, FIRST_PAUSE_SECONDS
        while self._clock() >= self._quiet_until:
            answer = self._try(method, path, content)
            fields = _fields(answer)
            if fields is not None:
                return fields
            if answer is not None and 400 <= answer.status_code < 500 and answer.status_code != 429:
                raise self._trouble(answer.status_code)
            asked = _retry_after(answer)
            seconds = max(pause, asked)
            if waited + seconds > self._patience_seconds:
                self._quiet_until = self._clock() + asked  # until then, callers that retry fail without a request
                break
            self._pause(seconds)
            waited, pause = waited + seconds, min(2 * pause, MAX_PAUSE_SECONDS)
        raise Unavailable(f"Cloudflare's API does not answer for the queue {self._queue}: try again later.")

    def _try(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response | None:
        try:
            return self._client.request(method, path, **content)
        except httpx.HTTPError:
            return None

    def _trouble(self, status: int) -> Trouble:
        if status in (401, 403):
            return Denied(
                "Cloudflare refuses CLOUDFLARE_API_TOKEN: give it the Queues Edit permission in this account."
            )
        if status == 404:
            return Denied(f"The account has no queue {self._queue}: correct CLOUDFLARE_QUEUES.")
        if status == 413:
            return LimitExceeded(f"Cloudflare refuses a batch of jobs for the queue {self._queue}: it is too large.")
        return Unavailable(f"Cloudflare answers {status} for the queue {self._queue}: try again later.")


def _fields(answer: httpx.Response | None) -> dict[str, Any] | None:
    """Return the fields of a successful answer; None for any other, such as a gateway's error page."""
    if answer is None or not answer.is_success:
        return None
    try:
        fields = answer.json()
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and fields.get("success") is True else None


def _retry_after(answer: httpx.Response | None) -> float:
    """Return how many seconds the answer asks us to wait; the API sends a number (its rate limits page, 2026-11)."""
    text = answer.headers.get("retry-after", "") if answer is not None else ""
    return float(text) if text.isdecimal() else 0.0
