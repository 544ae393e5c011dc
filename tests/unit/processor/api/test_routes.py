"""The API accepts only the right token and answers as documented."""

import asyncio
import base64
import json
import math
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl

import pytest

from processor.api.routes import Api, Request
from processor.minings.table import MAX_UNFINISHED
from schemas.migrations import PERMANENT, read_migrations
from schemas.tokens import TokenScope, make_token
from tests.support.stack import AS_OF, TOKEN, Folder, Stack, mail
from tests.support.tokens import user_token

MAILBOX = Folder([[mail(n, sender=f"p{n}@firm.com") for n in range(4)]])
MINING = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
BEGIN = {
    "id": MINING,
    "source": "me@example.org@imap.example.org:993",
    "address": "me@example.org",
    "chunks": 4,
    "holder": "test",
}
READ, MINE, ERASE = TokenScope
SCOPES = {
    ("POST", "minings"): MINE,
    ("GET", "minings"): READ,
    ("GET", f"minings/{MINING}"): READ,
    ("POST", f"minings/{MINING}/renew"): MINE,
    ("POST", f"minings/{MINING}/fetched"): MINE,
    ("GET", f"minings/{MINING}/report"): READ,
    ("POST", f"minings/{MINING}/cancel"): MINE,
    ("POST", f"minings/{MINING}/retry"): MINE,
    ("GET", "contacts"): READ,
    ("GET", "contacts/jane@acme.com"): READ,
    ("GET", "total"): READ,
    ("GET", "address"): READ,
    ("GET", "suppressions"): READ,
    ("POST", "erase"): ERASE,
    ("POST", "allow"): ERASE,
}
ROUTES = [*SCOPES]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", ["", "wrong", "jo.", ".", user_token("another service", "jo")])
async def test_without_a_token_there_is_401_and_nothing_else(stack: Stack, method: str, path: str, token: str) -> None:
    """Without a token, or with a wrong one, a response does not reveal what exists."""
    response = await stack.ask(method, f"/users/jo/{path}", {}, token=token)

    assert response.status == 401
    assert set(response.body) == {"error", "code"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_users_token_opens_that_user_alone(stack: Stack, method: str, path: str) -> None:
    """Another user's paths get 404, like paths that do not exist."""
    response = await stack.ask(method, f"/users/jo/{path}", {}, token=user_token(TOKEN, "ann"))

    assert response.status == 404


async def test_a_users_token_opens_that_users_paths(stack: Stack) -> None:
    """A user's token opens that user's paths, even if the name contains dots and slashes."""
    token = user_token(TOKEN, "jo.doe/1")

    response = await stack.ask("GET", "/users/jo.doe%2F1/minings", token=token)

    assert (response.status, response.body) == (200, {"minings": []})


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_token_opens_what_its_scope_allows(stack: Stack, method: str, path: str) -> None:
    """Each route asks for one scope: a token with all others gets 403, and one with that scope alone gets further."""
    scope = SCOPES[method, path]
    others = user_token(TOKEN, "jo", *({*TokenScope} - {scope}))

    refused = await stack.ask(method, f"/users/jo/{path}", {}, token=others)
    allowed = await stack.ask(method, f"/users/jo/{path}", {}, token=user_token(TOKEN, "jo", scope))

    assert (refused.status, refused.body["code"]) == (403, "scope")
    assert scope in refused.body["error"]
    assert allowed.status not in (401, 403)


async def test_every_route_is_tested(stack: Stack) -> None:
    """The routes in these tests are all routes that there are."""
    shapes = {(method, path.replace(MINING, "*").replace("jane@acme.com", "*")) for method, path in ROUTES}

    assert shapes == {*stack.api._routes}


async def test_a_token_ends(stack: Stack) -> None:
    """An expired token is worth as much as none."""
    expired = make_token(TOKEN, "jo", TokenScope, time.time() - 1)

    response = await stack.ask("GET", "/users/jo/minings", token=expired)

    assert (response.status, response.body["code"]) == (401, "token")


async def test_the_previous_secret_still_opens(stack: Stack) -> None:
    """During a rotation, a fetcher with the previous secret and tokens made from it are still accepted."""
    api = stack.api
    stack.api = Api(api._fetching, api._records, secrets=["new", TOKEN], version="test")

    tokens = ["new", TOKEN, user_token("new", "jo"), user_token(TOKEN, "jo"), "other", user_token("other", "jo")]
    answers = [await stack.ask("GET", "/users/jo/minings", token=token) for token in tokens]

    assert [answer.status for answer in answers] == [200, 200, 200, 200, 401, 401]


async def test_health_needs_no_token_and_no_database() -> None:
    """The health check answers from memory, to anybody."""
    nothing: Any = None
    api = Api(nothing, nothing, secrets=[TOKEN], version="test")

    response = await api.answer(Request("GET", "/health"))

    assert (response.status, response.body) == (200, {"status": "ok", "version": "test"})


@pytest.mark.parametrize("scope", TokenScope)
async def test_ready_says_that_both_databases_answer(stack: Stack, scope: TokenScope) -> None:
    """The deep check needs a token of any scope, and names the schema's version."""
    tokens = [TOKEN, user_token(TOKEN, "jo", scope), ""]

    service, user, nobody = [await stack.ask("GET", "/ready", token=token) for token in tokens]

    assert (service.status, service.body["status"]) == (200, "ok")
    assert service.body["schema"] == read_migrations(PERMANENT)[-1].id
    assert user == service
    assert (nobody.status, nobody.body["code"]) == (401, "token")


async def test_the_body_is_read_after_the_token(stack: Stack) -> None:
    """No request without the right token, path or scope has its body read; the right one is read once."""
    reads = []

    async def body() -> bytes:
        reads.append(1)
        return b'{"address": null}'

    reader = user_token(TOKEN, "jo", READ)
    refused = [
        ("", "jo/erase"),
        ("wrong", "jo/erase"),
        (reader, "ann/erase"),
        (TOKEN, "jo/nothing"),
        (reader, "jo/erase"),
    ]

    answers = [await stack.api.answer(Request("POST", f"/users/{path}", token, body=body)) for token, path in refused]
    before = len(reads)
    allowed = await stack.api.answer(Request("POST", "/users/jo/erase", TOKEN, body=body))

    assert [answer.status for answer in answers] == [401, 401, 404, 404, 403]
    assert (before, allowed.status, len(reads)) == (0, 200, 1)


@pytest.mark.parametrize("path", ["/", "/users", "/users/jo", "/users//minings", "/users/jo/nothing", "/minings"])
async def test_unknown_paths_are_404(stack: Stack, path: str) -> None:
    """A path that matches no route gets 404."""
    assert (await stack.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"id": "no uuid"},
        {"id": None},
        {"source": ""},
        {"address": 5},
        {"chunks": 0},
        {"chunks": "16"},
        {"scope": "everything"},
        {"since": "yesterday"},
        {"as_of": "2026-02-30"},
        {"folders": "INBOX"},
        {"me": [1]},
        {"full": "yes"},
        {"holder": ""},
        {"source": "a\0b"},
        {"address": "jane@\ud800.com"},
        {"me": ["a\0@x.com"]},
        {"folders": [["\ud83d"]]},
        {"holder": "half a pair: \ud800"},
    ],
)
async def test_a_malformed_begin_is_refused_by_name(stack: Stack, change: dict[str, object]) -> None:
    """The response names the wrong field."""
    response = await stack.ask("POST", "/users/jo/minings", BEGIN | change)

    assert response.status == 400
    assert next(iter(change)) in response.body["error"]


@pytest.mark.parametrize("path", ["/users/jo%00/minings", "/users/jo/minings/%00", "/users/jo/minings/%00/report"])
async def test_a_path_that_no_database_takes_is_refused(stack: Stack, path: str) -> None:
    """A NUL in a path is the caller's mistake and gets 400."""
    assert (await stack.ask("GET", path)).status == 400


@pytest.mark.parametrize("address", ["\0@acme.com", "jane\ud800@acme.com"])
async def test_an_address_that_no_database_takes_is_refused(stack: Stack, address: str) -> None:
    """An address that no database can store gets 400."""
    response = await stack.ask("POST", "/users/jo/erase", {"address": address})

    assert (response.status, response.body["code"]) == (400, "request")


async def test_beginning_is_idempotent_by_id(stack: Stack) -> None:
    """A repeated begin by the same fetcher returns the same mining with a higher lease."""
    first = await stack.ask("POST", "/users/jo/minings", BEGIN)
    second = await stack.ask("POST", "/users/jo/minings", BEGIN)

    assert first.body["id"] == second.body["id"] == BEGIN["id"]
    assert second.body["lease"] > first.body["lease"]
    assert not second.body["resumed"]


async def test_a_source_has_one_unfinished_mining(stack: Stack) -> None:
    """A begin with another id returns the unfinished mining to resume, with its fixed settings."""
    await stack.ask("POST", "/users/jo/minings", BEGIN | {"scope": "headers", "as_of": AS_OF})

    response = await stack.ask("POST", "/users/jo/minings", BEGIN | {"id": str(uuid.uuid4())})

    assert response.body["resumed"]
    assert response.body["id"] == BEGIN["id"]
    assert (response.body["settings"]["scope"], response.body["settings"]["as_of"]) == ("headers", AS_OF)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", "full"),
        ("since", "2020-01-01"),
        ("as_of", "2019-01-01"),
        ("folders", ["INBOX"]),
        ("full", True),
        ("me", ["else@example.org"]),
    ],
)
async def test_a_resume_that_says_otherwise_is_refused_by_name(stack: Stack, name: str, value: object) -> None:
    """Settings that were fixed at begin cannot be changed by a resume."""
    await stack.ask("POST", "/users/jo/minings", BEGIN)

    response = await stack.ask("POST", "/users/jo/minings", BEGIN | {name: value})

    assert (response.status, response.body["code"]) == (409, "fixed")
    assert name in response.body["error"]


async def test_a_live_lease_keeps_others_out(stack: Stack) -> None:
    """Another fetcher is refused while the holder is active, and gets the mining once the holder is silent."""
    await stack.ask("POST", "/users/jo/minings", BEGIN)
    held = await stack.ask("POST", "/users/jo/minings", BEGIN | {"holder": "other"})
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute("UPDATE minings SET heard_at = now() - interval '2 minutes'")

    taken = await stack.ask("POST", "/users/jo/minings", BEGIN | {"holder": "other"})

    assert (held.status, held.body["code"]) == (409, "held")
    assert taken.status == 200


@pytest.mark.parametrize("call", ["renew", "fetched"])
async def test_an_old_lease_is_refused(stack: Stack, call: str) -> None:
    """A fetcher that was replaced gets 409 and does not change the mining."""
    old = (await stack.ask("POST", "/users/jo/minings", BEGIN)).body["lease"]
    await stack.ask("POST", "/users/jo/minings", BEGIN)

    response = await stack.ask("POST", f"/users/jo/minings/{MINING}/{call}", {"lease": old})

    assert (response.status, response.body["code"]) == (409, "lease")
    assert (await stack.ask("GET", f"/users/jo/minings/{MINING}")).body["state"] == "fetching"


@pytest.mark.parametrize("lease", ["1", None, -1, 10**30, True])
async def test_a_lease_is_a_number(stack: Stack, lease: object) -> None:
    """A lease that is not a valid number is refused before a database is asked."""
    await stack.ask("POST", "/users/jo/minings", BEGIN)

    response = await stack.ask("POST", f"/users/jo/minings/{MINING}/renew", {"lease": lease})

    assert (response.status, response.body["code"]) == (400, "request")


@pytest.mark.parametrize("path", ["/users/%00/minings", "/users/jo/minings/%00", "/users/jo/contacts?source=%00"])
async def test_nul_characters_are_refused(stack: Stack, path: str) -> None:
    """Text that no database can store is refused before one is asked."""
    path, _, query = path.partition("?")

    response = await stack.ask("GET", path, **dict(parse_qsl(query)))

    assert (response.status, response.body["code"]) == (400, "request")


async def test_a_body_nested_without_end_is_refused(stack: Stack) -> None:
    """A body nested too deeply to parse gets 400, not 500."""

    async def body() -> bytes:
        return b"[" * 200_000

    response = await stack.api.answer(Request("POST", "/users/jo/erase", TOKEN, body=body))

    assert (response.status, response.body["code"]) == (400, "request")


async def test_a_user_has_a_limited_number_of_unfinished_minings(stack: Stack) -> None:
    """The next one is refused with its own code. Resuming, other users, and a place that gets free are not affected."""
    sources = [f"me@example.org@imap{number}.example.org:993" for number in range(MAX_UNFINISHED + 1)]
    begun = [await stack.begin(source=source) for source in sources[:-1]]
    more = BEGIN | {"source": sources[-1]}

    refused = await stack.ask("POST", "/users/jo/minings", more)
    listed = await stack.ask("GET", "/users/jo/minings")
    resumed = await stack.begin(source=sources[0])
    other = await stack.ask("POST", "/users/ann/minings", more | {"id": str(uuid.uuid4())})
    await stack.fetched(resumed)
    await stack.drain()
    allowed = await stack.ask("POST", "/users/jo/minings", more)

    assert (refused.status, refused.body["code"]) == (409, "many")
    assert len(listed.body["minings"]) == MAX_UNFINISHED
    assert resumed.id == begun[0].id
    assert (other.status, allowed.status) == (200, 200)


async def test_minings_that_begin_at_once_are_counted_too(stack: Stack) -> None:
    """However many begin at the same moment, no more than the limit begin."""
    asked = [
        BEGIN | {"id": str(uuid.uuid4()), "source": f"me@example.org@imap{number}.example.org:993"}
        for number in range(MAX_UNFINISHED + 10)
    ]

    answers = await asyncio.gather(*(stack.ask("POST", "/users/jo/minings", each) for each in asked))

    assert sorted(answer.status for answer in answers) == [200] * MAX_UNFINISHED + [409] * 10
    assert {answer.body["code"] for answer in answers if answer.status == 409} == {"many"}


async def test_retrying_is_for_minings_that_are_there(stack: Stack) -> None:
    """Retrying an ended mining is too late (409). Another user's mining, or none, is unknown (404)."""
    ended = await stack.mine(MAILBOX)
    other = await stack.mine(MAILBOX, user="ann")

    answers = [
        await stack.ask("POST", f"/users/jo/minings/{mining}/retry") for mining in (ended.id, other.id, BEGIN["id"])
    ]

    assert [answer.status for answer in answers] == [409, 404, 404]


async def test_an_ended_id_is_answered_with_its_receipt(stack: Stack) -> None:
    """A begin with the id of a finished mining returns its receipt and starts nothing."""
    begun = await stack.mine(MAILBOX)

    response = await stack.ask("POST", "/users/jo/minings", BEGIN | {"id": begun.id})

    assert response.body["state"] == "finished"
    assert response.body["receipt"]["objects"] == 2


async def test_an_id_of_another_user_is_unknown(stack: Stack) -> None:
    """Neither begin nor any other call reveals that another user's mining exists."""
    begun = await stack.mine(MAILBOX, user="ann")

    answers = [
        await stack.ask("POST", "/users/jo/minings", BEGIN | {"id": begun.id}),
        await stack.ask("GET", f"/users/jo/minings/{begun.id}"),
        await stack.ask("GET", f"/users/jo/minings/{begun.id}/report"),
    ]

    assert [answer.status for answer in answers] == [404, 404, 404]


async def test_own_addresses_are_those_of_all_sources(stack: Stack) -> None:
    """A later mining knows the own addresses from all of the user's earlier minings."""
    await stack.mine(MAILBOX, address="Old@Example.org", source="old@imap.example.org:993")

    begun = await stack.begin(me=["alias+x@example.org"])

    assert list(begun.answer["settings"]["own"]) == ["alias@example.org", "me@example.org", "old@example.org"]


@pytest.mark.parametrize(("order", "turn"), [("warmth", 1), ("name", -1), ("recent", 1)])
async def test_contacts_come_in_pages_until_an_empty_one(stack: Stack, order: str, turn: int) -> None:
    """Following the cursor returns every contact once, in the order that was asked for."""
    await stack.mine(MAILBOX)
    whole = await stack.contacts()

    first = (await stack.ask("GET", "/users/jo/contacts", limit="3", order=order)).body
    second = (await stack.ask("GET", "/users/jo/contacts", limit="3", order=order, after=first["after"])).body
    last = (await stack.ask("GET", "/users/jo/contacts", limit="3", order=order, after=second["after"])).body

    addresses = [contact["address"] for contact in (*first["contacts"], *second["contacts"])]
    assert addresses == [contact["address"] for contact in whole[::turn]]
    assert len(whole) == 4
    assert last == {"contacts": [], "after": None}


async def test_a_search_is_folded_as_contacts_are(stack: Stack) -> None:
    """Words in any case, with accents and punctuation, find people; without a letter or digit, nobody."""
    await stack.mine(MAILBOX)

    found = [
        (await stack.ask("GET", "/users/jo/total", q=q, tag="professional")).body["contacts"]
        for q in ("P1@FIRM", "fírm", "nobody", "&", " ")
    ]

    assert found == [1, 4, 0, 0, 4]


async def test_one_contact_says_why_it_is_there(stack: Stack) -> None:
    """The detail of a contact has the rule behind each tag; an unknown address is 404."""
    begun = await stack.mine(MAILBOX)

    known = await stack.ask("GET", "/users/jo/contacts/P1+x%40firm.com")
    unknown = [
        await stack.ask("GET", f"/users/{path}") for path in ("jo/contacts/p9@firm.com", "bo/contacts/p1@firm.com")
    ]

    assert known.body["address"] == "p1@firm.com"
    assert known.body["tags"] == [
        {
            "name": "professional",
            "reachability": 1,
            "source": "email_address",
            "messages": 1,
            "rule": "The address is at a domain that is no free mail provider, such as a company's.",
        }
    ]
    assert known.body["first_mining"] == known.body["last_mining"] == begun.id
    assert [answer.status for answer in unknown] == [404, 404]


def cursor(*place: object) -> str:
    """Return a cursor that the API did not issue."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "many"},
        {"limit": "5000"},
        {"limit": "1" * 5000},
        {"source": "\0"},
        {"after": "nonsense"},
        {"after": "\ud800"},
        {"after": base64.urlsafe_b64encode(b"[" * 100_000).decode()},
        {"after": cursor()},
        {"after": cursor("name", "a", "a@b.co")},
        {"after": cursor("warmth", 1, 1, "-infinity")},
        {"after": cursor("warmth", 2**15, 1, "-infinity", "a")},
        {"after": cursor("warmth", math.inf, 1, "-infinity", "a@b.co")},
        {"after": cursor("warmth", 1, math.inf, "-infinity", "a")},
        {"after": cursor("warmth", 1, 1, "2026-02-30", "a")},
        {"after": cursor("warmth", 1, 1, "2026-W01-1T00:00:00Z", "a")},
        {"after": cursor("warmth", 1, 1, "2026-01-01T00:00:00,5Z", "a")},
        {"after": cursor("warmth", 1, 1, None, "a")},
        {"after": cursor("warmth", 1, 1, 5, "a")},
        {"after": cursor("warmth", 1, 1, "-infinity", "\0")},
        {"after": cursor("warmth", 1, 1, "-infinity", ["a"])},
        {"after": cursor("recent", "yesterday", "a@b.co"), "order": "recent"},
        {"after": cursor("name", 5, "a@b.co"), "order": "name"},
        {"order": "best"},
        {"tag": "friend"},
        {"since": "2026-13-01"},
        {"mining": "first"},
        {"q": "x" * 201},
        {"page": "2"},
    ],
    ids=range(29),
)
async def test_a_malformed_page_is_refused(stack: Stack, query: dict[str, str]) -> None:
    """A wrong limit, cursor, order or filter, and an unknown parameter, get 400 and are named."""
    response = await stack.ask("GET", "/users/jo/contacts", **query)

    assert response.status == 400
    assert next(iter(query)) in response.body["error"]


async def test_an_erased_contact_does_not_come_back(stack: Stack) -> None:
    """An erased address does not come back, even if new mail from it is mined."""
    await stack.mine(MAILBOX)

    await stack.ask("POST", "/users/jo/erase", {"address": "P1+x@Firm.com"})
    await stack.mine(Folder([[mail(n + 50, sender=f"p{n}@firm.com") for n in range(4)]], uidvalidity=8))

    assert sorted(contact["address"] for contact in await stack.contacts()) == [
        "p0@firm.com",
        "p2@firm.com",
        "p3@firm.com",
    ]


async def test_an_erased_address_can_be_allowed_again(stack: Stack) -> None:
    """An address is looked up, listed as a hash once it is erased, and a contact again with later mail once allowed."""
    await stack.mine(MAILBOX)
    jane = "P1+x@Firm.com"
    known = (await stack.ask("GET", "/users/jo/address", address=jane)).body
    await stack.ask("POST", "/users/jo/erase", {"address": jane})
    erased = (await stack.ask("GET", "/users/jo/address", address=jane)).body
    listed = (await stack.ask("GET", "/users/jo/suppressions")).body["suppressions"]

    allowed = [(await stack.ask("POST", "/users/jo/allow", {"address": jane})).body for _ in range(2)]
    await stack.mine(Folder([[mail(n + 50, sender=f"p{n}@firm.com") for n in range(4)]], uidvalidity=8))

    assert (known, erased) == ({"contact": True, "suppressed": False}, {"contact": False, "suppressed": True})
    assert [len(each) for each in listed] == [64]
    assert allowed == [{"allowed": True}, {"allowed": False}]
    assert (await stack.ask("GET", "/users/jo/suppressions")).body == {"suppressions": []}
    assert (await stack.ask("GET", "/users/jo/total")).body == {"contacts": 4}
    assert (await stack.ask("GET", "/users/jo/total", source="other@example.org")).body == {"contacts": 0}


@pytest.mark.parametrize(("method", "path"), [("GET", "address"), ("POST", "allow")])
async def test_what_is_no_address_is_refused(stack: Stack, method: str, path: str) -> None:
    """A missing or malformed address gets 400 and is named."""
    responses = [
        await stack.ask(method, f"/users/jo/{path}", {}),
        await stack.ask(
            method, f"/users/jo/{path}", {"address": "jane"}, **({"address": "jane"} if path == "address" else {})
        ),
    ]

    assert [response.status for response in responses] == [400, 400]
    assert all("address" in response.body["error"] for response in responses)


async def test_status_follows_a_mining(stack: Stack) -> None:
    """The status counts segments and messages while a mining runs, and keeps the totals afterwards."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    fetching = (await stack.ask("GET", f"/users/jo/minings/{begun.id}")).body
    await stack.queue.send(jobs)
    processing = (await stack.fetched(begun)).body
    await stack.drain()
    finished = (await stack.ask("GET", f"/users/jo/minings/{begun.id}")).body

    assert (fetching["state"], fetching["listed"]) == ("fetching", None)
    assert (processing["state"], processing["listed"], processing["segments"]["sent"]) == ("processing", 4, 1)
    assert (finished["state"], finished["messages"]["processed"]) == ("finished", 4)
    assert (await stack.ask("GET", "/users/jo/minings")).body["minings"][0]["id"] == begun.id
