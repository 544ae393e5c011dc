"""The same mailbox on servers of the wild gives the same contacts, in few commands."""

import pytest

from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import Person, refine
from processor.domain.mail.message import read_message
from schemas.segments import Segment
from tests.support.fetcher_fakes import MemoryRawStore
from tests.support.fetcher_stack import ledger_of, odd_stack
from tests.support.imap.profiles import MESSAGES, MINED, PROFILES, Profile, mailbox
from tests.support.imap.server import ImapServer

LATEST = 4_102_444_800
OWN = frozenset({"jane@example.org"})
TOTAL = sum(MESSAGES[role] for role in MINED)
WHOLE = {"listed": TOTAL, "fetched": TOTAL, "skipped": {}, "failed": {}}


class KeptStore(MemoryRawStore):
    """A raw store that remembers each segment."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        if not key.endswith("/plan"):
            self.kept[key] = data
        return super().put(key, data, if_absent=if_absent)

    def persons(self) -> list[Person]:
        """Return the persons that the messages of all segments make."""
        read = [
            read_message(
                body,
                own=frozenset({"jane@example.org"}),
                latest=LATEST,
                with_text=True,
                truncated=False,
                received=received,
            )
            for data in self.kept.values()
            for received, body in messages(data)
        ]
        rows = pack(read, chunks=1, max_bytes=1_000_000)
        return sorted(person for chunk in rows.values() for person in refine(chunk))


def messages(data: bytes) -> list[tuple[int | None, bytes]]:
    """Return when each message of a segment was received, and its bytes."""
    segment, rest = Segment.decode(data)
    return [(meta.internal_date, body) for meta, body in segment.bodies(rest)]


@pytest.fixture(scope="module")
def undisturbed() -> list[Person]:
    """Return the persons that a correct server's mailbox makes."""
    folders = {role: mailbox(role) for role in MINED}
    with ImapServer({"INBOX" if role == "inbox" else role: folder for role, folder in folders.items()}) as server:
        store = KeptStore()
        odd_stack(server, raw_store=store).mine()
    return store.persons()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_the_same_mailbox_gives_the_same_contacts(profile: Profile, undisturbed: list[Person]) -> None:
    """Whatever is odd about a server, the ledger is whole, the persons are the same, and it is not overrun."""
    store = KeptStore()
    with profile.server() as server:
        outcome = odd_stack(server, raw_store=store).mine(connections=4)
        commands = len(server.commands)

    assert ledger_of(outcome) == WHOLE
    assert outcome.finished
    assert store.persons() == undisturbed
    assert commands <= profile.commands
    assert server.refused_connections == 0
