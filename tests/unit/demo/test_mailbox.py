"""The sample mailbox."""

import re
from collections import Counter

import pytest

from demo.mailbox import FOLDERS, Item, generate_mailbox
from demo.oddities import ODDITIES
from demo.people import OWNER

ADDRESS = re.compile(rb"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
RESERVED = re.compile(rb"(^|\.)(example|test|example\.(org|com|net))$")


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """Return the mailbox that the demo serves."""
    return list(generate_mailbox())


def test_the_same_seed_gives_the_same_mailbox() -> None:
    """A seed determines every byte, and a different seed gives a different mailbox."""
    first, again, other = (list(generate_mailbox(seed, 300)) for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_it_has_a_few_thousand_messages(items: list[Item]) -> None:
    """There are 3,000 to 5,000 messages, and every folder that can hold mail has some."""
    sizes = Counter(item.folder for item in items)

    assert 3_000 <= len(items) <= 5_000
    assert {name for name, attribute in FOLDERS.items() if attribute != "\\Noselect"} == set(sizes)


def test_nobody_in_it_exists(items: list[Item]) -> None:
    """Every address is at a domain that is reserved for examples (RFC 2606)."""
    texts = [item.body for item in items if b"base64" not in item.body and b"\x00" not in item.body]
    domains = {domain for text in texts for domain in ADDRESS.findall(text)}

    assert len(texts) > 3_000
    assert [domain for domain in domains if not RESERVED.search(domain)] == []


def test_it_has_what_real_mailboxes_have(items: list[Item]) -> None:
    """It has threads, newsletters, lists, automated mail, attachments, encoded names and copies in other folders."""
    heads = [item.body.partition(b"\r\n\r\n")[0] for item in items]
    ids = Counter(found[1] for head in heads if (found := re.search(rb"Message-ID: (<.*>)", head)))

    counts = {
        word: sum(word in head for head in heads)
        for word in (
            b"References: ",
            b"List-Unsubscribe: ",
            b"List-Post: ",
            b"Auto-Submitted: ",
            b"multipart/mixed",
            b"=?",
        )
    }

    assert min(counts.values()) > 50, counts
    assert sum(count > 1 for count in ids.values()) > 50
    assert any(len(item.body) > 65_536 for item in items)


def test_the_owner_answers(items: list[Item]) -> None:
    """The owner wrote every message in Sent."""
    sent = [item.body for item in items if item.folder == "Sent"]

    assert sent
    assert all(OWNER.encode() in body.partition(b"\r\nTo: ")[0] for body in sent)


def test_every_oddity_occurs(items: list[Item]) -> None:
    """Every kind of odd message is in the mailbox."""
    marks = {oddity.__name__: 0 for oddity in ODDITIES}
    signs = (
        b"Subject: Call ", b"", b"this is no header", b"M\xfcller", b"x-unheard-of?B", b"guest99@", b"undisclosed-",
        b"2099", b"<undated-", b"",
    )  # fmt: skip

    for name, sign in zip(marks, signs, strict=True):
        marks[name] = sum(sign in item.body for item in items)

    assert min(marks.values()) > 0, marks
