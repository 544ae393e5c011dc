"""The published cases of extraction hold: addresses, names, texts, header blocks, dates and message tags."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from processor.domain import facts
from processor.domain.mail.addresses import Mailbox, extract_from_text, parse_address_list
from processor.domain.mail.charset import decode_words
from processor.domain.mail.dates import parse_date
from processor.domain.mail.headers import compile_fields, list_id, read_fields, references
from processor.domain.mail.message import read_message
from processor.domain.mail.message_tags import decide_tag
from processor.domain.mail.names import clean_name

CASES: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("behaviour_cases.json").read_bytes())
LATEST: Final = int(datetime(2026, 11, 26, tzinfo=UTC).timestamp())
TAGS: Final = ("", "chat/2", "newsletter/3", "group/2", "transactional/0")
FIELDS: Final = {"from": facts.FROM, "reply-to": facts.REPLY_TO, "list-post": facts.LIST_POST}


def cases(*rules: str) -> list[Any]:
    """Return the cases of these rules as pytest parameters with their ids."""
    return [pytest.param(case["input"], case["expected"], id=case["id"]) for case in CASES if case["rule"] in rules]


def as_case(mailbox: Mailbox) -> dict[str, str]:
    """Return a mailbox in the format of the cases."""
    identifier, _, domain = mailbox.address.rpartition("@")
    said = {"address": mailbox.address, "identifier": identifier, "domain": domain}
    said |= {"name": mailbox.name} if mailbox.name else {}
    return said | ({"plus_address": mailbox.plus} if mailbox.plus else {})


@pytest.mark.parametrize(("value", "expected"), cases("parse_address_list"))
def test_address_lists(value: str, expected: list[dict[str, str]]) -> None:
    """A field gives each of its addresses once, in lower case and folded, with its name."""
    found = parse_address_list(value)

    assert [as_case(mailbox) for mailbox in found] == expected


@pytest.mark.parametrize(("value", "expected"), cases("parse_address_list"))
def test_address_lists_in_messages(value: str, expected: list[dict[str, str]]) -> None:
    """A message's From field gives the same addresses as the list by itself."""
    raw = f"From: {value}\r\nSubject: x\r\n\r\n".encode()

    message = read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)

    assert [(p.address, p.names, p.plus, p.fields) for p in message.points] == [
        (
            case["address"],
            (case["name"],) if "name" in case else (),
            (case["plus_address"],) if "plus_address" in case else (),
            facts.FROM,
        )
        for case in expected
    ]


@pytest.mark.parametrize(("text", "expected"), cases("clean_name"))
def test_names(text: str, expected: str) -> None:
    """A name is cleaned to the form that people know."""
    assert clean_name(text) == expected


@pytest.mark.parametrize("is_html", [False, True])
@pytest.mark.parametrize(("text", "expected"), cases("extract_from_body"))
def test_texts(text: str, expected: list[dict[str, str]], is_html: bool) -> None:
    """A text gives only complete, valid addresses, as plain text and as HTML."""
    found = extract_from_text(text, is_html=is_html)

    assert [as_case(mailbox) for mailbox in found] == expected


@pytest.mark.parametrize(("block", "expected"), cases("parse_header_block"))
def test_header_blocks(block: str, expected: dict[str, list[str]]) -> None:
    """A header block gives its unfolded fields in order, and encoded words are joined across a fold."""
    fields = read_fields(block.encode(), compile_fields(expected))

    assert {name: [decode_words(value.strip()) for value in values] for name, values in fields.items()} == expected


@pytest.mark.parametrize(("value", "expected"), cases("references"))
def test_references(value: str, expected: list[str] | None) -> None:
    """A message refers to the ids in brackets."""
    fields = {} if value == "(header absent)" else {"references": [value]}

    assert (references(fields) or None) == expected


@pytest.mark.parametrize(("value", "expected"), cases("list_id"))
def test_list_ids(value: str, expected: str | None) -> None:
    """The bracketed id at the end of List-Id identifies a list."""
    assert list_id(value) == expected


@pytest.mark.parametrize(("value", "expected"), cases("date"))
def test_dates(value: str, expected: str | None) -> None:
    """A message's date is its Date field in UTC, or none if that is invalid or in the future."""
    raw = f"Date: {value}\r\n\r\n".encode()

    date = read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False).date

    assert date == (
        int(datetime.strptime(expected, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC).timestamp())
        if expected
        else None
    )
    assert parse_date(value) == date or date is None


@pytest.mark.parametrize(("case", "expected"), cases("tags(address, domain_type, headers, field)"))
def test_message_tags(case: dict[str, Any], expected: list[str]) -> None:
    """The first row that matches gives its tag to its own fields, and no tag to others."""
    granted = decide_tag(case["header"]).grant(FIELDS[case["field"]])

    said = [tag.removesuffix("/message_header") for tag in expected if tag.endswith("/message_header")]
    assert [TAGS[granted]] == (said or [""])
