"""Page sessions: a link that works once opens one, and a signed cookie carries it. Nothing is stored but spent links.

Links and cookies are tokens under keys derived from the service's secret, so that none can pass for another.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fetcher.exits import Misconfigured
from fetcher.settings import HERE, Settings
from schemas.tokens import Claims, TokenScope, make_token, read_token

LINK_SECONDS = 600
SESSION_SECONDS = 12 * 3600
SIGN_IN = "/sign-in"
SECRET_FILE = "serve-secret"  # noqa: S105 (a file's name)


def make_link(secret: str, user: str, *, now: float) -> str:
    """Return the last part of a link that opens a session of this user, within ten minutes from now."""
    return make_token(_key(secret, "link"), user, TokenScope, int(now) + LINK_SECONDS)


def link_to(address: str, link: str) -> str:
    """Return the whole link, to the service at this address."""
    for everywhere, here in HERE.items():
        address = address.replace(f"//{everywhere}:", f"//{here}:")
    return f"{address.rstrip('/')}{SIGN_IN}?link={link}"


class Sessions:
    """Opens sessions with links, and reads them from cookies. Threads may share it."""

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        """Accept links that are made from now on. Older ones may have been spent before a restart."""
        self._secret = secret
        self._clock = clock
        self._since = int(clock())
        self._lock = threading.Lock()
        self._spent: dict[str, float] = {}

    def link(self, user: str) -> str:
        """Return a new link's last part."""
        return make_link(self._secret, user, now=self._clock())

    def user_of_link(self, link: str) -> str | None:
        """Return whose session a link would open, without spending it, or None if it opens none."""
        claims = self._unspent(link)
        return None if claims is None else claims.user

    def spend(self, link: str) -> str | None:
        """Return whose session a link opens, and let it open no other; None if it opens none."""
        with self._lock:
            claims = self._unspent(link)
            if claims is None:
                return None
            self._spent = {each: until for each, until in self._spent.items() if until > self._clock()}
            self._spent[link] = claims.expires_at
            return claims.user

    def cookie(self, user: str) -> str:
        """Return the value of a cookie that is this user's session for twelve hours."""
        return make_token(_key(self._secret, "session"), user, TokenScope, int(self._clock()) + SESSION_SECONDS)

    def read_cookie(self, cookie: str) -> Claims | None:
        """Return whose session a cookie is, and until when, or None."""
        return read_token(cookie, [_key(self._secret, "session")], now=self._clock())

    def _unspent(self, link: str) -> Claims | None:
        claims = read_token(link, [_key(self._secret, "link")], now=self._clock())
        fresh = claims is not None and claims.expires_at - LINK_SECONDS >= self._since and link not in self._spent
        return claims if fresh else None


def secret_of(settings: Settings) -> str:
    """Return the secret behind links, cookies and tokens of the service: SERVE_TOKEN, or one that it keeps itself."""
    return settings.serve_token.get_secret_value() if settings.serve_token else kept_secret(settings.home)


def kept_secret(home: Path) -> str:
    """Return the secret in the data directory that only its owner can read; make it first if there is none."""
    file = home / SECRET_FILE
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return file.read_text("ascii")
        handle, path = tempfile.mkstemp(dir=home, prefix=f".{SECRET_FILE}-")  # with mode 0600
        with os.fdopen(handle, "w") as new:
            new.write(secrets.token_urlsafe(32))
        try:
            with suppress(FileExistsError):  # another process was first, and its secret counts
                os.link(path, file)
        finally:
            Path(path).unlink()
        return file.read_text("ascii")
    except OSError:
        raise Misconfigured(
            f"The secret of the service cannot be kept in {file}: set SERVE_TOKEN, or LEADMINER_HOME to a folder "
            "that you can write to."
        ) from None


def _key(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), f"leadminer page {purpose}".encode(), hashlib.sha256).hexdigest()
