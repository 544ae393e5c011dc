"""The work queue as a Redis stream."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import redis

from fetcher.ports import Denied, JobQueue, LimitExceeded, Unavailable
from schemas.jobs import Job

STREAM = "leadminer:jobs"
FIELD = "job"
BATCH_JOBS = 500
"""Jobs per pipeline: below 100 KB on the wire, and a resumed mining of 100,000 messages takes one round trip."""


class RedisJobQueue(JobQueue):
    """Sends jobs with XADD. They stay in the stream until a processor acknowledges them."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0) -> None:
        """Use the server at `url` (redis://, rediss:// or unix://); no request is made before `send`."""
        self._place = _place(url)
        self._redis = redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, health_check_interval=30
        )

    def send(self, jobs: Sequence[Job]) -> None:
        """Append the jobs; raise Unavailable unless the server confirms that it has them."""
        for start in range(0, len(jobs), BATCH_JOBS):
            self._append(jobs[start : start + BATCH_JOBS])

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _append(self, jobs: Sequence[Job]) -> None:
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for job in jobs:
                    pipeline.xadd(STREAM, {FIELD: job.encode()})
                pipeline.execute()
        except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
            raise Denied(f"Redis at {self._place} refuses the login: correct the password in REDIS_URL.") from None
        except redis.exceptions.OutOfMemoryError:
            raise LimitExceeded(
                f"Redis at {self._place} is out of memory: raise its maxmemory, then start again."
            ) from None
        except (redis.RedisError, OSError):
            raise Unavailable(f"Redis at {self._place} does not answer: start it or correct REDIS_URL.") from None


def _place(url: str) -> str:
    """Return where a URL points, without any credentials in it."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
