"""Logins to mailboxes between the pages that ask for them and the mining that uses them: in memory, for ten minutes."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fetcher.ports import NotFound
from fetcher.service.orders import Login

HELD_SECONDS = 600.0
MOST_LOGINS = 200
"""Logins held at once, as many as there can be minings in line; the oldest goes first."""
GONE = "This page has expired, because a mailbox password is kept for ten minutes only: connect the mailbox again."


@dataclass(frozen=True, slots=True)
class HeldLogin:
    """A login that worked, and the folders that it showed, as the API lists them."""

    user: str
    address: str
    login: Login
    folders: Sequence[Mapping[str, Any]]


class Logins:
    """Holds logins under handles that nobody can guess, each for one user. Threads may share it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without any."""
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[float, HeldLogin]] = OrderedDict()

    def hold(self, held: HeldLogin) -> str:
        """Keep a login for ten minutes and return its handle."""
        handle = secrets.token_urlsafe(24)
        with self._lock:
            self._forget_old()
            self._held[handle] = (self._clock() + HELD_SECONDS, held)
            while len(self._held) > MOST_LOGINS:
                self._held.popitem(last=False)
        return handle

    def look_up(self, handle: str, *, user: str) -> HeldLogin:
        """Return a login of this user; raise NotFound if it is gone, or of somebody else."""
        with self._lock:
            self._forget_old()
            _, held = self._held.get(handle, (0.0, None))
        if held is None or held.user != user:
            raise NotFound(GONE)
        return held

    def drop(self, handle: str) -> None:
        """Forget a login."""
        with self._lock:
            self._held.pop(handle, None)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._held and next(iter(self._held.values()))[0] <= now:
            self._held.popitem(last=False)
