"""One connection to an IMAP server: TLS, login, and the words for what goes wrong. Mail never gets into its texts."""

import imaplib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imapclient import IMAPClient, SocketTimeout

from fetcher.imap.source import Source
from fetcher.ports import Trouble

BUSY_CODES = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]", "[CONTACTADMIN]")
"""Response codes of RFC 5530 by which a server refuses a login for its own reasons, not for the password."""

LOOPBACK_BUFFER_BYTES = 1024 * 1024
"""Loopback has packets of 64 KB: in the usual first buffer they close the window, which costs 0.2 s a time (measured).
Elsewhere the system's own choice is better, which grows with the line."""

LITERAL_BYTES = 32 * 1024 * 1024
"""More than a server that ignores the cap of 4 MiB a message will send of nearly all mail."""

for logger in ("imapclient.imapclient", "imapclient.imaplib", "imapclient.util"):
    logging.getLogger(logger).disabled = True  # they tell logins and pieces of what was read


class HostUnreachable(Trouble):
    """Nothing answers there, or not now: the name, the port or the network is wrong, or the server is busy."""


class NotImap(Trouble):
    """Something answers, but it does not speak IMAP as the source says."""


class CertificateRefused(Trouble):
    """The server cannot prove who it is."""


class PlainRefused(Trouble):
    """The connection would not be encrypted, and the server is not this machine."""


class LoginRefused(Trouble):
    """The server does not accept the login with this password or token."""


class ConnectionLost(Trouble):
    """The connection broke, or went out of step, in the middle of its work."""


class FolderMissing(Trouble):
    """A folder is not there."""


class FolderRefused(Trouble):
    """The server answers NO or BAD to opening or reading a folder."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves the login: exactly one of a password and a token provider, which is asked again at each login."""

    password: str | None = None
    token: Callable[[], str] | None = None

    def __repr__(self) -> str:
        return f"Credentials({'password' if self.token is None else 'token'}=…)"


@dataclass(frozen=True, slots=True)
class Connector:
    """How to connect to a source.

    `ca_file` adds certificates to trust; TLS is verified always. `plain` allows an unencrypted connection to a host
    that is not loopback. The read timeout is long because a server may search or read for a while before it answers.
    """

    source: Source
    credentials: Credentials
    ca_file: Path | None = None
    plain: bool = False
    connect_timeout_seconds: float = 30.0
    read_timeout_seconds: float = 180.0

    def open(self) -> IMAPClient:
        """Return a new logged-in connection; raise one of the Troubles above."""
        with self._translated(self._turned_away):
            client = self._connect()
        try:
            if not (self.source.implicit_tls or self.plain or is_loopback(self.source.host)):
                with self._translated(self._turned_away):
                    self._start_tls(client)
            with self._translated(self._refused):
                self._log_in(client)
        except BaseException:
            close(client)
            raise
        client.socket().settimeout(self.read_timeout_seconds)
        if is_loopback(self.source.host):
            client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LOOPBACK_BUFFER_BYTES)
        return client

    def _connect(self) -> IMAPClient:
        client = IMAPClient(
            self.source.host,
            self.source.port,
            ssl=self.source.implicit_tls,
            ssl_context=self._tls() if self.source.implicit_tls else None,
            timeout=SocketTimeout(self.connect_timeout_seconds, self.connect_timeout_seconds),
        )
        _tame(client._imap)
        return client

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(cafile=self.ca_file)
            except (OSError, ssl.SSLError):
                raise CertificateRefused(
                    f"The file of trusted certificates {self.ca_file} cannot be read: it has to be one in PEM format."
                ) from None
        return context

    def _start_tls(self, client: IMAPClient) -> None:
        if "STARTTLS" not in client._imap.capabilities:
            raise PlainRefused(
                f"{self.source.place} offers no STARTTLS, so that the password would cross the network unencrypted: "
                "use imaps://, or allow it by --plain if the network is yours."
            )
        client.starttls(self._tls())

    def _log_in(self, client: IMAPClient) -> None:
        if self.credentials.token is not None:
            self._log_in_by_token(client, self.credentials.token())
            return
        login, password = self.source.login, self.credentials.password or ""
        if any(ord(mark) < 32 for mark in login + password):
            raise LoginRefused("The password holds a line end or another control character: give it without.")
        if "LOGINDISABLED" in client._imap.capabilities:
            raise PlainRefused(f"{self.source.place} takes no password without TLS: use imaps://.")
        if (login + password).isascii():
            client.login(login, password)
        else:
            client.plain_login(login, password)

    def _log_in_by_token(self, client: IMAPClient, token: str) -> None:
        if "AUTH=OAUTHBEARER" in client._imap.capabilities:
            client.oauthbearer_login(self.source.login, token)
        elif "AUTH=XOAUTH2" in client._imap.capabilities:
            client.oauth2_login(self.source.login, token)
        else:
            raise LoginRefused(f"{self.source.place} takes no OAuth token: log in by password.")

    @contextmanager
    def _translated(self, refusal: Callable[[str], Trouble]) -> Iterator[None]:
        """Translate errors; `refusal` says what an answer of NO means, whose own words go no further."""
        try:
            yield
        except (imaplib.IMAP4.abort, MemoryError):
            raise self._not_imap() from None
        except imaplib.IMAP4.error as error:
            raise refusal(str(error).upper()) from None
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(
                f"The certificate of {self.source.place} cannot be trusted ({error.verify_message}): correct the host, "
                "or name the file of its certificate authority by --ca-file."
            ) from None
        except ssl.SSLError:
            raise self._not_imap() from None
        except socket.gaierror:
            raise HostUnreachable(
                f"There is no host {self.source.host}: correct its name, or check the network."
            ) from None
        except TimeoutError:
            raise HostUnreachable(
                f"{self.source.place} does not answer: correct the host or the port, or check the network and whether "
                f"{'imap' if self.source.implicit_tls else 'imaps'}:// is meant."
            ) from None
        except ConnectionRefusedError:
            raise HostUnreachable(f"Nothing listens at {self.source.place}: correct the host or the port.") from None
        except (OSError, UnicodeError):
            raise HostUnreachable(
                f"{self.source.place} cannot be reached: correct the host or the port, or check the network."
            ) from None

    def _not_imap(self) -> NotImap:
        if self.source.implicit_tls:
            return NotImap(f"{self.source.place} does not speak IMAP over TLS: correct the port, or try imap://.")
        return NotImap(f"{self.source.place} does not speak IMAP: correct the port, or try imaps://.")

    def _turned_away(self, _answer: str = "") -> HostUnreachable:
        return HostUnreachable(f"{self.source.place} turns everybody away just now: try again later.")

    def _refused(self, answer: str) -> Trouble:
        """Tell a busy server from a wrong password."""
        if any(code in answer for code in BUSY_CODES):
            return self._turned_away()
        secret = "password" if self.credentials.token is None else "token"
        hint = "many providers want an app password" if secret == "password" else "it may have expired"  # noqa: S105
        return LoginRefused(
            f"{self.source.place} refuses the login {self.source.login} with this {secret}: correct either ({hint})."
        )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or its address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def close(client: IMAPClient) -> None:
    """End a connection, whatever state it is in."""
    with suppress(Exception):
        client.socket().settimeout(2.0)
        client.logout()
    with suppress(Exception):
        client.shutdown()


def _tame(imap: Any) -> None:
    """Keep imaplib from writing what it sends and reads (passwords, mail) into strings, and from reading without end.

    imapclient sets imaplib's debug level to 5, which formats every body for a log; that costs two thirds of the speed,
    too. And imaplib allocates what a server announces, however much that is.
    """
    read = imap.read

    def read_bounded(size: int) -> bytes:
        if size > LITERAL_BYTES:
            raise imap.abort("a literal beyond all bounds")
        data: bytes = read(size)
        return data

    imap.debug = 0
    imap._log = lambda _line: None
    imap.read = read_bounded
