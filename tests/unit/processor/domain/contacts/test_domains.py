"""A domain is a provider's, disposable or custom."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import processor.domain.data
from processor.domain.contacts.domains import MORE_PROVIDERS, NO_PROVIDERS, classify_domain, registrable_domain
from processor.domain.data.lists import read_entries

THROWN_AWAY = read_entries("disposable.txt")
SUFFIXES = read_entries("suffixes.txt")
PROVIDED = read_entries("providers.txt")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("gmail.com", "provider"),
        ("yahoo.co.uk", "provider"),
        ("orange.fr", "provider"),
        ("web.de", "provider"),
        ("libero.it", "provider"),
        ("proton.me", "provider"),
        ("hey.com", "provider"),
        ("mailinator.com", "disposable"),
        ("yopmail.com", "disposable"),
        ("eu.mailinator.com", "disposable"),
        ("acme.com", "custom"),
        ("example.org", "custom"),
        ("mail.gmail.com", "custom"),
        ("mymailinatoracme.com", "custom"),
        ("mailinator.com.example.org", "custom"),
        ("googlegroups.com", "custom"),
        ("com", "custom"),
        ("", "custom"),
    ],
)
def test_domains_have_their_class(host: str, expected: str) -> None:
    """A provider matches only by its exact name, a disposable domain also by its subdomains."""
    assert classify_domain(host) == expected


def test_the_longer_name_decides() -> None:
    """A listed provider is one even under a disposable domain."""
    assert (classify_domain("vip.21cn.com"), classify_domain("21cn.com")) == ("provider", "disposable")


@pytest.mark.parametrize("domains", [THROWN_AWAY, PROVIDED])
def test_the_lists_are_sorted_as_bisection_needs_them(domains: list[str]) -> None:
    """Domains are in order, in lower case, and listed once."""
    assert domains == sorted(set(domains))
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain) for domain in domains)


@pytest.mark.parametrize("name", ["disposable.txt", "providers.txt"])
def test_a_list_names_its_source_and_date(name: str) -> None:
    """Each file says where its entries come from, when they were read and under which license."""
    text = Path(processor.domain.data.__path__[0], name).read_text()

    assert re.search(r"^# Source: .+, read 20\d\d-\d\d; license MIT, see README\.md\.$", text, re.MULTILINE)


def test_every_domain_of_the_lists_is_found() -> None:
    """Bisection finds the first, the last and every other domain of a line."""
    assert {classify_domain(domain) for domain in THROWN_AWAY} == {"disposable"}
    assert {classify_domain(domain) for domain in set(PROVIDED) - NO_PROVIDERS} == {"provider"}


def test_the_corrections_are_needed() -> None:
    """Added domains are in neither list, and removed ones are in the list of providers."""
    assert MORE_PROVIDERS.isdisjoint(THROWN_AWAY)
    assert MORE_PROVIDERS.isdisjoint(PROVIDED)
    assert set(PROVIDED) >= NO_PROVIDERS


def test_the_lists_are_those_that_their_readme_describes() -> None:
    """The README beside the lists gives each list's license and number of domains."""
    readme = Path(processor.domain.data.__path__[0], "README.md").read_text()

    assert f"| MIT | {len(THROWN_AWAY):,} |" in readme
    assert f"| MIT | {len(PROVIDED):,} |" in readme
    assert f"| MPL-2.0 | {len(SUFFIXES):,} |" in readme
    assert f"| MIT | {len(read_entries('tlds.txt')):,} |" in readme


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("acme.com", "acme.com"),
        ("mail.eu.acme.com", "acme.com"),
        ("mail.acme.co.uk", "acme.co.uk"),
        ("update.com.br", "update.com.br"),
        ("co.uk", "co.uk"),
        ("com", "com"),
        ("", ""),
        ("mail.acme.github.io", "acme.github.io"),
        ("github.io", "github.io"),
        ("mail.acme.uk.com", "acme.uk.com"),
        ("mail.acme.foo.ck", "acme.foo.ck"),
        ("foo.ck", "foo.ck"),
        ("mail.www.ck", "www.ck"),
        ("mail.city.kobe.jp", "city.kobe.jp"),
        ("mail.acme.x.kobe.jp", "acme.x.kobe.jp"),
        ("mail.acme.unknown", "acme.unknown"),
        ("mail.acme.xn--55qx5d.cn", "acme.xn--55qx5d.cn"),
    ],
)
def test_registrable_domains(host: str, expected: str) -> None:
    """A registrable domain is a public suffix, by exact, wildcard and exception rules, and one more label."""
    assert registrable_domain(host) == expected


def test_the_public_suffixes() -> None:
    """The list is sorted, each rule has several labels and is valid, and the file names source, date and license."""
    text = Path(processor.domain.data.__path__[0], "suffixes.txt").read_text("ascii")

    assert sorted(set(SUFFIXES)) == SUFFIXES
    assert all(re.fullmatch(r"(!|\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*", rule) and "." in rule for rule in SUFFIXES)
    assert re.search(r"^# Source: .+, read 20\d\d-\d\d; license MPL-2\.0, see README\.md\.$", text, re.MULTILINE)
    assert "subject to the terms of the Mozilla Public License, v. 2.0." in text


@given(st.sampled_from(SUFFIXES))
def test_every_rule_applies(rule: str) -> None:
    """Each rule of the list decides about the hosts under it."""
    suffix = rule.lstrip("!*.")

    if rule.startswith("!"):
        assert registrable_domain(f"x.{suffix}") == suffix
    elif rule.startswith("*"):
        assert registrable_domain(f"x.acme.zz9.{suffix}") == f"acme.zz9.{suffix}"
    else:
        assert registrable_domain(f"x.acme9.{suffix}").endswith(suffix)
        assert registrable_domain(suffix) == suffix


@given(st.from_regex(r"[a-z0-9-]{1,8}(\.[a-z0-9-]{1,8}){0,3}", fullmatch=True))
def test_what_is_in_no_list_is_custom(host: str) -> None:
    """A domain that only resembles a listed one is custom."""
    names = {host[at:] for at in range(len(host)) if at == 0 or host[at - 1] == "."}

    listed = not names.isdisjoint(THROWN_AWAY) or host in PROVIDED or host in MORE_PROVIDERS

    assert (classify_domain(host) != "custom") == (listed and host not in NO_PROVIDERS)
