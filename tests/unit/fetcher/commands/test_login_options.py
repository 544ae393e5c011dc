"""Before a password is asked for, a person learns where it goes and what the provider accepts."""

from collections.abc import Callable

import pytest
import typer

from fetcher.commands.login_options import confirm_server
from fetcher.commands.session import Session
from fetcher.exits import Misuse
from fetcher.imap.discovery import Found
from fetcher.imap.providers import provider_of_address
from fetcher.imap.source import Source

HOSTED = Source("jane@acme.example", "imap.hoster.example", 993)


def test_a_server_that_is_known_is_only_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The server and the provider are shown, and nobody is asked."""
    provider = provider_of_address("jane@gmail.com")
    assert provider is not None

    confirm_server(Session(), Found(provider.source("jane@gmail.com"), provider))

    assert capsys.readouterr().err == "The mail server is imap.gmail.com:993 (Gmail).\n"


def test_a_server_that_only_dns_names_needs_consent(
    capsys: pytest.CaptureFixture[str], answer: Callable[[str], None]
) -> None:
    """On a terminal, the person decides whether the password goes to a server of another domain."""
    answer("y")
    confirm_server(Session(), Found(HOSTED, elsewhere=True))
    answer("n")
    with pytest.raises(typer.Abort):
        confirm_server(Session(), Found(HOSTED, elsewhere=True))

    assert capsys.readouterr().err.count("Send the password of jane@acme.example to imap.hoster.example?") == 2


def test_without_a_terminal_the_server_must_be_named() -> None:
    """Without a terminal, such a server is refused, and the error has the URL that names it."""
    with pytest.raises(Misuse, match=r"imaps://jane@acme\.example@imap\.hoster\.example:993"):
        confirm_server(Session(), Found(HOSTED, elsewhere=True))
