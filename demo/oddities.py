"""Odd mail as found in real mailboxes: each function returns the bytes of one strange message."""

import random
from collections.abc import Callable

from demo.people import OWNER, Person

Oddity = Callable[[random.Random, Person], bytes]
DATE = "Date: Tue, 04 Mar 2025 10:11:12 +0100"


def no_message_id(chance: random.Random, person: Person) -> bytes:
    """Return a message without a Message-ID."""
    return _lines(DATE, f"From: {person.address}", f"To: {OWNER}", f"Subject: Call {chance.randrange(1000)}", "", "Hi.")


def no_blank_line(chance: random.Random, person: Person) -> bytes:
    """Return a message whose header block never ends."""
    return _lines(DATE, f"From: {person.address}", f"To: {OWNER}", f"Message-ID: <{chance.random()}@example.net>")


def broken_header(chance: random.Random, person: Person) -> bytes:
    """Return a message with invalid header lines and an unclosed quote."""
    return _lines(
        "this is no header line", DATE, f'From: "{person.first_name} <{person.address}>', f"To: <{OWNER}",
        ": empty name", f"Message-ID: <broken-{chance.random()}@example.net>", "", "Text.",
    )  # fmt: skip


def eight_bit_header(chance: random.Random, person: Person) -> bytes:
    """Return a message with a name in unencoded Latin-1."""
    sender = b"From: M\xfcller " + person.address.encode("ascii").join((b"<", b">"))
    head = _lines(DATE, f"To: {OWNER}", f"Message-ID: <eight-{chance.random()}@example.net>")
    return head + sender + b"\r\n\r\nGr\xfc\xdfe\r\n"


def wrong_charset(chance: random.Random, person: Person) -> bytes:
    """Return a message whose name and text claim a charset that does not exist."""
    return _lines(
        DATE, f"From: =?x-unheard-of?B?SmFuZQ==?= <{person.address}>", f"To: {OWNER}",
        f"Message-ID: <charset-{chance.random()}@example.net>", "Content-Type: text/plain; charset=x-unheard-of", "",
        f"Write to second.{person.address} please.",
    )  # fmt: skip


def many_recipients(chance: random.Random, person: Person) -> bytes:
    """Return a message to a hundred people."""
    crowd = ",\r\n ".join(f"Guest {number} <guest{number}@party.example.net>" for number in range(100))
    head = f"Message-ID: <crowd-{chance.random()}@example.net>"
    return _lines(DATE, f"From: {person.address}", f"To: {crowd}", f"Cc: {OWNER}", head, "", "All are welcome.")


def undisclosed(chance: random.Random, person: Person) -> bytes:
    """Return a message to an empty group."""
    head = f"Message-ID: <group-{chance.random()}@example.net>"
    return _lines(DATE, f"From: {person.address}", "To: undisclosed-recipients:;", head, "", "Secret.")


def from_the_future(chance: random.Random, person: Person) -> bytes:
    """Return a message dated in the year 2099."""
    head = f"Message-ID: <future-{chance.random()}@example.net>"
    return _lines("Date: Fri, 13 Mar 2099 10:00:00 +0000", f"From: {person.address}", f"To: {OWNER}", head, "", "Soon.")


def no_date(chance: random.Random, person: Person) -> bytes:
    """Return a message without a date."""
    head = f"Message-ID: <undated-{chance.random()}@example.net>"
    return _lines(f"From: {person.address}", f"To: {OWNER}", head, "", "When?")


def noise(chance: random.Random, _: Person) -> bytes:
    """Return random bytes that are not a message at all."""
    return chance.randbytes(300)


ODDITIES: tuple[Oddity, ...] = (
    no_message_id, no_blank_line, broken_header, eight_bit_header, wrong_charset, many_recipients, undisclosed,
    from_the_future, no_date, noise,
)  # fmt: skip


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
