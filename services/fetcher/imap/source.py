"""The mailbox that a mining reads: its login, its server, and the name that identifies it."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from fetcher.ports import Trouble

PORTS = {"imaps": 993, "imap": 143}
"""The default port of each scheme (RFC 8314 section 3.2, RFC 9051 section 2.1)."""
EXAMPLE = "imaps://jane@example.org@imap.example.org"


class BadSource(Trouble):
    """The text is not a valid source."""


@dataclass(frozen=True, slots=True)
class Source:
    """A mailbox: login, host, port, and whether TLS starts with the connection (`imaps`) or within it (`imap`).

    `own` is the mailbox's email address, in lower case, if it is known apart from the login.
    """

    login: str
    host: str
    port: int
    implicit_tls: bool = True
    own: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse `imaps://login@host[:port]`; raise BadSource, which never repeats a text that may contain a password.

        The login is percent-decoded. It can contain a bare "@", because the last "@" ends it. Write an IPv6 host in
        brackets. The default ports are 993 (imaps) and 143 (imap).
        """
        scheme, _, rest = url.strip().partition("://")
        scheme = scheme.lower()
        if scheme not in PORTS or not rest:
            raise BadSource(f"The source must start with imaps:// or imap://: write it like {EXAMPLE}.")
        userinfo, at, place = rest.rpartition("@")
        if not at or not userinfo:
            raise BadSource(f"The source has no login: write it like {EXAMPLE}.")
        if ":" in userinfo:
            raise BadSource(
                "The source contains a password or a colon before the @: leave the password out, it is given "
                "separately. Write a colon in the login as %3A."
            )
        host, port = _place(place, PORTS[scheme])
        return cls(_login(userinfo), host, port, scheme == "imaps")

    @property
    def name(self) -> str:
        """The source's name in the processor's tables: `login@host:port`."""
        return f"{self.login}@{self.place}"

    @property
    def place(self) -> str:
        """The server as `host:port`, for messages to the user; an IPv6 host is in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """The user's own address at this source, in lower case: `own`, else the login or login@host."""
        return self.own or (self.login if "@" in self.login else f"{self.login}@{self.host}").lower()


def _login(userinfo: str) -> str:
    try:
        login = unquote(userinfo, errors="strict")
    except UnicodeDecodeError:
        login = ""
    if not login or not login.isprintable():
        raise BadSource("The login before the @ is not valid text: write special characters as %XX in UTF-8.")
    return login


def _place(text: str, default_port: int) -> tuple[str, int]:
    if any(mark in text.rstrip("/") for mark in "/?#"):
        raise BadSource("The source must end after the host and port: name folders separately.")
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadSource(
            f"{text!r} is not a valid host and port: write host:port, or [address]:port for IPv6."
        ) from None
    if not host or not host.isprintable() or " " in host or port == 0:
        raise BadSource(f"{text!r} is not a valid host and port: write host:port, or [address]:port for IPv6.")
    return host, port or default_port


def mailbox_address(text: str | None) -> str | None:
    """Return the address that contacts record for a mailbox, given that address or a source as for `mine`."""
    if text is None:
        return None
    return Source.parse(text).address if "://" in text else text.lower()
