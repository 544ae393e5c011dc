"""Logins between two pages: only for their user, for ten minutes, and not without bounds."""

import asyncio

import pytest

from fetcher.ports import NotFound
from fetcher.service.orders import Login
from fetcher.service.pages import logins
from fetcher.service.pages.logins import MOST_LOGINS, HeldLogin, Logins

PASSWORD = "a-password-of-tests"


def login(user: str = "jane") -> HeldLogin:
    made = Login.model_validate_json(
        f'{{"source": "imaps://jane@example.org@imap.example.org", "password": "{PASSWORD}"}}'
    )
    return HeldLogin(user, "jane@example.org", made, ())


async def test_a_login_is_its_users_alone() -> None:
    """Another user with the handle finds nothing."""
    held = Logins()
    handle = held.hold(login())

    assert held.look_up(handle, user="jane").address == "jane@example.org"
    with pytest.raises(NotFound, match="expired"):
        held.look_up(handle, user="eve")


async def test_a_login_is_forgotten_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that nobody used leaves the memory after ten minutes, though nobody opens a page then."""
    monkeypatch.setattr(logins, "HELD_SECONDS", 0.05)
    held = Logins()
    handle = held.hold(login())
    before = held.look_up(handle, user="jane")

    await asyncio.sleep(0.2)

    assert before.user == "jane"
    assert not held._held
    with pytest.raises(NotFound):
        held.look_up(handle, user="jane")


async def test_an_erased_users_logins_are_forgotten() -> None:
    """Whoever erases everything has no password here afterwards, and others keep theirs."""
    held = Logins()
    mine, others = held.hold(login()), held.hold(login("ann"))

    held.forget("jane")

    with pytest.raises(NotFound):
        held.look_up(mine, user="jane")
    assert held.look_up(others, user="ann")


async def test_a_used_login_is_forgotten() -> None:
    """A login is dropped once its mining has it."""
    held = Logins()
    handle = held.hold(login())
    held.drop(handle)

    with pytest.raises(NotFound):
        held.look_up(handle, user="jane")


async def test_the_oldest_login_gives_way() -> None:
    """Logins do not fill the memory: beyond a user's share, their oldest is forgotten, and those of others stay."""
    held = Logins()
    first = held.hold(login("ann"))
    mine = [held.hold(login()) for _ in range(MOST_LOGINS)]

    assert held.look_up(first, user="ann")
    assert held.look_up(mine[-1], user="jane")
    with pytest.raises(NotFound):
        held.look_up(mine[0], user="jane")


async def test_logins_have_an_end() -> None:
    """However many users connect a mailbox at once, no more logins are held than there is room for."""
    held = Logins()
    handles = [held.hold(login(f"user-{number}")) for number in range(MOST_LOGINS + 1)]

    assert held.look_up(handles[-1], user=f"user-{MOST_LOGINS}")
    with pytest.raises(NotFound):
        held.look_up(handles[0], user="user-0")


def test_a_password_is_in_no_text_of_a_login() -> None:
    """Printing a login, such as in an error, does not show the password."""
    assert PASSWORD not in repr(login())
