"""Supabase's users get in with their JWTs, and nobody with a forged one; an outage of the keys is survived."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from fetcher.ports import Unavailable
from fetcher.service.jwts import ASK_SECONDS, FRESH_SECONDS, Jwts, read_keys
from tests.support.supabase_auth import (
    EC_KEY,
    ISSUER,
    KEYS,
    OTHER_KEY,
    PROJECT,
    RSA_KEY,
    SECRET,
    forged,
    key_set,
    signed,
)
from tests.unit.fetcher.service.test_limits import Clock

FORGED = forged()


class Keys:
    """The address of the keys. It counts how often it is asked, and can be away."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = KEYS
        self.away = False
        self.asked: list[str] = []

    def __call__(self, url: str) -> list[Mapping[str, Any]]:
        self.asked.append(url)
        if self.away:
            raise Unavailable("away")
        return list(self.keys)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the test sets."""
    return Clock()


@pytest.fixture
def keys() -> Keys:
    """Return the project's keys."""
    return Keys()


@pytest.fixture
def jwts(keys: Keys, clock: Clock) -> Jwts:
    """Return the verifier of the project's tokens."""
    return Jwts(PROJECT, keys, clock=clock)


NESTED = f"{'W1tb' * 8_000}.e30."
"""A header of 24,000 brackets."""


async def user_of(jwts: Jwts, token: str) -> str | None:
    """Return the user of a token, or None if it opens nothing."""
    claims = await jwts.claims_of(token)
    return None if claims is None else claims.user


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        signed(key=RSA_KEY, algorithm="RS256", kid="two"),
        signed(aud=["authenticated", "other"]),
        signed(exp=2**33),
    ],
    ids=["ES256", "RS256", "two audiences", "far expiry"],
)
async def test_a_users_token(jwts: Jwts, keys: Keys, token: str) -> None:
    """A token that the project signed is its user's; the keys come from the project's address."""
    assert await user_of(jwts, token) == "jo"
    assert keys.asked == [f"{ISSUER}/.well-known/jwks.json"]


@pytest.mark.parametrize("wrong", FORGED)
@pytest.mark.parametrize("secret", ["", "another-secret-of-more-than-forty-characters-"])
async def test_a_forged_token_opens_nothing(keys: Keys, clock: Clock, wrong: str, secret: str) -> None:
    """A token that is not the project's, or not for its users, or over, is nobody's."""
    assert await user_of(Jwts(PROJECT, keys, secret=secret, clock=clock), FORGED[wrong]) is None


@pytest.mark.parametrize(
    "token",
    ["", ".", "a.b.c", "é.é.é", "e30.e30.", f"{signed()}x", signed()[:-9], "eyJhbGciOjF9.e30.", NESTED],
    ids=["empty", "dot", "letters", "accents", "nothing signed", "too long", "too short", "odd algorithm", "nested"],
)
async def test_what_is_no_token_opens_nothing(jwts: Jwts, token: str) -> None:
    """Whatever is not a JWT is refused without an error."""
    assert await user_of(jwts, token) is None


async def test_the_secret_is_for_hs256_alone(keys: Keys, clock: Clock) -> None:
    """If the project's secret is set, it verifies HS256, without asking for keys; it makes no other token valid."""
    jwts = Jwts(PROJECT, keys, secret=SECRET, clock=clock)

    assert await user_of(jwts, signed(key=SECRET, algorithm="HS256")) == "jo"
    assert await user_of(jwts, signed(key=SECRET, algorithm="HS512")) is None
    assert await user_of(jwts, signed()) == "jo"
    assert len(keys.asked) == 1


async def test_an_unknown_key_is_asked_for_once_a_minute(jwts: Jwts, keys: Keys, clock: Clock) -> None:
    """However many tokens name a key that is not there, the project is asked at most once a minute."""
    tokens = [signed(key=OTHER_KEY, kid=f"unknown-{number}") for number in range(20)]
    await asyncio.gather(*map(jwts.claims_of, tokens))
    keys.keys = [*KEYS, *key_set(three=OTHER_KEY)]

    before = await user_of(jwts, signed(key=OTHER_KEY, kid="three"))
    clock.now += ASK_SECONDS
    after = await user_of(jwts, signed(key=OTHER_KEY, kid="three"))

    assert (before, after) == (None, "jo")
    assert len(keys.asked) == 2


async def test_known_keys_go_on_while_the_project_is_away(jwts: Jwts, keys: Keys, clock: Clock) -> None:
    """During an outage, tokens of known keys stay valid, and one of an unknown key may be valid: 503 and not 401."""
    await user_of(jwts, signed())
    keys.away = True
    clock.now += 10 * FRESH_SECONDS

    with capture_logs() as logs:
        with pytest.raises(Unavailable, match="cannot be read now"):
            await user_of(jwts, signed(kid="new"))

        assert await user_of(jwts, signed()) == "jo"
    assert [(each["event"], each["known"]) for each in logs] == [("keys unavailable", 2)]


async def test_without_any_keys_nobody_can_tell(jwts: Jwts, keys: Keys, clock: Clock) -> None:
    """If the project is away from the start, its tokens cannot be verified until it is back."""
    keys.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await user_of(jwts, signed())
    keys.away = False
    clock.now += ASK_SECONDS

    assert await user_of(jwts, signed()) == "jo"
    assert len(keys.asked) == 2


async def test_a_revoked_key_is_forgotten(jwts: Jwts, keys: Keys, clock: Clock) -> None:
    """Known keys are asked for again beside the requests, and one that is gone verifies nothing any more."""
    await user_of(jwts, signed())
    keys.keys = key_set(two=RSA_KEY)
    clock.now += FRESH_SECONDS

    await user_of(jwts, signed())
    assert jwts._refresh is not None
    await jwts._refresh

    clock.now += 1
    assert await user_of(jwts, signed()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"alg": "HS256"},
        {"use": "enc"},
        {"kid": 1},
        {"kid": None},
        {"kty": ["EC"]},
        {"crv": "P-521"},
        {"x": "!"},
        {"x": None},
    ],
)
def test_only_keys_for_signatures_count(change: dict[str, Any]) -> None:
    """A key of another kind or use, or a broken one, is left out, and the others stay."""
    broken = key_set(odd=EC_KEY)[0] | change

    assert set(read_keys([broken, *KEYS])) == {"one", "two"}
