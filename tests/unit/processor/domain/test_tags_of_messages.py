"""The published cases of the tags hold, for an address alone and together with its message's headers."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from processor.domain.contacts.domains import classify_domain
from processor.domain.contacts.tags import add_message_tag, address_tags
from processor.domain.facts import FROM, LIST_POST, REPLY_TO
from processor.domain.mail.message_tags import decide_tag

CASES: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("behaviour_cases.json").read_bytes())
FIELDS: Final = {"from": FROM, "reply-to": REPLY_TO, "list-post": LIST_POST}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param(case["input"], case["expected"], id=case["id"])
        for case in CASES
        if case["rule"].startswith("tags(")
    ],
)
def test_the_cases_of_the_tags_hold(case: dict[str, Any], expected: list[str]) -> None:
    """An address has its domain class and its tags, with those that these headers give it in this field."""
    address = case["address"]
    granted = decide_tag(case.get("header", {})).grant(FIELDS[case.get("field", "from")])

    tags = add_message_tag(address_tags(address), granted)

    assert classify_domain(address.rpartition("@")[2]) == case["domain_type"]
    assert ["/".join(map(str, tag)) for tag in tags] == expected


def test_there_are_cases_of_both_kinds() -> None:
    """The file has cases with headers and cases without."""
    kinds = {"header" in case["input"] for case in CASES if case["rule"].startswith("tags(")}

    assert kinds == {True, False}
