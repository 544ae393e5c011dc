"""Tags of an address together with those that its message's headers grant."""

import pytest

from processor.domain.facts import FROM, LIST_POST, REPLY_TO
from processor.domain.message_tags import decide_tag
from processor.domain.tags import add_message_tag, address_tags

PROFESSIONAL = "professional/1/email_address"
CHAT = "chat/2/message_header"
NEWSLETTER = "newsletter/3/message_header"
GROUP = "group/2/message_header"
TRANSACTIONAL = "transactional/0/message_header"


@pytest.mark.parametrize(
    ("headers", "field", "expected"),
    [
        pytest.param({"list-unsubscribe": ["<u>"]}, FROM, NEWSLETTER, id="F01"),
        pytest.param({"list-id": ["<l>"], "list-post": ["<mailto:l@x>"]}, FROM, None, id="F06"),
        pytest.param({"precedence": ["list"]}, LIST_POST, GROUP, id="F07"),
        pytest.param({"x-linkedin-class": ["inmail"]}, REPLY_TO, CHAT, id="F11"),
        pytest.param({"x-linkedin-class": ["INMAIL-X"]}, REPLY_TO, CHAT, id="F12"),
        pytest.param({"x-linkedin-class": ["inmail"]}, FROM, None, id="F13"),
        pytest.param({"x-linkedin-class": ["other"]}, FROM, TRANSACTIONAL, id="F14"),
        pytest.param({"feedback-id": [""]}, FROM, TRANSACTIONAL, id="F15"),
        pytest.param({"feedback-id": ["x"], "list-unsubscribe": ["y"]}, FROM, NEWSLETTER, id="F16"),
        pytest.param({"x-mailer": ["PHP NodeMailer 6"]}, FROM, TRANSACTIONAL, id="F17"),
        pytest.param({"auto-submitted": ["auto-generated"]}, FROM, TRANSACTIONAL, id="F18"),
        pytest.param({"x-spam-flag": ["TRUE"]}, FROM, TRANSACTIONAL, id="F20"),
        pytest.param({"x-spam-flag": ["YES"]}, FROM, TRANSACTIONAL, id="F21"),
        pytest.param({"x-gnd-status": ["LEGIT"]}, FROM, None, id="F23"),
        pytest.param({"x-amazon-mail-relay-type": ["notification"]}, FROM, TRANSACTIONAL, id="F24"),
        pytest.param({"list-post": ["x"], "x-linkedin-class": ["inmail"]}, REPLY_TO, CHAT, id="F27"),
        pytest.param({"list-post": ["x"], "x-linkedin-class": ["inmail"]}, LIST_POST, None, id="F28"),
    ],
)
def test_the_cases_of_the_message_tags_hold(headers: dict[str, list[str]], field: int, expected: str | None) -> None:
    """A business contact has the tags that the described behaviour gives it for these headers in this field."""
    granted = decide_tag(headers).grant(field)

    tags = add_message_tag(address_tags("jane@acme.com"), granted)

    assert ["/".join(map(str, tag)) for tag in tags] == [PROFESSIONAL, *([expected] if expected else [])]
