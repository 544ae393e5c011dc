"""A token gives access only to what it is for, and only for its time."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tokens import Claims, TokenScope, is_secret, make_token, read_token

READ, MINE, ERASE = TokenScope
NOW = 1_790_000_000


@given(user=st.text(st.characters(codec="utf-8"), min_size=1), scopes=st.sets(st.sampled_from(TokenScope), min_size=1))
def test_a_token_says_what_was_put_in(user: str, scopes: set[TokenScope]) -> None:
    """Any user and any scopes come back, dots included, and the token needs no escaping in a URL."""
    token = make_token("secret", user, scopes, NOW + 1)

    assert read_token(token, ["secret"], now=NOW) == Claims(user, frozenset(scopes), NOW + 1)
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert token.startswith("v1.")


def test_a_token_ends() -> None:
    """From its expiry on, a token is worth nothing."""
    token = make_token("secret", "jo", {READ}, NOW)

    assert read_token(token, ["secret"], now=NOW - 1) is not None
    assert read_token(token, ["secret"], now=NOW) is None


def test_a_token_of_the_previous_secret_is_valid() -> None:
    """Any of the secrets can have made a token; another secret, or none, opens nothing."""
    token = make_token("old", "jo", {READ}, NOW + 1)

    assert read_token(token, ["new", "old"], now=NOW) == Claims("jo", frozenset({READ}), NOW + 1)
    assert read_token(token, ["new"], now=NOW) is None
    assert read_token(token, [], now=NOW) is None


@pytest.mark.parametrize("part", range(5))
def test_no_part_can_be_changed(part: int) -> None:
    """Another user, more scopes or a later expiry make the token invalid."""
    mine = make_token("secret", "jo", {READ}, NOW + 1).split(".")
    other = make_token("another", "ann", {ERASE}, NOW + 9).replace("v1", "v2").split(".")

    forged = ".".join([*mine[:part], other[part], *mine[part + 1 :]])

    assert read_token(forged, ["secret"], now=NOW) is None


@pytest.mark.parametrize(
    "signed",
    ["v2.am8.read.{later}", "v1.am8.admin.{later}", "v1.am8..{later}", "v1.am8.read.x", "v1.a.read.{later}", "v1.read"],
)
def test_what_is_signed_is_checked_too(signed: str) -> None:
    """Another version, unknown scopes and malformed parts are refused even with a right signature."""
    key = hmac.digest(b"secret", b"leadminer access token v1", "sha256")
    text = signed.format(later=NOW + 1)

    token = f"{text}.{hmac.digest(key, text.encode(), 'sha256').hex()}"

    assert read_token(token, ["secret"], now=NOW) is None


def test_the_key_is_not_the_secret_itself() -> None:
    """An HMAC keyed with the secret itself, as another program may compute, is not a token."""
    signed = make_token("secret", "jo", {READ}, NOW + 1).rpartition(".")[0]

    forged = f"{signed}.{hmac.digest(b'secret', signed.encode(), 'sha256').hex()}"

    assert read_token(forged, ["secret"], now=NOW) is None


def test_an_empty_secret_opens_nothing() -> None:
    """If the setting is empty, neither an empty token nor one that anybody can make is accepted."""
    forged = make_token("", "jo", {READ}, NOW + 1)

    assert read_token(forged, [""], now=NOW) is None
    assert not is_secret("", [""])
    assert not is_secret("", ["secret"])


def test_each_secret_opens_everything() -> None:
    """The current and the previous secret are accepted as they are, and nothing else is."""
    assert is_secret("new", ["new", "old"])
    assert is_secret("old", ["new", "old"])
    assert not is_secret("ne", ["new", "old"])


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a stranger sends is only refused."""
    assert read_token(text, ["secret"]) is None
    assert not is_secret(text, ["secret of some length"])
