"""A link opens one session, once and soon; a cookie carries it; the secret behind both is the owner's alone."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fetcher.exits import Misconfigured
from fetcher.service.sessions import LINK_SECONDS, SECRET_FILE, SESSION_SECONDS, Sessions, kept_secret, make_link
from schemas.tokens import Claims, TokenScope, make_token
from tests.unit.fetcher.service.test_limits import Clock

SECRET = "the-secret-of-the-service"
START = 1_800_000_000.5


@pytest.fixture
def clock() -> Clock:
    """Return a clock at the service's start."""
    clock = Clock()
    clock.now = START
    return clock


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    """Return the sessions of a service that starts now."""
    return Sessions(SECRET, clock=clock)


def test_a_link_works_once(sessions: Sessions) -> None:
    """Looking at a link spends nothing; the first to spend it gets the session, and nobody after that."""
    link = sessions.link("jo")

    looked = [sessions.user_of_link(link) for _ in range(3)]
    with ThreadPoolExecutor(8) as threads:
        spent = list(threads.map(sessions.spend, [link] * 8))

    assert looked == ["jo"] * 3
    assert sorted(map(str, spent)) == ["None"] * 7 + ["jo"]
    assert sessions.user_of_link(link) is None


def test_a_link_of_another_process_works(sessions: Sessions, clock: Clock) -> None:
    """`leadminer token --link` makes links for the service that has the same secret."""
    clock.now += 5

    assert sessions.spend(make_link(SECRET, "jo", now=clock.now)) == "jo"
    assert sessions.spend(make_link("another-secret", "jo", now=clock.now)) is None


def test_a_link_works_for_ten_minutes(sessions: Sessions, clock: Clock) -> None:
    """After ten minutes a link opens nothing."""
    early, late = sessions.link("jo"), sessions.link("ann")
    clock.now += LINK_SECONDS - 1

    assert sessions.spend(early) == "jo"
    clock.now += 1
    assert sessions.spend(late) is None


def test_a_restart_revives_no_link(sessions: Sessions, clock: Clock) -> None:
    """A link from before the start of the service may have been spent, and opens nothing."""
    link = sessions.link("jo")
    sessions.spend(link)
    clock.now += 2

    assert Sessions(SECRET, clock=clock).spend(link) is None


def test_spent_links_are_forgotten_when_they_would_have_ended(sessions: Sessions, clock: Clock) -> None:
    """Memory holds the links of ten minutes and no more."""
    for user in range(50):
        sessions.spend(sessions.link(f"user-{user}"))
    clock.now += LINK_SECONDS

    sessions.spend(sessions.link("jo"))

    assert len(sessions._spent) == 1


def test_a_session_lasts_twelve_hours(sessions: Sessions, clock: Clock) -> None:
    """A cookie is its user's session for twelve hours, beyond a restart too."""
    cookie = sessions.cookie("jo")
    clock.now += SESSION_SECONDS - 1

    end = int(START) + SESSION_SECONDS
    assert Sessions(SECRET, clock=clock).read_cookie(cookie) == Claims("jo", frozenset(TokenScope), end)
    clock.now += 1
    assert sessions.read_cookie(cookie) is None


def test_nothing_passes_for_something_else(sessions: Sessions) -> None:
    """A link is no cookie, a cookie no link, and an access token under the same secret is neither."""
    link, cookie = sessions.link("jo"), sessions.cookie("jo")
    token = make_token(SECRET, "jo", TokenScope, START + 600)

    assert [sessions.read_cookie(each) for each in (link, token, "", cookie[:-1], f"{cookie}0")] == [None] * 5
    assert [sessions.spend(each) for each in (cookie, token, "", link[:-1], f"{link}0")] == [None] * 5


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    """Processes that start together find the same random secret, in a file that only its owner can read."""
    home = tmp_path / "new" / "home"
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(kept_secret, [home] * 8))

    [secret] = found
    assert len(secret) >= 43
    assert [path.name for path in home.iterdir()] == [SECRET_FILE]
    assert stat.S_IMODE((home / SECRET_FILE).stat().st_mode) == 0o600
    assert kept_secret(tmp_path / "other") != secret


def test_a_secret_that_cannot_be_kept(tmp_path: Path) -> None:
    """If the data directory cannot be used, the sentence says which settings help."""
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured, match="set SERVE_TOKEN, or LEADMINER_HOME"):
        kept_secret(tmp_path / "file")
