"""The mailbox that a mining reads: who logs in, where, and under which name it is known."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from fetcher.ports import Trouble

PORTS = {"imaps": 993, "imap": 143}
"""Default port a scheme (RFC 8314 section 3.2, RFC 9051 section 2.1)."""
EXAMPLE = "imaps://jane%40example.org@imap.example.org"


class BadSource(Trouble):
    """The text does not name a mailbox."""


@dataclass(frozen=True, slots=True)
class Source:
    """A mailbox: login, host and port, and whether TLS starts with the connection (`imaps`) or within it (`imap`)."""

    login: str
    host: str
    port: int
    implicit_tls: bool = True

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `imaps://login@host[:port]`; raise BadSource, which never repeats the text: it may hold a password.

        The login is percent-decoded, and may hold a bare "@", since the last one ends it. An IPv6 host stands in
        brackets. Default ports are 993 (imaps) and 143 (imap).
        """
        scheme, _, rest = url.strip().partition("://")
        scheme = scheme.lower()
        if scheme not in PORTS or not rest:
            raise BadSource(f"The source must look like {EXAMPLE}: it has to start with imaps:// (or imap://).")
        userinfo, at, place = rest.rpartition("@")
        if not at or not userinfo:
            raise BadSource(f"The source names no login: write {EXAMPLE}.")
        if ":" in userinfo:
            raise BadSource(
                "The source holds a password or a colon before the @: give the password on the terminal, by "
                "--password-file or by IMAP_PASSWORD, and write a colon in the login as %3A."
            )
        host, port = _place(place, PORTS[scheme])
        return cls(_login(userinfo), host, port, scheme == "imaps")

    @property
    def name(self) -> str:
        """Return the source as it stands in the processor's tables: `login@host:port`."""
        return f"{self.login}@{self.place}"

    @property
    def place(self) -> str:
        """Return `host:port`, for sentences; an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Return the user's own address at this source, lower-cased: the login where it is one."""
        return (self.login if "@" in self.login else f"{self.login}@{self.host}").lower()


def _login(userinfo: str) -> str:
    try:
        login = unquote(userinfo, errors="strict")
    except UnicodeDecodeError:
        login = ""
    if not login or not login.isprintable():
        raise BadSource("The login before the @ is not text: write it as it is, special characters as %XX in UTF-8.")
    return login


def _place(text: str, default_port: int) -> tuple[str, int]:
    if any(mark in text.rstrip("/") for mark in "/?#"):
        raise BadSource("The source ends after the host and the port: name folders by --folder.")
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadSource(f"{text!r} is no host and port: write host:port, or [address]:port for IPv6.") from None
    if not host or not host.isprintable() or " " in host or port == 0:
        raise BadSource(f"{text!r} is no host and port: write host:port, or [address]:port for IPv6.")
    return host, port or default_port


def mailbox_address(text: str | None) -> str | None:
    """Return the address by which contacts know a mailbox that is named by its address or as `mine` wants it."""
    if text is None:
        return None
    return Source.parse(text).address if "://" in text else text.lower()
