"""Parsing the name of a mailbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.imap.source import BadSource, Source

LOGINS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("imaps://jane@example.org", Source("jane", "example.org", 993, True)),
        ("imap://jane@example.org", Source("jane", "example.org", 143, False)),
        ("IMAPS://jane@IMAP.Example.ORG:1993", Source("jane", "imap.example.org", 1993, True)),
        ("imaps://jane%40acme.com@imap.example.org", Source("jane@acme.com", "imap.example.org", 993, True)),
        ("imaps://jane@acme.com@imap.example.org/", Source("jane@acme.com", "imap.example.org", 993, True)),
        ("imaps://jane%3Adoe@example.org", Source("jane:doe", "example.org", 993, True)),
        ("imap://jos%C3%A9@[::1]:1143", Source("josé", "::1", 1143, False)),
        ("  imaps://jane@example.org\n", Source("jane", "example.org", 993, True)),
    ],
)
def test_parse(url: str, source: Source) -> None:
    """A source has a scheme, login, host and port, with the usual default ports."""
    assert Source.parse(url) == source


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "https://jane@example.org",
        "imaps://",
        "imaps://example.org",
        "imaps://@example.org",
        "imaps://jane:secret@example.org",
        "imaps://jane:@example.org",
        "imaps://jane@",
        "imaps://jane@example.org:0",
        "imaps://jane@example.org:99999",
        "imaps://jane@example.org:x",
        "imaps://jane@exam ple.org",
        "imaps://jane@[::1",
        "imaps://jane@example.org/INBOX",
        "imaps://jane@example.org?x",
        "imaps://ja%0Ane@example.org",
        "imaps://%FF@example.org",
    ],
)
def test_what_is_no_source(url: str) -> None:
    """An invalid source is refused with a sentence that shows how to write it."""
    with pytest.raises(BadSource) as refused:
        Source.parse(url)

    assert str(refused.value).endswith(".")


def test_a_password_is_not_repeated() -> None:
    """A password in the URL is refused, and the error does not repeat it."""
    with pytest.raises(BadSource, match="password") as refused:
        Source.parse("imaps://jane:hunter2@example.org")

    assert "hunter2" not in str(refused.value)


def test_names() -> None:
    """A source's name has login, host and port, and its address is the login if that is an address."""
    mail, account = Source.parse("imaps://Jane%40Acme.com@IMAP.acme.com"), Source.parse("imap://Jane@[::1]:10")

    assert (mail.name, mail.address) == ("Jane@Acme.com@imap.acme.com:993", "jane@acme.com")
    assert (account.name, account.address) == ("Jane@[::1]:10", "jane@::1")


@given(LOGINS)
def test_any_login_round_trips(login: str) -> None:
    """Any percent-encoded login is decoded unchanged."""
    encoded = "".join(f"%{byte:02X}" for byte in login.encode())

    assert Source.parse(f"imaps://{encoded}@example.org").login == login
