"""Before a mining, a caller learns where a mailbox is and what is in it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fetcher.service import folders
from fetcher.service.app import make_app, make_room
from fetcher.service.doors import Doors
from fetcher.service.room import LISTED_AT_ONCE, Room
from fetcher.service.runs import Runs
from tests.support.fetcher_stack import mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

TOKEN = "the-token-of-the-service"


class Mail:
    """A mailbox, and a client of a service that can reach it."""

    def __init__(self, odd: OddImap, client: httpx.AsyncClient, room: Room) -> None:
        self.odd = odd
        self.room = room
        self.client = client
        self.login = {"source": f"imap://jane@127.0.0.1:{odd.port}", "password": "hunter2"}

    async def folders(self, **changes: Any) -> httpx.Response:
        """Ask for the folders."""
        return await self.client.post("/users/jo/folders", json=self.login | changes)


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    """Yield a mailbox with an inbox, an ordinary folder with a name beyond ASCII, and a bin."""
    known = {"INBOX": 3, "&AMk-t&AOk-": 2, "Trash": 1}
    with OddImap({name: OddFolder(dict(enumerate(mails(count), start=1))) for name, count in known.items()}) as odd:
        stack = odd_stack(odd).opened()
        room = make_room(stack, Runs(stack, claims=tmp_path, most=1))
        transport = httpx.ASGITransport(make_app(room, Doors(token=TOKEN)))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            yield Mail(odd, client, room)


async def test_folders_are_listed_with_what_a_choice_needs(mail: Mail) -> None:
    """Each folder has its name as people read it, its role and count, and whether it is mined or why not."""
    response = await mail.folders()

    assert response.status_code == 200
    assert {each.pop("name"): each for each in response.json()["folders"]} == {
        "INBOX": {"role": "inbox", "messages": 3, "mined": True, "reason": None},
        "Été": {"role": None, "messages": 2, "mined": True, "reason": None},
        "Trash": {"role": "trash", "messages": 1, "mined": False, "reason": "It is for deleted mail."},
    }


async def test_a_count_that_takes_too_long_stays_unknown(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox of thousands of folders is listed all the same, with the counts that came in time."""
    monkeypatch.setattr(folders, "COUNT_SECONDS", -1.0)

    response = await mail.folders()

    assert {each["messages"] for each in response.json()["folders"]} == {None}


async def test_one_user_cannot_list_all_the_time(mail: Mail) -> None:
    """Whoever has mail servers that never answer holds up themselves, not others, and gets their places back."""
    mail.room.listing.extend(["jo"] * (LISTED_AT_ONCE // 2))

    refused = await mail.folders()
    others = await mail.client.post("/users/ann/folders", json=mail.login)
    mail.room.listing.remove("jo")
    again = await mail.folders()

    assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    assert (others.status_code, again.status_code) == (200, 200)
    assert mail.room.listing == ["jo"] * (LISTED_AT_ONCE // 2 - 1)


@pytest.mark.parametrize(
    ("answers", "changes", "status", "code"),
    [
        (["NO wrong"], {}, 403, "login"),
        ([], {"source": "imap://jane@127.0.0.1:9"}, 502, "unreachable"),
        ([], {"source": "jane"}, 400, "request"),
        ([], {"password": None}, 400, "request"),
        ([], {"folders": ["INBOX"]}, 400, "request"),
    ],
)
async def test_a_mailbox_that_cannot_be_opened_says_why(
    mail: Mail, answers: list[str], changes: dict[str, Any], status: int, code: str
) -> None:
    """The answer is a sentence without the password, as at the start of a mining."""
    mail.odd.login_answers = answers

    response = await mail.folders(**changes)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert "hunter2" not in response.text


async def test_a_known_provider_is_told(mail: Mail) -> None:
    """An address of the table gives its server, how to sign in, and the source of a mining."""
    response = await mail.client.get("/providers", params={"address": "Jane.Doe@gmail.com"})

    provider = response.json()["provider"]
    assert (provider["name"], provider["server"], provider["port"]) == ("Gmail", "imap.gmail.com", 993)
    assert provider["source"] == "imaps://Jane.Doe@gmail.com@imap.gmail.com:993"
    assert (provider["accepts"], provider["oauth_only"]) == ("app passwords", False)
    assert "app passwords" in provider["advice"]
    assert provider["page"].startswith("https://")


async def test_a_provider_that_takes_no_password_says_so(mail: Mail) -> None:
    """Whoever has an address there learns it before they type a password."""
    response = await mail.client.get("/providers", params={"address": "jane@outlook.com"})

    assert response.json()["provider"]["oauth_only"] is True


async def test_an_unknown_provider_is_null(mail: Mail) -> None:
    """An address that is not in the table has no provider, and nobody else is asked."""
    response = await mail.client.get("/providers", params={"address": "jane@example.org"})

    assert (response.status_code, response.json()) == (200, {"provider": None})


@pytest.mark.parametrize("query", [{}, {"address": "jane"}, {"address": "@gmail.com"}, {"address": "a@b", "more": "1"}])
async def test_what_is_no_address_has_no_provider(mail: Mail, query: dict[str, str]) -> None:
    """A wrong question is refused with a sentence."""
    response = await mail.client.get("/providers", params=query)

    assert (response.status_code, response.json()["code"]) == (400, "request")
