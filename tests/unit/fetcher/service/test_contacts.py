"""The routes about contacts pass on what is asked, and refuse what makes no sense before the processor sees it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.service.app import make_app, make_room
from fetcher.service.doors import Doors
from fetcher.service.runs import Runs
from tests.support.fake_processor import FIRST_MINING, TOKEN, FakeProcessor, contact, running
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore

SERVE_TOKEN = "the-token-of-the-service"
FILTERS = {
    "q": "jane",
    "tag": "professional",
    "source": "me@example.org",
    "since": "2022-01-01",
    "mining": FIRST_MINING,
    "order": "recent",
}


@pytest.fixture
def processor() -> Iterator[FakeProcessor]:
    """Yield a processor with three contacts, of which one is another person."""
    people = [contact(1), contact(2), contact(3, address="bob@acme.com", name="Bob <img onerror=1>")]
    with running(FakeProcessor(contacts=people)) as fake:
        yield fake


@pytest.fixture
async def client(processor: FakeProcessor, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a service in front of that processor."""
    store = MemoryRawStore()
    with ProcessorClient(processor.url, TOKEN) as processor_client:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), processor_client, embedded=False)
        room = make_room(stack, Runs(stack, claims=tmp_path, most=1))
        transport = httpx.ASGITransport(make_app(room, Doors(token=SERVE_TOKEN)))
        headers = {"Authorization": f"Bearer {SERVE_TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            yield client


async def test_a_list_is_the_processors(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """A page has the processor's contacts with nothing left out, and a cursor until there are no more."""
    first = (await client.get("/users/local/contacts", params={"limit": 2})).json()
    second = (await client.get("/users/local/contacts", params={"limit": 2, "after": first["after"]})).json()
    third = (await client.get("/users/local/contacts", params={"limit": 2, "after": second["after"]})).json()

    assert [*first["contacts"], *second["contacts"]] == processor.contacts
    assert third == {"contacts": [], "after": None}


@pytest.mark.parametrize("route", ["contacts", "export", "total"])
async def test_filters_reach_the_processor(client: httpx.AsyncClient, processor: FakeProcessor, route: str) -> None:
    """A list, an export and a total are narrowed by the same filters."""
    response = await client.get(f"/users/local/{route}", params=FILTERS)

    assert response.status_code == 200
    assert "bob@acme.com" not in response.text
    assert processor.selections == ([] if route == "total" else [FILTERS])


async def test_a_filter_that_is_empty_is_none(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """A form that was sent with empty fields asks for everything."""
    response = await client.get("/users/local/contacts", params={"q": "", "tag": "", "source": ""})

    assert len(response.json()["contacts"]) == 3
    assert processor.selections == [{"order": "warmth"}]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"mining": "1"},
        {"order": "random"},
        {"limit": "0"},
        {"limit": "1001"},
        {"q": "a\0b"},
        {"q": "a" * 401},
        {"after": "tampered"},
        {"page": "2"},
        {"source": "imaps://x"},
    ],
)
async def test_a_list_that_makes_no_sense_is_refused(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    """A wrong filter, a field that does not exist or a tampered cursor is refused with a sentence."""
    response = await client.get("/users/local/contacts", params=query)

    assert (response.status_code, response.json()["code"]) == (400, "request")
    assert response.json()["error"]


async def test_a_contact_says_why_it_is_here(client: httpx.AsyncClient) -> None:
    """One contact comes with its fields, its names and a sentence for each tag; case does not matter."""
    response = await client.get("/users/local/contacts/JANE1@acme.com")

    assert response.status_code == 200
    assert response.json()["fields"] == {"sender": 2, "recipient": 1}
    assert response.json()["tags"][0]["rule"].endswith(".")


@pytest.mark.parametrize("address", ["nobody@acme.com", "a/b@acme.com", "a?b@acme.com", "%", "é@acme.com"])
async def test_a_contact_that_is_not_there_is_unknown(client: httpx.AsyncClient, address: str) -> None:
    """Whatever an address is made of, it is looked up as it is."""
    response = await client.get(f"/users/local/contacts/{quote(address, safe='')}")

    assert (response.status_code, response.json()["code"]) == (404, "unknown")


async def test_a_contact_is_erased_with_a_receipt(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """The answer to an erasure is the processor's receipt."""
    response = await client.post("/users/local/erase", json={"address": "jane1@acme.com"})

    assert (response.status_code, response.json()["contacts"]) == (200, 1)
    assert processor.erased == ["jane1@acme.com"]


async def test_a_user_is_erased_only_on_purpose(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """`null` erases everything; a body that merely lacks the address erases nothing."""
    careless = await client.post("/users/local/erase", json={})
    deliberate = await client.post("/users/local/erase", json={"address": None})

    assert (careless.status_code, deliberate.status_code) == (400, 200)
    assert processor.erased == [None]


async def test_an_erased_address_is_allowed_again(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """What is kept out is listed as hashes, and can be taken back."""
    processor.suppressed = ["jane1@acme.com"]
    before = (await client.get("/users/local/suppressions")).json()["suppressions"]

    allowed = [(await client.post("/users/local/allow", json={"address": "jane1@acme.com"})).json() for _ in range(2)]

    assert [len(each) for each in before] == [64]
    assert allowed == [{"allowed": True}, {"allowed": False}]


@pytest.mark.parametrize("route", ["erase", "allow"])
@pytest.mark.parametrize("body", [{"address": "jane"}, {"address": 5}, {"address": "a@b", "more": 1}])
async def test_what_is_no_address_changes_nothing(
    client: httpx.AsyncClient, processor: FakeProcessor, route: str, body: dict[str, object]
) -> None:
    """Only an address can be erased or allowed."""
    response = await client.post(f"/users/local/{route}", json=body)

    assert (response.status_code, response.json()["code"]) == (400, "request")
    assert processor.erased == []
