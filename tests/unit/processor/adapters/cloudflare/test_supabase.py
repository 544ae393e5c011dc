"""The store calls Supabase's functions and translates its responses."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from processor.adapters.cloudflare.supabase import SCHEMA_VERSION, SupabaseContactStore
from processor.ports import Conflict, LimitExceeded, Unavailable

KEY = "sb_secret_key"


@dataclass
class Answer:
    """A response of PostgREST."""

    status: int
    body: str

    async def text(self) -> str:
        """Return the body."""
        return self.body


class Supabase:
    """A PostgREST that gives the test's response and records the requests."""

    def __init__(self, status: int = 200, body: str = "null", *, version: str = SCHEMA_VERSION) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answer = Answer(status, body)
        self._version = Answer(200, json.dumps(version))
        self.store = SupabaseContactStore("https://x.supabase.co/", KEY, fetch=self.fetch)

    async def fetch(self, url: str, **options: Any) -> Answer:
        """Answer one request."""
        self.asked.append((url, options))
        return self._version if url.endswith("schema_version") else self._answer


async def test_a_call_names_function_schema_and_key() -> None:
    """The arguments are one JSON object, and text that is JSON already is not encoded again."""
    supabase = Supabase(body='{"applied":true}')

    answer = await supabase.store.call(
        "apply_refined_chunk", mining="m", chunk=1, part=0, contacts='[{"address":"\\u00e9@x.org"}]'
    )

    url, options = supabase.asked[-1]
    assert answer == {"applied": True}
    assert url == "https://x.supabase.co/rest/v1/rpc/apply_refined_chunk"
    assert options["method"] == "POST"
    assert options["headers"] == {
        "apikey": KEY,
        "Content-Type": "application/json",
        "Content-Profile": "leadminer",
    }
    assert json.loads(options["body"]) == {"mining": "m", "chunk": 1, "part": 0, "contacts": [{"address": "é@x.org"}]}


async def test_a_call_is_one_request() -> None:
    """While every function is there, nothing else is asked."""
    supabase = Supabase()

    await supabase.store.call("erase_user", user_id="jo")
    await supabase.store.call("erase_user", user_id="jo")

    assert [url.rpartition("/")[2] for url, _ in supabase.asked] == ["erase_user", "erase_user"]


async def test_a_function_missing_from_an_older_schema_is_explained() -> None:
    """The error says which migrations to apply."""
    supabase = Supabase(404, version="0001_tables")

    with pytest.raises(Unavailable, match=f"0001_tables.*{SCHEMA_VERSION}"):
        await supabase.store.call("erase_user", user_id="jo")

    assert [url.rpartition("/")[2] for url, _ in supabase.asked] == ["erase_user", "schema_version"]


async def test_a_function_missing_from_our_schema_is_named() -> None:
    """If the migrations are applied, the error names the function."""
    with pytest.raises(Unavailable, match="answers erase_user with 404"):
        await Supabase(404).store.call("erase_user", user_id="jo")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unavailable),
        (403, Unavailable),
        (404, Unavailable),
        (406, Unavailable),
        (409, Conflict),
        (413, LimitExceeded),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (400, RuntimeError),
    ],
)
async def test_what_an_answer_means(status: int, error: type[Exception]) -> None:
    """Each status becomes the right error, which does not repeat the body, since it may contain addresses."""
    supabase = Supabase(status, '{"message":"duplicate jane@acme.com"}')

    with pytest.raises(error) as caught:
        await supabase.store.call("finish_mining", mining="m", ledger={}, receipt={})

    assert "jane" not in str(caught.value)


async def test_an_answer_that_is_not_supabases_is_waited_for() -> None:
    """A gateway's page instead of JSON means that Supabase does not answer."""
    with pytest.raises(Unavailable):
        await Supabase(200, "<html>").store.call("erase_user", user_id="jo")


async def test_silence_ends() -> None:
    """A call without an answer is cancelled after the timeout, which frees its connection."""
    cancelled = []

    async def fetch(url: str, **options: Any) -> Answer:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(url)
            raise
        return Answer(200, "null")

    store = SupabaseContactStore("https://x.supabase.co", KEY, fetch=fetch, timeout_seconds=0.01)

    with pytest.raises(Unavailable):
        await store.call("schema_version")

    assert len(cancelled) == 1


async def test_a_network_that_fails_is_waited_for() -> None:
    """Any error from the runtime's fetch means that Supabase does not answer."""

    async def fetch(url: str, **options: Any) -> Answer:
        raise OSError("Network connection lost.")

    store = SupabaseContactStore("https://x.supabase.co", KEY, fetch=fetch)

    with pytest.raises(Unavailable):
        await store.call("schema_version")
