"""What one message says about whom: fields, own addresses, keys, conversations, texts and their limits."""

import base64
import quopri
from typing import Any, Final

import pytest

from processor.domain import facts
from processor.domain.mail.message import Message, read_message

OWN: Final = frozenset({"me@example.org", "mine@example.net"})


def read(raw: str | bytes, **settings: Any) -> Message:
    """Read a message of the user, by default with its text."""
    defaults: dict[str, Any] = {"own": OWN, "latest": 1 << 40, "with_text": True, "truncated": False}
    return read_message(raw.encode() if isinstance(raw, str) else raw, **defaults | settings)


def fields_of(message: Message) -> dict[str, int]:
    """Return the fields of each address."""
    return {point.address: point.fields for point in message.points}


def body_addresses(head: str, body: bytes, *, truncated: bool = False) -> set[str]:
    """Return the addresses in the text of a message."""
    message = read(f"Subject: x\r\n{head}\r\n\r\n".encode() + body, truncated=truncated)
    return {point.address for point in message.points}


def test_all_fields_are_read() -> None:
    """Every address field counts, in every occurrence and spelling. Sender and similar fields never do."""
    message = read(
        "FROM: a@acme.com\nTo: b@acme.com\nto: c@acme.com, a@acme.com\nCc: d@acme.com\nBcc: e@acme.com\n"
        "Reply-To: f@acme.com\nReply_To: g@acme.com\nList-Post: <mailto:h@acme.com?subject=x>\n"
        "Sender: no@acme.com\nReturn-Path: <no@acme.com>\n"
        "Resent-To: no@acme.com\nDelivered-To: no@acme.com\n\nand i@acme.com"
    )

    assert fields_of(message) == {
        "a@acme.com": facts.FROM | facts.TO,
        "b@acme.com": facts.TO,
        "c@acme.com": facts.TO,
        "d@acme.com": facts.CC,
        "e@acme.com": facts.BCC,
        "f@acme.com": facts.REPLY_TO,
        "g@acme.com": facts.REPLY_TO,
        "h@acme.com": facts.LIST_POST,
        "i@acme.com": facts.BODY,
    }


def test_own_addresses_are_no_points() -> None:
    """The user's own addresses give no points, in any case, with any plus part and in any field."""
    message = read("From: ME+x@Example.ORG\nTo: Mine@example.net, jane@acme.com\nBcc: me@example.org\n\nme@example.org")

    assert list(fields_of(message)) == ["jane@acme.com"]


def test_who_was_written_to() -> None:
    """The recipients of a message from the user are marked; other addresses in it are not."""
    message = read(
        "From: Me <me+x@example.org>\nTo: a@acme.com\nCc: b@acme.com\nReply-To: c@acme.com\n\nd@acme.com a@acme.com"
    )

    assert {address for address, fields in fields_of(message).items() if fields & facts.WROTE} == {
        "a@acme.com",
        "b@acme.com",
    }


def test_a_message_to_the_user_was_not_written_by_the_user() -> None:
    """If the user is not in From, nobody is marked as written to."""
    message = read("From: a@acme.com\nTo: me@example.org, b@acme.com\nReply-To: me@example.org\n\n")

    assert not any(fields & facts.WROTE for fields in fields_of(message).values())


def test_names_and_plus_addresses_are_united() -> None:
    """One address gives one point, with each of its names and plus addresses once."""
    message = read(
        "From: Jane <jane+a@acme.com>\nTo: Jane Doe <jane@acme.com>, jane+b@acme.com, Jane <jane+a@acme.com>\n\n"
    )

    assert message.points == [
        facts.Point(
            "jane@acme.com",
            ("jane+a@acme.com", "jane+b@acme.com"),
            ("Jane", "Jane Doe"),
            facts.FROM | facts.TO,
            0,
            signed=1,
        )
    ]


def test_own_names_are_told_from_given_ones() -> None:
    """The names in From and Reply-To come first and are counted as signed, wherever else they occur."""
    message = read(
        "To: JD <jane@acme.com>, Jane <jane@acme.com>\nFrom: Jane <jane@acme.com>\nReply_To: J <jane@acme.com>\n\n"
    )

    (jane,) = message.points
    assert (jane.names, jane.signed) == (("Jane", "J", "JD"), 2)


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ("jdoe@gmail.com", ["j.doe@acme.com", "jdoe2@gmail.com"]),
        ("j.d.oe@googlemail.com", ["j.doe@acme.com", "jdoe2@gmail.com"]),
        ("jdoe@acme.com", ["j.doe@gmail.com", "JDoe@googlemail.com", "j.doe@acme.com", "jdoe2@gmail.com"]),
    ],
)
def test_own_addresses_at_gmail_have_many_forms(own: str, left: list[str]) -> None:
    """Dots and the choice of the host do not count in an own address at Gmail, but they do anywhere else."""
    message = read(
        "To: j.doe@gmail.com, JDoe@googlemail.com, j.doe@acme.com, jdoe2@gmail.com\n\nj.d.o.e@gmail.com",
        own=frozenset({own}),
        with_text=own.endswith("acme.com") is False,
    )

    assert [point.address for point in message.points] == [address.lower() for address in left]


def test_who_was_written_to_from_another_form_of_an_own_address() -> None:
    """A message from a dotted form of the user's Gmail address is the user's."""
    message = read("From: j.doe@googlemail.com\nTo: a@acme.com\n\n", own=frozenset({"jdoe@gmail.com"}))

    assert [(point.address, point.fields) for point in message.points] == [("a@acme.com", facts.TO | facts.WROTE)]


@pytest.mark.parametrize(
    ("head", "unread"),
    [
        ("From: jane@acme.com\nTo: undisclosed-recipients:;", 0),
        ("To: Undisclosed recipients: ;", 0),
        ("To: <Undisclosed-Recipient:;>", 0),
        ("To: undisclosed-recipients:;@acme.com", 0),
        ('To: "Undisclosed recipients":;', 0),
        ("To: unlisted-recipients:; (no To-header on input)", 0),
        ("To: a:;, b: , ;", 0),
        ("To: undisclosed-recipients:@acme.com;", 0),
        ("To: <Undisclosed Recipients@acme.com>", 0),
        ("To: undisclosed-recipients;;", 0),
        ("Cc: (Empty list)Undisclosed recipients  :(nobody(that I know))  ;", 0),
        ("Cc: Empf\u00e4nger:;", 0),
        ('To:\nCc: \nBcc: ,\nReply-To: <>\nFrom: ""', 0),
        ("List-Post: NO (posting is not allowed)", 0),
        ("Subject: nobody", 0),
        ("To: friends:;, Jane", 1),
        ("To: everyone", 1),
        ("From: MAILER-DAEMON", 1),
        ("From: Jane <jane@acme>", 1),
        ("From: Jane\nTo: Bob\nTo: Cy\nCc: cy@acme.com\nBcc: D\nReply-To: E\nReply_To: F", 6),
    ],
)
def test_fields_in_which_nothing_could_be_read(head: str, unread: int) -> None:
    """A mailbox field that says something but has no address is counted; an empty field or group is not."""
    assert read(f"{head}\n\n").unread_fields == unread


def test_own_addresses_are_read() -> None:
    """A field that has only the user's own address was read."""
    assert read("To: me@example.org\n\n").unread_fields == 0


def test_tags_are_granted_by_field() -> None:
    """A tag goes to the addresses in the fields of its row."""
    message = read("From: a@acme.com\nTo: b@acme.com\nReply-To: c@acme.com\nList-Id: <x>\n\n")

    tags = {point.address: point.tag for point in message.points}

    assert tags == {"a@acme.com": facts.NEWSLETTER, "b@acme.com": 0, "c@acme.com": facts.NEWSLETTER}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Message-ID: <1@acme.com>\nSubject: a", "Subject: b\nMESSAGE-ID:\t<1@acme.com> "),
        ("Message-ID: <1@acme.com>\nSubject: a", "Message-ID:\r\n <1@acme.com>\r\nSubject: b"),
        ("Message-ID:\nMessage-ID: <1@acme.com>", "Message-ID: <>\nMessage-ID: <1@acme.com>\nMessage-ID: <2@acme.com>"),
        ("Subject: a\nDate: b", "Subject: a\r\nDate: b"),
    ],
)
def test_copies_have_one_key(one: str, other: str) -> None:
    """Copies of a message share its key, from the first nonempty Message-ID or else from the header block."""
    first, second = read(f"{one}\n\nx"), read(f"{other}\n\ny")

    assert first.key == second.key
    assert len(first.key) == 16


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Message-ID: <1@acme.com>", "Message-ID: <2@acme.com>"),
        ("Message-ID: <>\nSubject: a", "Message-ID: <>\nSubject: b"),
        ("Message-ID: \nSubject: a", "Message-ID: \nSubject: b"),
        ("Subject: a", "Subject: b"),
    ],
)
def test_other_messages_have_other_keys(one: str, other: str) -> None:
    """Different messages have different keys; an empty Message-ID counts as none."""
    assert read(f"{one}\n\n").key != read(f"{other}\n\n").key


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("References: <a@b>", True),
        ("References:\n <a@b>\n <c@d>", True),
        ("In-Reply-To: Your message of today <a@b>", True),
        ("In-Reply-To: yours", False),
        ("References: <>", False),
        ("Subject: Re: <a@b>", False),
        ("In-Reply-To: a1@b", True),
        ("References: a1@b a2@b\n a3@b", True),
        ("References: a1@b,a2@b", True),
        ("In-Reply-To: a1@b>", True),
        ("In-Reply-To: <a1@b", True),
        ('In-Reply-To: "a1@b"', True),
        ("In-Reply-To: a1@b (Jane's message of Monday)", True),
        ("In-Reply-To: =?utf-8?Q?=3Ca1=40b=3E?=", True),
        ("In-Reply-To: &lt;a1@b&gt;", True),
        ("In-Reply-To: Your message of Monday, jane@acme.com", False),
        ("In-Reply-To: @", False),
        ("References: a1 b2", False),
        ("References: ( @ )", False),
    ],
)
def test_conversations(field: str, expected: bool) -> None:
    """A message is part of a conversation if it refers to another one by its id."""
    assert read(f"{field}\n\n").conversation is expected


def test_the_date_limit() -> None:
    """A date at or after the limit counts as none, the first valid Date counts, and the server's stands in."""
    head = "Date: nonsense\nDate: Tue, 05 Apr 2022 14:46:20 GMT\n\n"

    assert read(head, latest=1_649_169_981).date == 1_649_169_980
    assert read(head, latest=1_649_169_980).date is None
    assert read(head, latest=1_649_169_980, received=1_649_169_979).date == 1_649_169_979


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@acme.com\r\n\r\nb@acme.com",
        b"From: a@acme.com\n\nb@acme.com",
        b"From: a@acme.com\r\rb@acme.com",
        b"From: a@acme.com\r\r\n\r\r\nb@acme.com",
        b"\r\n\r\nFrom: a@acme.com\r\n\r\nb@acme.com",
        b"Fr\0om: a@ac\0me.com\r\n\r\nb@acme.com",
        b"\xef\xbb\xbfFrom: a@acme.com\r\n\r\nb@acme.com",
        b"From jane Thu Aug 22 12:36:23 2002\nFrom: a@acme.com\n\nb@acme.com",
        b"Subject: x\n>From jane Thu Aug 22 12:36:23 2002\nFrom: a@acme.com\n\nb@acme.com",
        b"From: a@acme.com\nno header, b@acme.com\nmore\n\nc",
        b"From : a@acme.com\r\nX: y\r\n\r\nb@acme.com",
        b"From:\r\n\ta@acme.com\r\n\r\nb@acme.com",
    ],
)
def test_odd_header_blocks(raw: bytes) -> None:
    """Odd line ends, NULs, missing or extra empty lines and stray lines hide no field and no text."""
    message = read(raw)

    assert fields_of(message) == {"a@acme.com": facts.FROM, "b@acme.com": facts.BODY}


def test_scope_of_headers() -> None:
    """Without the text, only the header block counts."""
    message = read("From: a@acme.com\n\nb@acme.com", with_text=False)

    assert fields_of(message) == {"a@acme.com": facts.FROM}


@pytest.mark.parametrize(
    "text", ["to jane@acme.co", "to b@acme.com, jane@acme.co", "(jane@acme.co", "to <b@acme.com>jane@acme.co"]
)
@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("kind", ["text/plain", "text/html", "text/plain; charset=utf-16"])
def test_half_addresses_are_not_read(text: str, encoding: str, kind: str) -> None:
    """The end of a text that was cut off is not read, since it could be half an address."""
    data = text.encode("utf-16" if "16" in kind else "ascii")
    if encoding != "7bit":
        data = base64.encodebytes(data) if encoding == "base64" else quopri.encodestring(data)
    head = f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}"

    assert "jane@acme.co" not in body_addresses(head, data.rstrip(b"\n"), truncated=True)
    assert "jane@acme.co" in body_addresses(head, data)


def test_whole_lines_of_cut_base64_are_read() -> None:
    """Of a base64 text that was cut off, the complete lines are read, up to their last complete word."""
    data = base64.encodebytes(b"jane@acme.com and then bob@acme.com " * 8)

    found = body_addresses("Content-Transfer-Encoding: base64", data[:-20], truncated=True)

    assert found == {"jane@acme.com", "bob@acme.com"}


def test_a_soft_line_break_at_the_cut() -> None:
    """A soft line break is not white space: the text before it could be half an address."""
    data = b"to bob@acme.com or jane@acme.co=\r\n"

    assert body_addresses("Content-Transfer-Encoding: quoted-printable", data, truncated=True) == {"bob@acme.com"}


def test_a_cut_in_the_header_block() -> None:
    """A header block that was cut off does not give half an address either."""
    message = read("To: a@acme.com,\n b@acme.com, jane@acme.co", truncated=True)

    assert set(fields_of(message)) == {"a@acme.com", "b@acme.com"}


def test_a_cut_reaches_the_last_part_alone() -> None:
    """Only the last part is cut off; the parts before it are read to their ends."""
    body = b"--x\n\na@acme.com\n--x\n\nb@acme.com c@acme.co"

    assert body_addresses("Content-Type: multipart/mixed; boundary=x", body, truncated=True) == {
        "a@acme.com",
        "b@acme.com",
    }


@pytest.mark.parametrize(
    "sender",
    [
        "Mail Delivery System <MAILER-DAEMON@acme.com>",
        "mailer-daemon@acme.com (Mail Delivery System)",
        "Mail Delivery Subsystem <MAILER-DAEMON>",
        "MAILER-DAEMON (Mail Delivery System)",
        "<maildaemon@acme.com>",
        "Postmaster <postmaster@acme.com>",
        "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@acme.com>",
    ],
)
def test_the_text_of_a_mailer_daemon_is_not_read(sender: str) -> None:
    """Whom a mail system names in its report was not reached."""
    message = read(f"From: {sender}\nTo: me@example.org\n\n<typo@acme.com>: user unknown")

    assert "typo@acme.com" not in fields_of(message)


@pytest.mark.parametrize(
    "sender", ["jane.daemon@acme.com", "mailer-daemons@acme.com", "Postmaster Jane <jane@acme.com>"]
)
def test_the_text_of_others_is_read(sender: str) -> None:
    """A name that resembles a mail system's is a person's."""
    assert "bob@acme.com" in fields_of(read(f"From: {sender}\n\nbob@acme.com"))


@pytest.mark.parametrize("parameter", ["report-type=delivery-status", 'Report-Type="delivery-status"'])
def test_a_delivery_report_gives_no_addresses(parameter: str) -> None:
    """Neither the sender of a delivery report nor anybody in its parts is a point of contact."""
    head = f"From: r@acme.com\nReply-To: r@acme.com\nTo: jane@acme.com\nContent-Type: multipart/report; {parameter}"
    parts = "--b\n\ntypo@acme.com\n--b\nContent-Type: message/rfc822\n\nTo: typo@acme.com\n\n--b--"

    assert list(fields_of(read(f"{head}; boundary=b\n\n{parts}"))) == ["jane@acme.com"]
    assert list(fields_of(read(f"{head}\n\n{parts}"))) == ["jane@acme.com"]


def test_a_cut_in_an_attached_message() -> None:
    """The header and the text of an attached message that was cut off do not give half an address."""
    head = "Content-Type: multipart/mixed; boundary=x"
    begun = b"--x\nContent-Type: message/rfc822\n\nTo: a@acme.com, jane@acme.co"

    assert body_addresses(head, begun, truncated=True) == {"a@acme.com"}
    assert body_addresses(head, begun + b"m\n\nb@acme.com jane@acme.co", truncated=True) == {
        "a@acme.com",
        "b@acme.com",
        "jane@acme.com",
    }
