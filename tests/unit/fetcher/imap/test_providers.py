"""The table of mail providers."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from fetcher.imap.providers import (
    NORMAL,
    OAUTH,
    Provider,
    provider_of_address,
    provider_of_exchanger,
    provider_of_host,
    providers,
)
from fetcher.imap.source import Source

NAMES = [f"{one.name} {one.domains[0]}" for one in providers()]


@pytest.mark.parametrize("provider", providers(), ids=NAMES)
def test_an_entry_is_whole(provider: Provider) -> None:
    """Every provider has domains in lower case, TLS, a known form of login, and a page if anything must be done."""
    assert provider.domains
    assert all(domain == domain.lower() and "." in domain for domain in (*provider.domains, *provider.mx))
    assert (provider.port, provider.starttls) in {(993, False), (1143, True)}
    assert provider.login in {"address", "name"}
    assert provider.accepts.endswith(("passwords", "codes", OAUTH)) or provider.accepts.startswith("passwords for ")
    assert provider.page or (provider.accepts == NORMAL and not provider.first)
    assert urlsplit(provider.page).scheme in {"https", ""}


def test_no_domain_has_two_providers() -> None:
    """A domain belongs to one provider."""
    counted = Counter(domain for one in providers() for domain in one.domains)

    assert [domain for domain, times in counted.items() if times > 1] == []


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("jane@gmail.com", Source("jane@gmail.com", "imap.gmail.com", 993, own="jane@gmail.com")),
        ("Jane@GoogleMail.com", Source("Jane@GoogleMail.com", "imap.gmail.com", 993, own="jane@googlemail.com")),
        ("jane@me.com", Source("jane", "imap.mail.me.com", 993, own="jane@me.com")),
        ("jane@proton.me", Source("jane@proton.me", "127.0.0.1", 1143, implicit_tls=False, own="jane@proton.me")),
    ],
)
def test_an_address_becomes_a_source(address: str, source: Source) -> None:
    """The login is what the provider wants, and the mailbox's own address stays known."""
    provider = provider_of_address(address)

    assert provider is not None
    assert provider.source(address) == source
    assert provider.source(address).address == address.lower()


def test_a_provider_is_known_by_its_servers() -> None:
    """A provider is found by its IMAP server and its mail exchangers, and only by whole labels of their names."""
    gmail = provider_of_address("jane@gmail.com")

    assert provider_of_host("IMAP.gmail.com") is gmail
    assert provider_of_exchanger("alt1.aspmx.l.google.com.") is gmail
    assert provider_of_exchanger("evilaspmx.l.google.com.attacker.example.") is None
    assert provider_of_exchanger("not-aspmx.l.google.com.") is None
    assert provider_of_host("127.0.0.1") is None


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("jane@gmail.com", "Gmail accepts only app passwords over IMAP, not your normal password. See https://"),
        ("jane@gmx.de", "Before the first login at GMX, turn on POP3 and IMAP"),
        ("jane@free.fr", ""),
    ],
)
def test_advice_says_what_to_do_first(address: str, advice: str) -> None:
    """Advice names what the provider accepts, what to do first, and the page; it is empty if a password just works."""
    provider = provider_of_address(address)

    assert provider is not None
    assert provider.advice.startswith(advice)
    assert bool(provider.advice) is bool(advice)


@pytest.mark.parametrize("address", ["jane@outlook.com", "jane@hotmail.co.uk", "jane@live.de", "jane@msn.com"])
def test_microsoft_accepts_no_password(address: str) -> None:
    """All of Microsoft's domains need OAuth."""
    provider = provider_of_address(address)

    assert provider is not None
    assert provider.oauth_only
