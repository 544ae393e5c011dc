"""The work queue as a Redis stream."""

import pytest
import redis

from fetcher.adapters.redis import FIELD, STREAM, RedisJobQueue
from fetcher.ports import Denied, LimitExceeded, Unavailable
from schemas.jobs import Job, JobKind
from tests.support.servers import Valkey

MINING = "0f8fad5b-d9cb-469f-a165-70867728950e"


def jobs(count: int) -> list[Job]:
    """Return distinct jobs."""
    return [Job(JobKind.SEGMENT, MINING, f"d/7/{first}-{first}", 1) for first in range(1, count + 1)]


def read(url: str) -> list[Job]:
    """Return what a processor would read."""
    with redis.Redis.from_url(url) as client:
        entries = client.xrange(STREAM)
    return [Job.decode(fields[FIELD.encode()]) for _, fields in entries]


def test_jobs_are_in_the_stream_in_order(redis_url: str) -> None:
    """All jobs of a call are in the stream once it returns, in order, no matter how many there are."""
    queue = RedisJobQueue(redis_url)

    queue.send(jobs(1203))
    queue.send(jobs(1))
    queue.send([])
    queue.close()

    assert read(redis_url) == jobs(1203) + jobs(1)


def test_a_server_that_is_not_there() -> None:
    """A dead Redis is Unavailable; the error names its address but not its password."""
    queue = RedisJobQueue("redis://:hunter2@127.0.0.1:1/0")

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not answer") as refused:
        queue.send(jobs(1))
    queue.close()

    assert "hunter2" not in str(refused.value)


def test_a_socket_that_is_not_there() -> None:
    """A socket path on which no server listens is Unavailable too."""
    queue = RedisJobQueue("unix:///nonexistent/valkey.sock?db=1")

    with pytest.raises(Unavailable, match=r"/nonexistent/valkey\.sock"):
        queue.send(jobs(1))
    queue.close()


def test_a_server_that_refuses(redis_url: str) -> None:
    """A refused login is Denied."""
    with redis.Redis.from_url(redis_url) as client:
        client.acl_setuser("mute", enabled=True, passwords=["+x"], commands=["+ping"])
    mute = redis_url.replace("unix://", "unix://mute:x@") if redis_url.startswith("unix") else redis_url
    queue = RedisJobQueue(mute.replace("redis://", "redis://mute:x@"))

    with pytest.raises(Denied, match="REDIS_URL"):
        queue.send(jobs(1))

    queue.close()
    with redis.Redis.from_url(redis_url) as client:
        client.acl_deluser("mute")


def test_a_server_that_is_full() -> None:
    """A server that is out of memory raises LimitExceeded, so no job is lost silently."""
    with Valkey() as server:
        url = server.fresh_url()
        with redis.Redis.from_url(url) as client:
            client.config_set("maxmemory", "1mb")
        queue = RedisJobQueue(url)

        with pytest.raises(LimitExceeded, match="out of memory"):
            queue.send(jobs(10_000))
        queue.close()
