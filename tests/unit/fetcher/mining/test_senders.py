"""Who wrote the mail in the Sent folders."""

import pytest

from fetcher.imap.mailbox import Message
from fetcher.mining.senders import count_senders, perhaps_own, read_sender


@pytest.mark.parametrize(
    ("head", "sender"),
    [
        ("From: jane@work.example", "jane@work.example"),
        ("FROM : Jane Doe <Jane@Work.Example>", "jane@work.example"),
        ('From: "Doe, Jane" <jane+x@work.example>', "jane@work.example"),
        ("From:\r\n Jane Doe\r\n\t<jane@work.example>", "jane@work.example"),
        ("Subject: x\r\nFrom: =?utf-8?Q?J=C3=A4ne?= <jane@work.example>", "jane@work.example"),
        ("From: Jane <jane@work.example>, Bob <bob@work.example>", None),
        ("From: jane@work.example, bob@work.example", None),
        ("From: jane@work.example\r\nFrom: bob@work.example", None),
        ("From: Jane <jane@work>", None),
        ("From: J\u00e4ne <j\u00e4ne@work.example>", None),
        ("From: jane", None),
        ("From:", None),
        ("Subject: From: jane@work.example", None),
        ("Subject: x\r\n\r\nFrom: jane@work.example", None),
    ],
)
def test_the_one_plain_address_in_from(head: str, sender: str | None) -> None:
    """A message has a sender if From is one plain address, with or without a name; anything else is left out."""
    for ends in ("\r\n", "\n"):
        raw = f"{head}\r\n\r\nFrom: other@work.example\r\n".replace("\r\n", ends).encode()
        assert read_sender(raw) == sender


def test_messages_are_counted_by_sender() -> None:
    """Messages without one sender do not count."""
    bodies = [b"From: a@x.example\n\n", b"From: b@x.example\n\n", b"From: A@x.example\n\n", b"Subject: none\n\n"]
    messages = [Message(uid, None, body, False) for uid, body in enumerate(bodies)]

    assert count_senders(messages) == {"a@x.example": 2, "b@x.example": 1}


def test_strangers_by_number_of_messages() -> None:
    """At most three addresses are returned, those with most messages first, and none that is known as the user's."""
    senders = {"d@x.example": 1, "c@x.example": 1, "b@x.example": 5, "me@x.example": 9, "a@x.example": 2}

    assert perhaps_own(senders, ["me@x.example"]) == ("b@x.example", "a@x.example", "c@x.example")


@pytest.mark.parametrize("sender", ["j.doe@gmail.com", "jdoe@googlemail.com"])
def test_forms_of_one_address_at_gmail(sender: str) -> None:
    """Another form of an own address at Gmail is no stranger; elsewhere, dots make another address."""
    assert perhaps_own({sender: 1}, ["jd.oe@gmail.com"]) == ()
    assert perhaps_own({"j.doe@x.example": 1}, ["jdoe@x.example"]) == ("j.doe@x.example",)
