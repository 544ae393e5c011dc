"""One connection to an IMAP server: TLS, login, and clear errors. Their texts never contain mail."""

import imaplib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient, SocketTimeout

from fetcher.imap.handshakes import certificate_sentence, handshake_sentence, is_end, is_no_tls
from fetcher.imap.login import accepts_password, introduce, log_out, send_password, send_token
from fetcher.imap.reach import Dial
from fetcher.imap.refusals import Refusal, read_refusal
from fetcher.imap.source import Source
from fetcher.imap.wire import Wire
from fetcher.ports import Trouble

LOOPBACK_BUFFER_BYTES = 1024 * 1024
"""Loopback packets have 64 KB. With the default initial buffer, they close the TCP window, which costs 0.2 s each time
(measured). On a network, the system's choice is better, because it adapts to the line."""

READ_BYTES = 256 * 1024
"""Bytes per read. With imaplib's 8 KB, a fetch takes a fifth more processor time (measured)."""

NOT_REV1 = "not IMAP4 compliant"
"""What imaplib says of a server whose CAPABILITY lacks IMAP4rev1."""

for logger in ("imapclient.imapclient", "imapclient.imaplib", "imapclient.util"):
    logging.getLogger(logger).disabled = True  # they log logins and parts of the mail


class HostUnreachable(Trouble):
    """The server does not answer: the name, the port or the network is wrong, or the server is busy."""


class NotImap(Trouble):
    """The server answers, but does not speak IMAP in the way that the source says."""


class CertificateRefused(Trouble):
    """The server's certificate cannot be verified."""


class TlsRefused(Trouble):
    """The server and we do not agree on how to encrypt the connection."""


class PlainRefused(Trouble):
    """The connection would be unencrypted, and the server is not on this machine."""


class LoginRefused(Trouble):
    """The server refuses the login with this password or token."""


class ConnectionLost(Trouble):
    """The connection broke or got out of sync while in use."""


class FolderMissing(Trouble):
    """The folder does not exist."""


class FolderRefused(Trouble):
    """The server answers NO or BAD when folders are listed, or when one is opened or read.

    `refusal` says what that means for a next try.
    """

    def __init__(self, sentence: str, refusal: Refusal = Refusal.NO) -> None:
        super().__init__(sentence)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Credentials:
    """Exactly one of a password and a token provider. The provider is called again for each login."""

    password: str | None = None
    token: Callable[[], str] | None = None

    def __repr__(self) -> str:
        return f"Credentials({'password' if self.token is None else 'token'}=…)"


@dataclass(frozen=True, slots=True)
class Connector:
    """How to connect to a source.

    `ca_file` adds trusted certificates; TLS is always verified. `plain` allows an unencrypted connection to a host that
    is not loopback. `dial` opens every connection. The read timeout is long because a server may search or read for a
    while before it answers.
    """

    source: Source
    credentials: Credentials
    ca_file: Path | None = None
    plain: bool = False
    dial: Dial = socket.create_connection
    connect_timeout_seconds: float = 30.0
    read_timeout_seconds: float = 180.0

    def open(self) -> IMAPClient:
        """Return a new, logged-in connection; raise one of the Troubles above."""
        with self._translated(self._turned_away):
            client = self._connect()
        try:
            with self._translated(self._turned_away, in_sync=True):
                self._secure(client)
            with self._translated(self._refused, in_sync=True):
                self._log_in(client)
            with self._translated(self._turned_away, in_sync=True):
                introduce(client)
        except BaseException:
            close(client)
            raise
        client.socket().settimeout(self.read_timeout_seconds)
        if is_loopback(self.source.host):
            client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LOOPBACK_BUFFER_BYTES)
        return client

    def _connect(self) -> IMAPClient:
        client = _Client(self, self._tls() if self.source.implicit_tls else None)
        client._imap.wire = Wire(client._imap)
        return client

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(cafile=self.ca_file)
            except (OSError, ssl.SSLError):
                raise CertificateRefused(
                    f"The certificate file {self.ca_file} cannot be read: it must be a readable file in PEM format."
                ) from None
        return context

    def _secure(self, client: IMAPClient) -> None:
        """Start TLS if it is required, or if the server takes no password without it; raise PlainRefused."""
        if self.source.implicit_tls:
            return
        required = not (self.plain or is_loopback(self.source.host))
        if required and client._imap.state != "NONAUTH":
            raise PlainRefused(
                f"{self.source.place} logs in without TLS, so the mail would cross the network unencrypted: "
                "use imaps://, or allow it if you trust the network."
            )
        if "STARTTLS" in client._imap.capabilities and (required or not accepts_password(client)):
            client.starttls(self._tls())
        elif required:
            raise PlainRefused(
                f"{self.source.place} does not offer STARTTLS, so the password would cross the network unencrypted: "
                "use imaps://, or allow it if you trust the network."
            )

    def _log_in(self, client: IMAPClient) -> None:
        """Log in, unless the server has done so with its greeting (PREAUTH)."""
        login, password = self.source.login, self.credentials.password or ""
        if client._imap.state != "NONAUTH":
            return
        if self.credentials.token is not None:
            if not send_token(client, login, self.credentials.token()):
                raise LoginRefused(f"{self.source.place} does not accept OAuth tokens: log in with a password.")
            return
        if any(ord(mark) < 32 for mark in login + password):
            raise LoginRefused("The login or password contains a line break or another control character: remove it.")
        if not accepts_password(client):
            if isinstance(client.socket(), ssl.SSLSocket):
                raise LoginRefused(f"{self.source.place} accepts no passwords: log in with an OAuth token.")
            raise PlainRefused(f"{self.source.place} does not accept a password without TLS: use imaps://.")
        send_password(client, login, password)

    @contextmanager
    def _translated(self, refusal: Callable[[str], Trouble], *, in_sync: bool = False) -> Iterator[None]:
        """Translate errors. `refusal` turns the text of a NO answer into a Trouble, which must not repeat that text.

        `in_sync` says that the server has spoken IMAP before, so that nonsense is a broken connection.
        """
        try:
            yield
        except imaplib.IMAP4.abort as error:
            raise self._broken(str(error), in_sync=in_sync) from None
        except MemoryError:
            raise self._not_imap() from None
        except imaplib.IMAP4.error as error:
            raise refusal(str(error)) from None
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(certificate_sentence(error, self.source.place)) from None
        except ssl.SSLError as error:
            raise self._no_handshake(error) from None
        except socket.gaierror:
            raise HostUnreachable(
                f"The host {self.source.host} was not found: correct its name or check the network."
            ) from None
        except TimeoutError:
            hint = "" if self.source.implicit_tls else ", or try imaps://"
            raise HostUnreachable(
                f"{self.source.place} does not answer: correct the host or the port, or check the network{hint}."
            ) from None
        except ConnectionRefusedError:
            raise HostUnreachable(f"Nothing listens at {self.source.place}: correct the host or the port.") from None
        except ConnectionError:
            raise self._lost() from None
        except (OSError, UnicodeError):
            raise HostUnreachable(
                f"{self.source.place} cannot be reached: correct the host or the port, or check the network."
            ) from None

    def _broken(self, text: str, *, in_sync: bool) -> Trouble:
        """Return the Trouble for an error after which nothing more can be read."""
        if read_refusal(text) is Refusal.LATER:  # a BYE
            return self._turned_away()
        nonsense = "unexpected response" in text or text.endswith("\\n'") or "too large" in text
        return self._not_imap() if nonsense and not in_sync else self._lost()

    def _no_handshake(self, error: ssl.SSLError) -> Trouble:
        if is_end(error):
            return self._lost()
        if is_no_tls(error):
            return NotImap(
                f"{self.source.place} does not speak TLS: correct the port, or use imap:// if it is for STARTTLS."
            )
        return TlsRefused(handshake_sentence(error, self.source.place))

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(
            f"The connection to {self.source.place} broke before the login was complete: check the network, "
            "then run the same command again."
        )

    def _not_imap(self) -> NotImap:
        hint = "" if self.source.implicit_tls else ", or try imaps://"
        return NotImap(f"{self.source.place} does not speak IMAP: correct the port{hint}.")

    def _turned_away(self, answer: str = "") -> Trouble:
        """Return the Trouble for a server that refuses the connection, or does not speak our IMAP."""
        if NOT_REV1 in answer:
            return NotImap(
                f"{self.source.place} does not offer IMAP4rev1, which leadminer needs, but perhaps IMAP4rev2 alone: "
                "ask its operator to enable IMAP4rev1."
            )
        return HostUnreachable(f"{self.source.place} is busy and refuses connections: try again later.")

    def _refused(self, answer: str) -> Trouble:
        """Return HostUnreachable for a busy server, LoginRefused for a wrong password or token."""
        if read_refusal(answer) is Refusal.LATER:
            return self._turned_away()
        if "[PRIVACYREQUIRED]" in answer.upper():
            return PlainRefused(f"{self.source.place} does not accept a login without TLS: use imaps://.")
        secret = "password" if self.credentials.token is None else "token"
        hint = "many providers require an app password" if secret == "password" else "it may have expired"  # noqa: S105
        return LoginRefused(
            f"{self.source.place} refuses the login {self.source.login} with this {secret}: "
            f"correct the login or the {secret} ({hint})."
        )


class _Client(IMAPClient):  # type: ignore[misc] # it has no types
    """imapclient's client, on a connection of ours."""

    def __init__(self, connector: Connector, tls: ssl.SSLContext | None) -> None:
        self._connector = connector
        source, seconds = connector.source, connector.connect_timeout_seconds
        super().__init__(
            source.host, source.port, ssl=tls is not None, ssl_context=tls, timeout=SocketTimeout(seconds, seconds)
        )

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 (imapclient's name)
        return _Imap(self._connector, self.ssl_context)


class _Imap(imaplib.IMAP4):
    """imaplib's connection, opened by the connector's `dial`, with TLS from its start if there is a context."""

    def __init__(self, connector: Connector, tls: ssl.SSLContext | None) -> None:
        self._dial, self._tls = connector.dial, tls
        super().__init__(connector.source.host, connector.source.port, connector.connect_timeout_seconds)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        super().open(host, port, timeout)
        self.file = self.sock.makefile("rb", READ_BYTES)  # type: ignore[assignment] # it has no narrower type

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connected = self._dial((self.host, self.port), timeout)
        return connected if self._tls is None else self._tls.wrap_socket(connected, server_hostname=self.host)


def is_loopback(host: str) -> bool:
    """Return whether the host is localhost or a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def close(client: IMAPClient) -> None:
    """Close a connection in any state, whatever the server sends; never raises an error."""
    with suppress(Exception):
        log_out(client)
    with suppress(Exception):
        client.shutdown()
