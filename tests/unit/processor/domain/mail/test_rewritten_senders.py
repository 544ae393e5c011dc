"""Senders that a list rewrote: the name goes to the person, not to the list."""

from typing import Final

import pytest

from processor.domain.mail.message import read_message

LIST: Final = "List-Post: <mailto:sales@acme.example>"
REPLY: Final = "Reply-To: jane@client.example"


def names(head: str) -> dict[str, tuple[str, ...]]:
    """Return the names of each address that a header block gives."""
    message = read_message(f"{head}\n\n".encode(), own=frozenset(), latest=1 << 40, with_text=True, truncated=False)
    assert all(point.signed <= len(point.names) for point in message.points)
    return {point.address: point.names for point in message.points}


@pytest.mark.parametrize(
    "sign",
    [
        LIST,
        "List-Post: <mailto:Sales+x@ACME.example?subject=hi>",
        "List-Id: Sales <sales.acme.example>",
        "List-Id: <acme.example>",
        "List-Id: sales.acme.example",
        "X-Original-From: Jane Doe <jane@client.example>",
        "X-Google-Original-From: Jane Doe <jane@client.example>",
    ],
)
@pytest.mark.parametrize(
    "sender",
    [
        "'Jane Doe' via Sales <sales@acme.example>",
        '"Jane Doe via Sales" <sales@acme.example>',
        "Jane Doe (via Sales) <sales@acme.example>",
        "=?utf-8?Q?Jane_Doe_via_Sales?= <sales@acme.example>",
        "\"'Jane Doe' via Sales\" <Sales@Acme.example>",
    ],
)
def test_the_name_goes_to_the_reply_address(sign: str, sender: str) -> None:
    """Each sign of a list, and each way of writing its name, takes the name from the list and gives it to Jane."""
    assert names(f"From: {sender}\n{REPLY}\n{sign}") == {
        "sales@acme.example": (),
        "jane@client.example": ("Jane Doe",),
    }


@pytest.mark.parametrize(
    "replies",
    [
        "",
        "Reply-To: sales@acme.example",
        "Reply-To: jane@client.example, bob@client.example",
        "Reply-To: jane@client.example\nReply_To: bob@client.example",
    ],
)
def test_without_one_reply_address_the_name_goes_nowhere(replies: str) -> None:
    """With none or several addresses for replies, nobody knows whose the name is."""
    found = names(f"From: Jane Doe via Sales <sales@acme.example>\n{LIST}\n{replies}")

    assert set(found.values()) == {()}


@pytest.mark.parametrize("other", ["sales@acme.example", "dev@lists.example", "dev-owner@lists.example"])
def test_reply_addresses_of_the_list_do_not_count(other: str) -> None:
    """Beside the person, the list itself can be in Reply-To, also under its other addresses."""
    head = f"Reply-To: {other}, jane@client.example\n{LIST}\nList-Id: <dev.lists.example>"

    found = names(f"From: Jane Doe via Dev <sales@acme.example>\n{head}")

    assert found["jane@client.example"] == ("Jane Doe",)
    assert found[other] == ()


def test_a_member_at_the_lists_host_is_a_person() -> None:
    """A colleague's address for replies is not the list's, though it has the same host."""
    head = "Reply-To: jane@acme.example\nList-Id: <sales.acme.example>"

    found = names(f"From: Jane Doe via Sales <sales@acme.example>\n{head}")

    assert found == {"sales@acme.example": (), "jane@acme.example": ("Jane Doe",)}


@pytest.mark.parametrize(
    ("head", "address", "expected"),
    [
        ("From: Acme Sales <sales@acme.example>", "sales@acme.example", ("Acme Sales",)),
        ("From: Olivia Doe <sales@acme.example>", "sales@acme.example", ("Olivia Doe",)),
        ("From: Jane Doe via Slack <jane@client.example>", "jane@client.example", ("Jane Doe",)),
        ("From: Jane via Sales <sales@acme.example>\nTo: Team <sales@acme.example>", "sales@acme.example", ("Team",)),
    ],
)
def test_other_names_stay(head: str, address: str, expected: tuple[str, ...]) -> None:
    """A list's own name, a person's own address, and names in other fields keep what they say."""
    assert names(f"{head}\n{LIST}")[address] == expected


def test_without_a_list_nothing_is_rewritten() -> None:
    """A service that writes for a person at its own address, without a sign of a list, is no list."""
    assert names(f"From: Jane Doe via Docs <docs@acme.example>\n{REPLY}")["docs@acme.example"] == ("Jane Doe",)


def test_an_address_is_no_name() -> None:
    """If the list wrote Jane's address in place of a name, Jane gets no name."""
    found = names(f'From: "jane@client.example via Sales" <sales@acme.example>\n{REPLY}\n{LIST}')

    assert found == {"sales@acme.example": (), "jane@client.example": ()}
