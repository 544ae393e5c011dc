"""A check whether the configured Redis answers, for `doctor`, which has no job to send."""

from urllib.parse import urlsplit

import redis

from fetcher.ports import Denied, Unavailable


def ping_redis(url: str, *, timeout_seconds: float = 5.0) -> None:
    """Ping the server at `url` once; raise Unavailable if it does not answer, Denied if it refuses the login."""
    parts = urlsplit(url)
    place = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
    client = redis.Redis.from_url(url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds)
    try:
        client.ping()
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
        raise Denied(f"Redis at {place} refuses the login: correct the password in REDIS_URL.") from None
    except (redis.RedisError, OSError):
        raise Unavailable(f"Redis at {place} does not answer: start it or correct REDIS_URL.") from None
    finally:
        client.close()
