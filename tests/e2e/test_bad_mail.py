"""The worst mail harms no other mail: nothing crashes or hangs, and every message is in its column."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fetcher.embedded.start import start
from tests.support.dovecot import Dovecot
from tests.support.hostile_mailbox import WRONG_CHARSETS, all_of_it
from tests.support.place import Place

EDGE = Path(__file__).parents[1] / "corpora" / "edge"
PEOPLE = 30
LOGIN = "me@example.org"


def good_mail(number: int) -> bytes:
    return (
        f"Message-ID: <good{number}@acme.com>\r\nDate: Mon, 5 Jan 2026 10:00:{number % 60:02d} +0000\r\n"
        f"From: Person {number % PEOPLE} <person{number % PEOPLE}@works.example>\r\nTo: {LOGIN}\r\n\r\nHello.\r\n"
    ).encode()


def edge_mail() -> list[bytes]:
    """Return the odd messages as a server sends them: every line ends with CRLF."""
    return [re.sub(rb"(?<!\r)\n", b"\r\n", path.read_bytes()) for path in sorted(EDGE.glob("*.eml"))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("leadminer") / "home"
    with Dovecot() as server, start(home):
        server.add_user(LOGIN, "secret")
        server.deliver(LOGIN, "INBOX", map(good_mail, range(90)))
        server.deliver(LOGIN, "Edge", edge_mail())
        server.deliver(LOGIN, "Hostile", all_of_it())
        server.deliver(LOGIN, "INBOX", map(good_mail, range(90, 180)))
        yield Place(server, home, LOGIN, "secret")


@pytest.mark.parametrize("scope", ["headers", "text", "full"])
def test_bad_mail_harms_nobody_else(place: Place, scope: str) -> None:
    """With odd and hostile mail in the mailbox, the ledger balances, nothing is dead, and good mail counts as usual.

    All 100,000 recipients of one message are contacts, and none of their addresses is cut off. People who write in a
    nonexistent charset are contacts too.
    """
    user = f"scope-{scope}"

    mined = place.mine("--scope", scope, "--as-of", "2026-01-31", user=user)
    report = json.loads(place.run("report", "--json", "--user", user).stdout)
    contacts = {contact["email"]: contact for contact in map(json.loads, place.export(user).splitlines())}

    assert mined.returncode == 0, mined.stderr
    assert report["balanced"]
    assert report["ledger"]["listed"] == report["ledger"]["fetched"] == 180 + len(edge_mail()) + len(all_of_it())
    assert (report["ledger"]["dead"], report["ledger"]["failed"]) == ({}, {})
    assert {contacts[f"person{n}@works.example"]["occurrence"] for n in range(PEOPLE)} == {6}
    assert report["ledger"]["cut"] >= (1 if scope != "headers" else 0)
    assert {f"p{number}@town.example" for number in range(100_000)} <= contacts.keys()
    assert {f"charset{number}@acme.com" for number in range(len(WRONG_CHARSETS))} <= contacts.keys()
    assert sum(address.endswith("@town.example") for address in contacts) == 100_000
