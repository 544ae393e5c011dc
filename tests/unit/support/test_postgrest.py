"""The stand-in for PostgREST is as strict as the real one, and fails on demand."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest

from processor.adapters.container.migrate import migrate
from schemas.migrations import PERMANENT
from schemas.supabase import key_headers
from tests.support.postgrest import JWT_KEY, SCHEMA, SERVICE_KEY, Fault, PostgRest
from tests.support.servers import Postgres

HEADERS = {**key_headers(SERVICE_KEY), "content-profile": SCHEMA}


@pytest.fixture(scope="module")
def connection_string(postgres: Postgres) -> str:
    """Return the connection string of a database with the permanent tables."""
    database = postgres.fresh_database()
    asyncio.run(migrate(database, PERMANENT, schema=SCHEMA))
    return database


@pytest.fixture
def rest(connection_string: str) -> Iterator[PostgRest]:
    """Yield a running stand-in."""
    with PostgRest(connection_string) as server:
        yield server


def ask(
    rest: PostgRest,
    function: str,
    arguments: Mapping[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return httpx.post(f"{rest.url}/rest/v1/rpc/{function}", json=arguments or {}, headers=HEADERS | (headers or {}))


def begin(rest: PostgRest) -> dict[str, Any]:
    arguments = {
        "mining": str(uuid.uuid4()),
        "user_id": "jo",
        "source": "0011223344556677",
        "source_name": "me@example.org",
        "own_addresses": ["me@example.org"],
        "reference_date": "2026-01-31",
    }
    answer = ask(rest, "begin_mining", arguments)
    assert answer.json()["state"] == "open", answer.text
    return arguments


def test_a_function_runs_with_arrays_dates_and_uuids_from_json(rest: PostgRest) -> None:
    """A function's arguments and results are passed as JSON."""
    mining = begin(rest)

    answer = ask(rest, "mining_record", {"user_id": "jo", "mining": mining["mining"]})

    assert answer.status_code == 200
    assert answer.json()["source_name"] == "me@example.org"


def test_no_arguments_are_fine_where_there_are_none(rest: PostgRest) -> None:
    """A function without arguments is called with an empty object."""
    answer = ask(rest, "schema_version")

    assert answer.status_code == 200
    assert isinstance(answer.json(), str)


def test_contacts_are_applied_once(rest: PostgRest) -> None:
    """Applying a part a second time changes nothing, and the answer says so."""
    part = {"mining": begin(rest)["mining"], "chunk": 0, "part": 0, "contacts": []}

    answers = [ask(rest, "apply_refined_chunk", part).json()["applied"] for _ in range(2)]

    assert answers == [True, False]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"apikey": "another"}, 401),
        ({"authorization": f"Bearer {SERVICE_KEY}"}, 401),
        ({"user-agent": "Mozilla/5.0"}, 401),
        ({"content-profile": "public"}, 406),
        ({"content-type": "text/plain"}, 415),
    ],
)
def test_a_wrong_header_is_refused(rest: PostgRest, headers: dict[str, str], status: int) -> None:
    """The key, the schema and the content type must be right."""
    answer = ask(rest, "schema_version", headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (key_headers(JWT_KEY), 200, None),
        ({"apikey": JWT_KEY}, 401, "42501"),
        ({"apikey": JWT_KEY, "authorization": "Bearer a.b.c"}, 401, "PGRST301"),
        (key_headers(SERVICE_KEY), 401, None),
    ],
    ids=["both headers", "without a role", "a wrong signature", "the other kind of key"],
)
def test_a_jwt_must_be_in_both_headers(
    connection_string: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    """A legacy key opens the gateway as `apikey`, and gives the role as bearer token."""
    with PostgRest(connection_string, key=JWT_KEY) as rest:
        answer = httpx.post(
            f"{rest.url}/rest/v1/rpc/schema_version", json={}, headers={"content-profile": SCHEMA, **headers}
        )

    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


def test_a_call_ends_at_the_statement_timeout(connection_string: str) -> None:
    """A function that takes longer than Supabase allows is cancelled, and answered with 500."""
    with psycopg.connect(connection_string, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION leadminer.slow() RETURNS text LANGUAGE sql AS 'SELECT pg_sleep(5)::text'")
        with PostgRest(connection_string, statement_seconds=0.1) as rest:
            answer = ask(rest, "slow")
        connection.execute("DROP FUNCTION leadminer.slow()")

    assert (answer.status_code, answer.json()["code"]) == (500, "57014")


def test_a_function_can_have_a_timeout_of_its_own(connection_string: str) -> None:
    """A function with a statement timeout gets that one instead of the role's, longer or shorter."""
    answers = {}
    with psycopg.connect(connection_string, autocommit=True) as connection:
        for seconds, name in ((60, "patient"), (0.1, "hasty")):
            connection.execute(
                f"CREATE FUNCTION leadminer.{name}() RETURNS text LANGUAGE sql SET statement_timeout = '{seconds}s'"
                " AS 'SELECT pg_sleep(1)::text'".encode()
            )
            with PostgRest(connection_string, statement_seconds=0.5 if name == "patient" else 8) as rest:
                answers[name] = ask(rest, name).status_code
            connection.execute(f"DROP FUNCTION leadminer.{name}()".encode())

    assert answers == {"patient": 200, "hasty": 500}


@pytest.mark.parametrize(("function", "arguments"), [("no_such", {}), ("erase_user", {"user": "jo"})])
def test_an_unknown_function_or_argument_is_404(rest: PostgRest, function: str, arguments: dict[str, str]) -> None:
    """Arguments must match a function's own by name."""
    answer = ask(rest, function, arguments)

    assert (answer.status_code, answer.json()["code"]) == (404, "PGRST202")


def test_it_runs_as_the_service_role(rest: PostgRest, connection_string: str) -> None:
    """A function that the service role has no right to execute gets 403."""
    with psycopg.connect(connection_string, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION leadminer.forbidden() RETURNS text LANGUAGE sql AS 'SELECT current_user'")
        connection.execute("REVOKE ALL ON FUNCTION leadminer.forbidden() FROM PUBLIC, service_role")
        refused = ask(rest, "forbidden")
        connection.execute("GRANT EXECUTE ON FUNCTION leadminer.forbidden() TO service_role")
        allowed = ask(rest, "forbidden")
        connection.execute("DROP FUNCTION leadminer.forbidden()")

    assert refused.status_code == 403
    assert allowed.json() == "service_role"


@pytest.mark.parametrize("status", [401, 403, 409, 500, 503])
def test_it_fails_as_often_as_told(rest: PostgRest, status: int) -> None:
    """The named function fails with the given status as often as the fault says."""
    rest.fail(Fault(status, times=2, function="schema_version"))

    answers = [ask(rest, "schema_version").status_code for _ in range(3)]

    assert answers == [status, status, 200]


def test_silence_ends_in_a_cut_connection(rest: PostgRest) -> None:
    """A timed-out call ends in a closed connection without an answer, and the function does not run."""
    rest.fail(Fault(seconds=0.05))
    before = rest.calls["schema_version"]

    with pytest.raises(httpx.TransportError):
        ask(rest, "schema_version")

    assert rest.calls["schema_version"] == before


def test_an_answer_can_be_lost_after_the_work(rest: PostgRest, connection_string: str) -> None:
    """The function's work is committed, but the caller gets no answer."""
    mining = begin(rest)["mining"]
    rest.fail(Fault(seconds=0.01, after_commit=True, function="finish_mining"))

    with pytest.raises(httpx.TransportError):
        ask(rest, "finish_mining", {"mining": mining, "ledger": {}, "receipt": {}})

    assert ask(rest, "mining_record", {"user_id": "jo", "mining": mining}).json()["state"] == "finished"
