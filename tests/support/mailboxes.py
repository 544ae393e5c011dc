"""The mailboxes of the end-to-end tests: generated and odd mail in several folders, with copies."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from demo.mailbox import generate_mailbox
from demo.people import OWNER
from tests.support.dovecot import Dovecot

PASSWORD = "a password of tests alone"
EDGE = Path(__file__).parents[1] / "corpora/edge"
INVENTED = 2_000
COPIED = 200
COMPANIES = ("acme.com", "bluepeak.test", "greenfield.test", "northwind.test", "riverbank.test")
_LINE_END = re.compile(rb"\r?\n")

Folders = Mapping[str, Sequence[bytes]]


@cache
def whole_mailbox() -> Folders:
    """Return about 3,000 messages by folder: generated mail, the corpus of odd messages, and copies of some of each."""
    folders: dict[str, list[bytes]] = defaultdict(list)
    for item in generate_mailbox(seed=4, messages=INVENTED):
        folders[item.folder.removeprefix("INBOX/")].append(item.body)
    odd = [_LINE_END.sub(b"\r\n", path.read_bytes()) for path in sorted(EDGE.glob("*.eml"))]
    folders["Odd"] = odd
    folders["Odd again"] = odd[:COPIED]
    folders["Archive/2024"] += folders["INBOX"][:COPIED]
    return dict(folders)


def fill(dovecot: Dovecot, folders: Folders, *, login: str = OWNER) -> None:
    """Add a login and deliver mail to it, one folder after another."""
    dovecot.add_user(login, PASSWORD)
    for folder, messages in folders.items():
        dovecot.deliver(login, folder, messages)


def mail(number: int, *, sender: str = "jane@acme.com", to: str = OWNER, day: int = 5) -> bytes:
    """Return a small message; equal arguments give equal messages."""
    return (
        f"Message-ID: <{number}@acme.com>\r\nDate: Mon, {day} Jan 2026 10:00:{number % 60:02d} +0000\r\n"
        f"From: {sender}\r\nTo: {to}\r\nSubject: no {number}\r\n\r\nHello {number}.\r\n"
    ).encode()


@cache
def friendly_mailbox() -> Folders:
    """Return 5,200 messages, some of them copies, between the owner and people who are contacts in every part of it."""
    senders = [f"{name}@{domain}" for name in ("ann", "bob", "eve", "kim", "lou") for domain in COMPANIES]
    inbox = [mail(number, sender=senders[number % len(senders)], day=number % 28 + 1) for number in range(3200)]
    answers = range(3200, 4800)
    sent = [mail(number, sender=OWNER, to=senders[number % len(senders)], day=number % 28 + 1) for number in answers]
    return {"INBOX": inbox, "Archive": inbox[::8], "Sent": sent}
