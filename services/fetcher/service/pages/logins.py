"""Logins to mailboxes between the pages that ask for them and the mining that uses them: in memory, for ten minutes."""

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fetcher.ports import NotFound
from fetcher.service.limits import has_share
from fetcher.service.orders import Login

HELD_SECONDS = 600.0
MOST_LOGINS = 200
"""Logins held at once, of which users have equal shares."""
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

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._held: OrderedDict[str, HeldLogin] = OrderedDict()

    def hold(self, held: HeldLogin) -> str:
        """Keep a login for ten minutes, whatever is asked then, and return its handle. Call it in the event loop."""
        handle = secrets.token_urlsafe(24)
        with self._lock:
            self._make_room(held.user)
            self._held[handle] = held
        asyncio.get_running_loop().call_later(HELD_SECONDS, self.drop, handle)
        return handle

    def look_up(self, handle: str, *, user: str) -> HeldLogin:
        """Return a login of this user; raise NotFound if it is gone, or of somebody else."""
        held = self._held.get(handle)
        if held is None or held.user != user:
            raise NotFound(GONE)
        return held

    def drop(self, handle: str) -> None:
        """Forget a login."""
        with self._lock:
            self._held.pop(handle, None)

    def forget(self, user: str) -> None:
        """Forget all logins of a user."""
        with self._lock:
            for handle in self._of(user):
                del self._held[handle]

    def _make_room(self, user: str) -> None:
        """Forget the oldest login of a user who has their share of all that are held, or the oldest of all."""
        if not has_share(user, (each.user for each in self._held.values()), MOST_LOGINS):
            del self._held[next(iter(self._of(user) or self._held))]

    def _of(self, user: str) -> list[str]:
        return [handle for handle, each in self._held.items() if each.user == user]
