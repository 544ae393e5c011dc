"""Connecting to a real server, and the errors if that fails."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from fetcher.imap.connection import (
    CertificateRefused,
    Connector,
    Credentials,
    HostUnreachable,
    LoginRefused,
    NotImap,
    PlainRefused,
    is_loopback,
)
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.source import Source
from fetcher.ports import Trouble
from schemas.scope import Scope
from tests.support.dovecot import Dovecot
from tests.support.odd_imap import OddImap


@contextmanager
def listener(greeting: bytes | None = None) -> Iterator[int]:
    """Yield the port of a server that sends one text and hangs up, or sends nothing."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                if greeting is None:
                    ended.wait(10)
                else:
                    client.sendall(greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        thread.join(10)


def refusal(connector: Connector) -> Trouble:
    """Return the Trouble with which connecting fails."""
    with pytest.raises(Trouble) as refused:
        Mailbox(connector)
    return refused.value


def at(connector: Connector, **changes: object) -> Connector:
    """Return a connector to another source."""
    return replace(connector, source=replace(connector.source, **changes))  # type: ignore[arg-type]


def test_tls_from_the_start(connector: Connector) -> None:
    """A login over TLS works if the server's own certificate authority is trusted."""
    mailbox = Mailbox(connector)

    assert [folder.name for folder in mailbox.folders()] == ["INBOX"]
    mailbox.close()


def test_a_wrong_password(connector: Connector) -> None:
    """The error for a wrong password names the login and the server, but not the password."""
    trouble = refusal(replace(connector, credentials=Credentials("hunter2")))

    assert isinstance(trouble, LoginRefused)
    assert connector.source.login in str(trouble)
    assert connector.source.place in str(trouble)
    assert "hunter2" not in str(trouble)


@pytest.mark.parametrize("password", ["line\nend", "nul\0"])
def test_a_password_that_breaks_the_line(connector: Connector, password: str) -> None:
    """A password with a control character never reaches the server, because it would end the command."""
    assert "control character" in str(refusal(replace(connector, credentials=Credentials(password))))


def test_a_server_that_turns_everybody_away() -> None:
    """A server that hangs up with a BYE is reported as busy, not as refusing the password."""
    with OddImap({}) as server:
        server.greeting = "* BYE too many connections"
        source = Source("jane", server.host, server.port, implicit_tls=False)
        trouble = refusal(Connector(source, Credentials("secret")))

    assert isinstance(trouble, HostUnreachable)
    assert "try again later" in str(trouble)


def test_a_password_beyond_ascii(dovecot: Dovecot, login: str, connector: Connector) -> None:
    """A password in any script works."""
    dovecot.add_user(login, "пароль")

    mailbox = Mailbox(replace(connector, credentials=Credentials("пароль")))

    assert mailbox.folders()
    mailbox.close()


def test_a_certificate_of_nobody_known(connector: Connector, tmp_path: Path) -> None:
    """The certificate is always verified: without its authority, or with another one, nothing is sent."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    for ca_file in (None, other):
        trouble = refusal(replace(connector, ca_file=ca_file))
        assert isinstance(trouble, CertificateRefused)
        assert "trust the certificate" in str(trouble)


def test_a_certificate_of_another_host(connector: Connector) -> None:
    """A certificate for another host is refused, and the error says which names differ."""
    trouble = refusal(at(connector, host="127.0.0.1"))

    assert isinstance(trouble, CertificateRefused)
    assert "127.0.0.1" in str(trouble)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_ca_file_that_is_none(connector: Connector, tmp_path: Path, text: str | None) -> None:
    """If the certificate file is missing or not PEM, the error names it."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)

    trouble = refusal(replace(connector, ca_file=path))

    assert isinstance(trouble, CertificateRefused)
    assert str(path) in str(trouble)


def test_a_port_where_nothing_listens(connector: Connector) -> None:
    """The error for a closed port names the port."""
    trouble = refusal(at(connector, port=1))

    assert isinstance(trouble, HostUnreachable)
    assert "localhost:1" in str(trouble)


def test_a_host_that_does_not_exist(connector: Connector) -> None:
    """The error for a host that does not resolve names the host."""
    trouble = refusal(at(connector, host="mail.invalid"))

    assert isinstance(trouble, HostUnreachable)
    assert "mail.invalid" in str(trouble)


def test_a_host_that_keeps_silent(connector: Connector) -> None:
    """The connector gives up on a silent server after the connect timeout."""
    with listener() as port:
        trouble = refusal(replace(at(connector, port=port), connect_timeout_seconds=0.2))

    assert isinstance(trouble, HostUnreachable)


@pytest.mark.parametrize("implicit_tls", [True, False])
def test_a_port_of_something_else(connector: Connector, implicit_tls: bool) -> None:
    """The error for a port with another protocol suggests the other scheme."""
    with listener(b"220 mail.example.org ESMTP\r\n") as port:
        trouble = refusal(at(connector, port=port, implicit_tls=implicit_tls))

    assert isinstance(trouble, NotImap)
    assert "imap" in str(trouble)


def test_plain_on_loopback(dovecot: Dovecot, connector: Connector) -> None:
    """On loopback imap:// needs no TLS."""
    mailbox = Mailbox(at(connector, host="127.0.0.1", port=dovecot.port, implicit_tls=False))

    assert mailbox.folders()
    mailbox.close()


def test_starttls(dovecot: Dovecot, connector: Connector) -> None:
    """On other hosts, imap:// uses STARTTLS, and the certificate is verified too."""
    starttls = at(connector, host=dovecot.other_host, port=dovecot.port, implicit_tls=False)

    mailbox = Mailbox(starttls)
    encrypted = mailbox._client.socket().version()
    mailbox.close()
    trouble = refusal(replace(starttls, ca_file=None))

    assert encrypted.startswith("TLS")
    assert isinstance(trouble, CertificateRefused)


def test_no_starttls() -> None:
    """A server without STARTTLS gets no password unless plain connections are explicitly allowed."""
    with OddImap({}) as server:
        source = Source("jane", Dovecot.other_host, server.port, implicit_tls=False)
        connector = Connector(source, Credentials("secret"))
        trouble = refusal(connector)
        logins = server.logins
        Mailbox(replace(connector, plain=True)).close()

    assert isinstance(trouble, PlainRefused)
    assert "allow it" in str(trouble)
    assert (logins, server.logins) == (0, 1)


def test_logins_disabled() -> None:
    """A server that accepts no password without TLS is distinguished from one that refuses the password."""
    with OddImap({}, capabilities="LOGINDISABLED") as server:
        source = Source("jane", server.host, server.port, implicit_tls=False)
        trouble = refusal(Connector(source, Credentials("secret")))

    assert isinstance(trouble, PlainRefused)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "LIMIT", "INUSE"])
def test_a_busy_server(code: str) -> None:
    """A busy server is distinguished from one that refuses the password."""
    with OddImap({}) as server:
        server.login_answers = [f"NO [{code}] not now"]
        source = Source("jane", server.host, server.port, implicit_tls=False)
        trouble = refusal(Connector(source, Credentials("secret")))

    assert isinstance(trouble, HostUnreachable)


@pytest.mark.parametrize("capabilities", ["AUTH=XOAUTH2 SASL-IR", "AUTH=OAUTHBEARER"])
def test_token(dovecot: Dovecot, login: str, connector: Connector, capabilities: str) -> None:
    """A valid token logs in, an expired one does not, and the provider is called for each login."""
    tokens = [dovecot.token(login), dovecot.token(login, seconds=-10), dovecot.token(login)]
    by_token = replace(connector, credentials=Credentials(token=lambda: tokens.pop(0)))

    Mailbox(by_token).close()
    trouble = refusal(by_token)
    Mailbox(by_token).close()

    assert isinstance(trouble, LoginRefused)
    assert "token" in str(trouble)


def test_no_tokens_taken() -> None:
    """A server without OAuth is distinguished from one that refuses the token."""
    with OddImap({}) as server:
        source = Source("jane", server.host, server.port, implicit_tls=False)
        trouble = refusal(Connector(source, Credentials(token=lambda: "token")))

    assert "log in with a password" in str(trouble)


def test_no_credentials_and_no_mail_in_logs(
    dovecot: Dovecot, login: str, connector: Connector, caplog: pytest.LogCaptureFixture
) -> None:
    """Even with every logger at DEBUG, neither logs nor imaplib's debug buffer contain a login, password or mail."""
    dovecot.deliver(login, "INBOX", [b"Subject: the secret of the mail\r\n\r\nx\r\n"])
    caplog.set_level(logging.DEBUG)

    mailbox = Mailbox(connector)
    opened = mailbox.examine("INBOX")
    mailbox.fetch(mailbox.search(opened, since=None).uids, Scope.TEXT)
    kept = str(mailbox._client._imap._cmd_log)
    mailbox.close()

    for text in (caplog.text, kept):
        assert login not in text
        assert "correct horse" not in text
        assert "the secret" not in text


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    """Only localhost and this machine's loopback addresses count as loopback."""
    assert is_loopback(host) is loopback


def test_credentials_do_not_show() -> None:
    """The repr of credentials shows neither the password nor the token."""
    assert "hunter2" not in repr(Connector(Source("jane", "a.example.org", 993), Credentials("hunter2")))
