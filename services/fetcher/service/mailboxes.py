"""Opens mailboxes for callers: on hosts that the service may reach, and not again and again with a wrong password."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from fetcher.imap.connection import Connector, LoginRefused
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.reach import Dial
from fetcher.service.limits import Limits
from fetcher.service.metrics import Metrics


class Mailboxes:
    """Connects through `dial` alone, and counts the logins that each user's mail servers refuse."""

    def __init__(
        self,
        dial: Dial = socket.create_connection,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """Connect to any host by default."""
        self._dial = dial
        self._limits = limits or Limits()
        self._metrics = metrics or Metrics()

    def opener(self, user: str, connector: Connector) -> Callable[[], Mailbox]:
        """Return what opens a connection of a mailbox, every time; it raises TooOften, HostRefused, or as Mailbox does.

        Once a login has worked, later refusals do not count: the server is busy, and the password is right.
        """
        guarded, key = replace(connector, dial=self._dial), f"mailbox {user}"
        closed: list[None] = []
        worked = False

        def open_mailbox() -> Mailbox:
            nonlocal worked
            if not worked:
                self._limits.check(key, "logins to mailboxes")
            try:
                mailbox = _Counted(guarded, closed)
            except LoginRefused:
                self._metrics.refusals.inc()
                if not worked:
                    self._limits.count(key)
                raise
            worked = True
            self._metrics.connections.inc()
            with suppress(IndexError):  # a connection that follows a closed one replaces it
                closed.pop()
                self._metrics.reconnects.inc()
            return mailbox

        return open_mailbox


class _Counted(Mailbox):
    """A mailbox that notes when it is closed."""

    def __init__(self, connector: Connector, closed: list[None]) -> None:
        super().__init__(connector)
        self._closed = closed

    def close(self) -> None:
        self._closed.append(None)
        super().close()
