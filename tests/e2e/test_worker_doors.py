"""The deployed Worker answers only with the right token, and neither its log nor what it leaves reveals the mail."""

import hashlib
import json
from collections.abc import Iterator

import httpx
import pytest

from processor.api.routes import MAX_BODY_BYTES
from schemas.segments import plan_key, segment_key
from tests.e2e.worker_minings import DISTINCT, MAILBOX, SUBJECT, start
from tests.support.cloudflare.deployment import TOKEN, Deployment
from tests.support.tokens import user_token

ROUTES = [
    ("POST", "minings"),
    ("GET", "minings"),
    ("GET", "minings/*"),
    ("POST", "minings/*/renew"),
    ("POST", "minings/*/fetched"),
    ("GET", "minings/*/report"),
    ("POST", "minings/*/cancel"),
    ("POST", "minings/*/retry"),
    ("GET", "contacts"),
    ("POST", "erase"),
]
"""All of a user's routes; a star is a placeholder for a mining's id."""


@pytest.mark.parametrize("token", ["", "another", "user-x.0011", user_token("", "calm"), f"{TOKEN} "[:-2]])
def test_without_the_right_token_there_is_401_and_nothing_else(deployment: Deployment, user: str, token: str) -> None:
    """Every route except `/health` answers the same, whether the thing exists or not, and changes nothing."""
    begun = start(deployment, user)
    before = deployment.status(begun)
    routes = [(method, f"/users/{user}/{path.replace('*', begun.id)}") for method, path in ROUTES]
    elsewhere = [("GET", "/users"), ("GET", "/"), ("PUT", f"/users/{user}/minings"), ("PROPFIND", "/nothing")]

    answers = [deployment.ask(method, route, {"lease": 1}, token=token) for method, route in [*routes, *elsewhere]]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "token")}
    assert {frozenset(answer.json()) for answer in answers} == {frozenset({"code", "error"})}
    assert deployment.status(begun) == before


@pytest.mark.parametrize("method_and_path", ROUTES, ids=lambda route: route[1])
def test_a_users_token_opens_that_user_alone(
    deployment: Deployment, user: str, method_and_path: tuple[str, str]
) -> None:
    """Another user's path gets 404, and so does another user's mining under the token's own path."""
    method, path = method_and_path
    begun = start(deployment, user)
    token, before = user_token(TOKEN, "jo"), deployment.status(begun)
    path = path.replace("*", begun.id)
    body = {"lease": begun.lease}

    foreign = deployment.ask(method, f"/users/{user}/{path}", body, token=token)
    theirs = deployment.ask(method, f"/users/{user}/minings", token=user_token(TOKEN, user))

    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown")
    if begun.id in path:
        own = deployment.ask(method, f"/users/jo/{path}", body, token=token)
        assert (own.status_code, own.json()["code"]) == (404, "unknown")
    assert theirs.status_code == (200 if method == "GET" else 400)
    assert deployment.status(begun) == before


def test_a_large_body_is_read_no_further_than_its_limit(deployment: Deployment, user: str) -> None:
    """A body over the limit is refused, with or without a stated length; a caller without a token only sees 401."""

    def stream() -> Iterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 100_000 + 1):
            yield b" " * 100_000

    url = f"{deployment.local.processor}/users/{user}/erase"
    right = {"authorization": f"Bearer {TOKEN}"}
    said = httpx.post(url, content=b" " * (MAX_BODY_BYTES + 1), headers=right)
    streamed = httpx.post(url, content=stream(), headers=right)
    outside = httpx.post(url, content=stream())
    fits = httpx.post(url, content=b" " * (MAX_BODY_BYTES - 2) + b"{}", headers=right)

    codes = [(answer.status_code, answer.json().get("code")) for answer in (said, streamed, outside)]
    assert codes == [(400, "limit"), (400, "limit"), (401, "token")]
    assert fits.status_code == 200, fits.text


def test_after_teardown_only_keys_and_watermarks_stay(deployment: Deployment, user: str) -> None:
    """R2 and D1's tables hold nothing else of the mining, and the receipt says what was removed."""
    local = deployment.local
    begun = start(deployment, user)
    keys = sorted([plan_key(begun.id), *(segment_key(begun.id, job.segment) for job in begun.jobs)])
    stored = local.objects(f"{begun.id}/")
    number = local.query("SELECT mining_no FROM minings WHERE mining_id = ?1", begun.id)[0]["mining_no"]
    deployment.send(begun.jobs)
    deployment.fetched(begun)
    deployment.finish(begun)

    receipt = deployment.report(begun)["receipt"]
    numbered = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%mining_no%'"
    tables = [row["name"] for row in local.query(numbered)]
    marked = [table for table in tables if local.query(f"SELECT 1 FROM {table} WHERE mining_no = ?1", number)]

    assert sorted(stored) == keys
    assert local.objects(f"{begun.id}/") == []
    assert set(tables) == {"minings", "segments", "points", "persons", "chunks", "messages"}
    assert marked == ["messages"]
    assert deployment.rows("guard") == 0
    kept = "SELECT count(*) AS n FROM {} WHERE user_no = (SELECT user_no FROM users WHERE user_id = ?1)"
    assert local.query(kept.format("messages"), user) == [{"n": DISTINCT}]
    assert local.query(kept.format("watermarks"), user) == [{"n": len(MAILBOX)}]
    assert (receipt["objects"], receipt["segments"], receipt["chunks"]) == (len(keys), 3, 2)
    assert receipt["points"] > 0 < receipt["persons"]
    assert receipt["keys"] == hashlib.sha256("\n".join(keys).encode()).hexdigest()


def test_nothing_of_the_mail_is_logged(deployment: Deployment, user: str) -> None:
    """The Worker's log contains no address, name or text of a message."""
    begun = start(deployment, user)
    deployment.local.put_object(segment_key(begun.id, begun.jobs[0].segment), b"noise Jane Doe jane@acme.com")
    for attempts in (1, 2, 3):
        deployment.deliver([*begun.jobs, "noise Jane Doe jane@acme.com"], attempts=attempts)
    deployment.fetched(begun)
    deployment.finish(begun)

    log = deployment.local.log
    events = {json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")}
    assert {"job waits", "job given up"} <= events
    for word in ("@", "Jane", "acme", SUBJECT, "Hello"):
        assert word not in log
