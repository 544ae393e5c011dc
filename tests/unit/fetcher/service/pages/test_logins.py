"""Logins between two pages: only for their user, for ten minutes, and not without bounds."""

import pytest

from fetcher.ports import NotFound
from fetcher.service.orders import Login
from fetcher.service.pages.logins import HELD_SECONDS, MOST_LOGINS, HeldLogin, Logins

PASSWORD = "a-password-of-tests"


def login(user: str = "jane") -> HeldLogin:
    made = Login.model_validate_json(
        f'{{"source": "imaps://jane@example.org@imap.example.org", "password": "{PASSWORD}"}}'
    )
    return HeldLogin(user, "jane@example.org", made, ())


def test_a_login_is_its_users_alone() -> None:
    """Another user with the handle finds nothing."""
    logins = Logins()
    handle = logins.hold(login())

    assert logins.look_up(handle, user="jane").address == "jane@example.org"
    with pytest.raises(NotFound, match="expired"):
        logins.look_up(handle, user="eve")


def test_a_login_is_forgotten_after_ten_minutes() -> None:
    """A login that nobody used is gone after ten minutes."""
    now = [0.0]
    logins = Logins(clock=lambda: now[0])
    handle = logins.hold(login())
    now[0] = HELD_SECONDS

    with pytest.raises(NotFound):
        logins.look_up(handle, user="jane")


def test_a_used_login_is_forgotten() -> None:
    """A login is dropped once its mining has it."""
    logins = Logins()
    handle = logins.hold(login())
    logins.drop(handle)

    with pytest.raises(NotFound):
        logins.look_up(handle, user="jane")


def test_the_oldest_login_gives_way() -> None:
    """Logins do not fill the memory: beyond the most, the oldest is forgotten."""
    logins = Logins()
    first = logins.hold(login())
    others = [logins.hold(login()) for _ in range(MOST_LOGINS)]

    with pytest.raises(NotFound):
        logins.look_up(first, user="jane")
    assert logins.look_up(others[0], user="jane")


def test_a_password_is_in_no_text_of_a_login() -> None:
    """Printing a login, such as in an error, does not show the password."""
    assert PASSWORD not in repr(login())
