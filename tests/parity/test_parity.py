"""Both modes give byte-for-byte equal exports and ledgers for the same mailbox. The matrix is printed."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from itertools import islice

import pytest

from bench.corpus import CorpusUnavailable, read_corpus
from demo.mailbox import generate_mailbox
from demo.people import OWNER
from fetcher.adapters.processor import ProcessorClient
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import read_contacts
from fetcher.contacts.selection import Order, Selection
from schemas.segments import MAX_MESSAGES
from schemas.tags import TAGS
from tests.parity.matrix import Row, numbers
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require
from tests.support.house import AS_OF, House
from tests.support.mailboxes import EDGE, PASSWORD, Folders, fill
from tests.support.mode import CloudflareMode
from tests.unit.docs.pages import read_page, table

REAL_MESSAGES = 4_000
LOOKED_AT = 100
"""How many contacts of a mailbox are searched for and looked at in detail."""
LEEWAY = 0.05
"""How far counters can be from the documented ones: a lease that is kept a second longer adds a row."""


def invented() -> Folders:
    folders: dict[str, list[bytes]] = defaultdict(list)
    for item in generate_mailbox():
        folders[item.folder.removeprefix("INBOX/")].append(item.body)
    return dict(folders)


def odd() -> Folders:
    return {
        "INBOX": [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in sorted(EDGE.iterdir())]
    }


def real() -> Folders:
    try:
        return {"INBOX": list(islice(read_corpus(), REAL_MESSAGES))}
    except CorpusUnavailable as error:
        require(False, str(error))
        raise


@pytest.mark.parametrize("make", [invented, odd, real], ids=["demo", "edge", "real"])
def test_both_modes_give_the_same_contacts_and_ledger(
    house: House,
    cloudflare: CloudflareMode,
    dovecot: Dovecot,
    matrix: Callable[[Row], None],
    make: Callable[[], Folders],
    request: pytest.FixtureRequest,
) -> None:
    """Both modes find the same; `docs/architecture.md` has what the run counted."""
    user = request.node.callspec.id
    login = OWNER if user == "demo" else f"{user}@example.org"
    fill(dovecot, make(), login=login)
    meters = cloudflare.deployment
    meters.reset_meters()

    said = house.mine(user, dovecot.port, login=login)
    there = cloudflare.mine(user, login, dovecot.port, PASSWORD, as_of=AS_OF)

    counted = meters.meters()["counts"]
    contacts = list(read_contacts(house.client, user))
    exports = [
        [b"".join(export_contacts(contacts, form)) for form in Format],
        [cloudflare.export(user, form) for form in Format],
    ]
    ledgers = [client.minings(user)[0]["ledger"] for client in (house.client, cloudflare.client)]
    row = Row(
        mailbox=user,
        messages=ledgers[0]["listed"],
        contacts=len(contacts),
        digests=(digest(exports[0], ledgers[0]), digest(exports[1], ledgers[1])),
        counters=f"{counted['d1 rows written']:,} rows written, {counted['r2 get']:,} objects read",
    )
    matrix(row)
    assert said.code == there.returncode, (said.err, there.stderr)
    assert ledgers[0] == ledgers[1]
    assert exports[0] == exports[1]
    assert answers(house.client, user) == answers(cloudflare.client, user)
    assert contacts
    assert counted["d1 rows written"] > ledgers[0]["processed"]
    assert counted["r2 get"] > ledgers[0]["listed"] / MAX_MESSAGES
    *findings, kept = next(
        cells for cells in table(read_page("docs/architecture.md"), "mailbox") if cells[0].split(":")[0] == user
    )
    assert [findings[0].split(":")[0], *findings[1:]] == row.findings
    assert numbers(kept) == pytest.approx(numbers(row.counters), rel=LEEWAY)


def answers(client: ProcessorClient, user: str) -> list[str]:
    """Return what lists, searches and details answer, with each mining's id as `mining`: ids are drawn."""
    everyone, _ = client.contacts(user, limit=1000)
    (mining,) = client.minings(user)
    selections = [
        *(Selection(order=order) for order in Order),
        *(Selection(tag=tag, order=Order.NAME) for tag in TAGS),
        *(Selection(q=contact["name"] or contact["address"]) for contact in everyone[:LOOKED_AT]),
        Selection(source=mining["source_name"], since="2002-01-01", mining=mining["id"], order=Order.RECENT),
    ]
    said = [
        *(
            (client.contacts(user, selection=each, limit=200), client.total(user, selection=each))
            for each in selections
        ),
        *(client.contact(user, address=contact["address"]) for contact in everyone[:LOOKED_AT]),
    ]
    return [json.dumps(each).replace(mining["id"], "mining") for each in said]


def digest(exports: list[bytes], ledger: object) -> str:
    """Return 12 hex digits of all exports and the ledger."""
    return hashlib.sha256(b"\0".join([*exports, json.dumps(ledger, sort_keys=True).encode()])).hexdigest()[:12]
