"""Kinds of real mail that people reported to other projects become the right contacts, the whole way.

Each message in `tests/corpora/real_mail` was written after such a report, with addresses that nobody uses. `cases.json`
says what it must become when it is the only message of a mailbox:

- `id`: the name of the file.
- `kind`, `source`, `why`: what it is an example of, who met it, and why the answer is right.
- `expect`: each address that must come out, and the name that its contact shows, or null for none.
- `allow`: addresses that may come out too, under any name, because a program cannot tell whether they are meant.
- `contacts`: whether only contacts count. Otherwise every person counts, also one whom nobody can reach.
- `me`: the user's own address, which must not come out; by default the user is nobody in the message.
- `conv`: whether the message is part of a conversation; by default it is not.
- `names`: how many names the persons together have, the shown ones included; by default this is not compared.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import Person, refine
from processor.domain.mail.addresses import fold_address
from processor.domain.mail.message import read_message
from schemas.ledger import Verdict

FOLDER: Final = Path(__file__).parents[3] / "corpora" / "real_mail"
CASES: Final[list[dict[str, Any]]] = json.loads((FOLDER / "cases.json").read_bytes())
MEANT: Final = {"id", "kind", "source", "why", "expect", "allow", "contacts", "me", "conv", "names"}
LATEST: Final = int(datetime(2026, 11, 26, tzinfo=UTC).timestamp())
CHUNKS: Final = 16
MAX_ROW_BYTES: Final = 100_000


@dataclass(frozen=True)
class Outcome:
    """What becomes of a mailbox with one message."""

    persons: list[Person]
    conversation: bool

    def shown(self, *, only_contacts: bool) -> dict[str, str | None]:
        """Return each address with the name that its contact shows."""
        return {
            person.address: person.names[0][0] if person.names else None
            for person in self.persons
            if not only_contacts or person.verdict is Verdict.CONTACT
        }


def mine(case: dict[str, Any]) -> Outcome:
    """Read, pack and refine the message of a case."""
    raw = (FOLDER / f"{case['id']}.eml").read_bytes()
    own = frozenset({fold_address(case["me"])} if "me" in case else ())
    message = read_message(raw, own=own, latest=LATEST, with_text=True, truncated=False)
    rows = pack([message], chunks=CHUNKS, max_bytes=MAX_ROW_BYTES)
    return Outcome([person for chunk in rows.values() for person in refine(chunk)], message.conversation)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_real_mail_becomes_the_right_contacts(case: dict[str, Any]) -> None:
    """A message gives the persons that its reader would name, and nobody else."""
    outcome = mine(case)

    shown = outcome.shown(only_contacts=case.get("contacts", False))
    allowed = set(case.get("allow", ())) - case["expect"].keys()
    assert {address: name for address, name in shown.items() if address not in allowed} == case["expect"]
    assert outcome.conversation == case.get("conv", False)
    if "names" in case:
        assert sum(len(person.names) for person in outcome.persons) == case["names"]


def test_every_message_is_a_case() -> None:
    """Each message has exactly one case, which says nothing that this test does not compare."""
    assert sorted(case["id"] for case in CASES) == sorted(path.stem for path in FOLDER.glob("*.eml"))
    assert len(CASES) == 48
    assert {key for case in CASES for key in case} == MEANT
