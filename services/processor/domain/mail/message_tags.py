"""What a message's headers say about its senders: at most one tag, from the first row of the table that matches.

That row decides for every address. One that is only in fields that the row does not serve gets no message tag.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from processor.domain.facts import CHAT, FROM, GROUP, LIST_POST, NEWSLETTER, NO_TAG, REPLY_TO, TRANSACTIONAL

AUTOMATED_PREFIXES: Final = (
    "feedback-id",
    "x-feedback-id",
    "x-mandrill-user",
    "x-marketoid",
    "x-campaignid",
    "x-job",
    "x-linkedin",
    "x-mailgun",
    "x-github",
    "x-msfbl",
    "x-netsuite",
    "x-sg-eid",
)
"""A header whose name starts with one of these shows that a machine wrote the message."""
_FIRST_LETTERS: Final = frozenset(prefix[0] for prefix in AUTOMATED_PREFIXES)
TAG_HEADERS: Final = frozenset(
    {
        "auto-submitted",
        "list",
        "list-id",
        "list-post",
        "list-unsubscribe",
        "mailing-list",
        "precedence",
        "x-amazon-mail-relay-type",
        "x-gnd-status",
        "x-linkedin-class",
        "x-mailer",
        "x-original-from",
        "x-spam-flag",
    }
)
"""The other headers that this module looks at."""

_CHAT_CLASSES: Final = ("inmail", "email-default", "mbr-to-mbr")
_MAILERS: Final = ("ec-messenger", "nlserver", "mailchimp", "nodemailer")
_GANDI_CLASSES: Final = (
    "pce mce spam social purchase account travel finance alerting bounce suspect".split()  # noqa: SIM905 - read as a row
)


class Decision(NamedTuple):
    """A message's tag, and the fields that give it to an address."""

    tag: int
    fields: int

    def grant(self, fields: int) -> int:
        """Return the tag for an address in these fields: NO_TAG if the row does not serve them."""
        return self.tag if self.fields & fields else NO_TAG


NOTHING: Final = Decision(NO_TAG, 0)
_CHAT: Final = Decision(CHAT, REPLY_TO)
_NEWSLETTER: Final = Decision(NEWSLETTER, FROM | REPLY_TO)
_POSTED: Final = Decision(GROUP, LIST_POST)
_MAILING_LIST: Final = Decision(GROUP, REPLY_TO)
_TRANSACTIONAL: Final = Decision(TRANSACTIONAL, FROM)

Headers = Mapping[str, Sequence[str]]
"""Values by lower-cased name, in order. Only the headers in `TAG_HEADERS` and `AUTOMATED_PREFIXES` matter."""


def decide_tag(headers: Headers) -> Decision:
    """Return the decision of the first row that matches, or `NOTHING` if none does."""
    if _has(headers, "x-linkedin-class", _CHAT_CLASSES):
        return _CHAT
    if "list-post" not in headers and ("list-unsubscribe" in headers or "list-id" in headers or "list" in headers):
        return _NEWSLETTER
    if "list-post" in headers or "x-original-from" in headers or _has(headers, "precedence", ("list",)):
        return _POSTED
    if "mailing-list" in headers:
        return _MAILING_LIST
    return _TRANSACTIONAL if _is_automated(headers) else NOTHING


def _is_automated(headers: Headers) -> bool:
    for name in headers:
        if name[0] in _FIRST_LETTERS and name.startswith(AUTOMATED_PREFIXES):
            return True
    return (
        _has(headers, "x-mailer", _MAILERS)
        or _has(headers, "auto-submitted", ("auto-generated",))
        or _is(headers, "x-gnd-status", _GANDI_CLASSES)
        or _is(headers, "x-spam-flag", ("true", "yes"))
        or _has(headers, "x-amazon-mail-relay-type", ("notification",))
    )


def _has(headers: Headers, name: str, pieces: Iterable[str]) -> bool:
    """Return whether any value of a header contains one of the pieces, ignoring case."""
    if name in headers:
        for value in headers[name]:
            lowered = value.lower()
            for piece in pieces:
                if piece in lowered:
                    return True
    return False


def _is(headers: Headers, name: str, values: Iterable[str]) -> bool:
    return name in headers and any(value.strip().lower() in values for value in headers[name])
