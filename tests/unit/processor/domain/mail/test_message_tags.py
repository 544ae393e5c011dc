"""The table of message tags beyond the published cases."""

import pytest

from processor.domain import facts
from processor.domain.mail.message_tags import AUTOMATED_PREFIXES, NOTHING, Decision, decide_tag

FROM, REPLY_TO, POST = facts.FROM, facts.REPLY_TO, facts.LIST_POST


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, NOTHING),
        ({"precedence": ["bulk"]}, NOTHING),
        ({"precedence": ["bulk", "LIST"]}, (facts.GROUP, POST)),
        ({"x-original-from": [""]}, (facts.GROUP, POST)),
        ({"mailing-list": ["x"]}, (facts.GROUP, REPLY_TO)),
        ({"mailing-list": ["x"], "list-post": [""]}, (facts.GROUP, POST)),
        ({"mailing-list": ["x"], "list-id": ["x"]}, (facts.NEWSLETTER, FROM | REPLY_TO)),
        ({"list": [""]}, (facts.NEWSLETTER, FROM | REPLY_TO)),
        ({"x-linkedin-class": ["other", "a MBR-to-mbr b"]}, (facts.CHAT, REPLY_TO)),
        ({"x-gnd-status": [" SPAM "]}, (facts.TRANSACTIONAL, FROM)),
        ({"x-gnd-status": ["spammy"]}, NOTHING),
        ({"x-spam-flag": ["no", "yes"]}, (facts.TRANSACTIONAL, FROM)),
        ({"x-spam-flag": ["yes, sir"]}, NOTHING),
        ({"auto-submitted": ["auto-replied"]}, NOTHING),
        ({"auto-submitted": ["no", "Auto-Generated; x"]}, (facts.TRANSACTIONAL, FROM)),
        ({"x-amazon-mail-relay-type": ["a Notification"]}, (facts.TRANSACTIONAL, FROM)),
        ({"feedback-id": [""], "precedence": ["list"]}, (facts.GROUP, POST)),
    ],
)
def test_rows(headers: dict[str, list[str]], expected: Decision) -> None:
    """The first row that matches decides, by any value of a header and in any case."""
    assert decide_tag(headers) == expected


@pytest.mark.parametrize("prefix", AUTOMATED_PREFIXES)
def test_prefixes(prefix: str) -> None:
    """A header name with one of the prefixes is enough."""
    assert decide_tag({prefix + "-2": [""]}) == decide_tag({prefix: [""]}) == (facts.TRANSACTIONAL, FROM)


def test_grants() -> None:
    """A tag is given only in its row's fields."""
    decision = Decision(facts.NEWSLETTER, FROM | REPLY_TO)

    assert [decision.grant(fields) for fields in (FROM, REPLY_TO | facts.TO, facts.TO, 0)] == [2, 2, 0, 0]
