"""Opens mailboxes for callers: on hosts that the service may reach, and not again and again with a wrong password."""

import socket
from collections.abc import Callable
from dataclasses import replace

from fetcher.imap.connection import Connector, LoginRefused
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.reach import Dial
from fetcher.service.limits import Limits


class Mailboxes:
    """Connects through `dial` alone, and counts the logins that each user's mail servers refuse."""

    def __init__(self, dial: Dial = socket.create_connection, limits: Limits | None = None) -> None:
        """Connect to any host by default."""
        self._dial = dial
        self._limits = limits or Limits()

    def opener(self, user: str, connector: Connector) -> Callable[[], Mailbox]:
        """Return what opens a connection of a mailbox, every time; it raises TooOften, HostRefused, or as Mailbox does.

        Once a login has worked, later refusals do not count: the server is busy, and the password is right.
        """
        guarded, key, worked = replace(connector, dial=self._dial), f"mailbox {user}", False

        def open_mailbox() -> Mailbox:
            nonlocal worked
            if not worked:
                self._limits.check(key, "logins to mailboxes")
            try:
                mailbox = Mailbox(guarded)
            except LoginRefused:
                if not worked:
                    self._limits.count(key)
                raise
            worked = True
            return mailbox

        return open_mailbox
