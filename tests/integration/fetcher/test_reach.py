"""A connector connects through its `dial` alone, and TLS still verifies the name."""

import socket
from dataclasses import replace
from typing import Any

import pytest

from fetcher.imap.connection import CertificateRefused, Connector, Credentials
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.reach import HostRefused, PublicOnly
from fetcher.imap.source import Source
from tests.support.dovecot import Dovecot
from tests.support.imap.mail import Folder
from tests.support.imap.server import ImapServer


def test_a_host_inside_is_refused_before_anything_is_sent() -> None:
    """A service that may reach only the Internet opens no connection to a host on its own machine."""
    with ImapServer({"INBOX": Folder()}) as server:
        source = Source("jane", "127.0.0.1", server.port, implicit_tls=False)

        with pytest.raises(HostRefused):
            Mailbox(Connector(source, Credentials("secret"), dial=PublicOnly()))

    assert server.count("LOGIN") == 0


def test_each_connection_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose address changes between two connections, as when one is lost, is refused at the second."""
    answers = ["127.0.0.1", "127.0.0.2"]
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        return real(answers.pop(0) if host == "mail.example.org" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with ImapServer({"INBOX": Folder()}) as server:
        source = Source("jane", "mail.example.org", server.port, implicit_tls=False)
        connector = Connector(source, Credentials("secret"), plain=True, dial=PublicOnly(["127.0.0.1"]))

        Mailbox(connector).close()
        with pytest.raises(HostRefused, match=r"mail\.example\.org"):
            Mailbox(connector)

    assert server.count("LOGIN") == 1


def test_tls_verifies_the_name_and_not_the_address(dovecot: Dovecot, login: str, connector: Connector) -> None:
    """The certificate must be valid for the host of the source, although the connection goes to an address."""
    allowed = replace(connector, dial=PublicOnly([connector.source.host]))

    Mailbox(allowed).close()
    with pytest.raises(CertificateRefused):
        Mailbox(
            replace(
                allowed,
                source=replace(connector.source, host="mail.example.org"),
                dial=lambda place, timeout: socket.create_connection((connector.source.host, place[1]), timeout),
            )
        )
