"""Why a contact has a tag: the rule behind each tag, as a sentence for people. `tags` and `message_tags` apply them."""

from typing import Final

from processor.domain.contacts.tags import ADDRESS, HEADER

RULES: Final = {
    ("no-reply", ADDRESS): "A word in the address or its host, such as noreply or alerts, says that nobody reads it.",
    ("transactional", ADDRESS): (
        "A word in the address or its host, such as orders or receipts, says that a program writes from it."
    ),
    ("newsletter", ADDRESS): "A word in the address, its host or the name says that it sends a newsletter.",
    ("personal", ADDRESS): "The address is at a free mail provider, such as gmail.com.",
    ("professional", ADDRESS): "The address is at a domain that is no free mail provider, such as a company's.",
    ("role", ADDRESS): "A word in the address or its host, such as info or sales, names a role and not a person.",
    ("chat", ADDRESS): "The host passes on messages between people, such as reply.linkedin.com.",
    ("group", ADDRESS): "The host is one of mailing lists or groups, such as groups.io.",
    ("chat", HEADER): "LinkedIn marked the message as one from person to person.",
    ("newsletter", HEADER): (
        "The message has a header field of newsletters, such as List-Unsubscribe, and none for posting to a list."
    ),
    ("group", HEADER): (
        "The message came through a mailing list or group: it has the header field List-Post, X-Original-From or "
        "Mailing-List, or its Precedence is list."
    ),
    ("transactional", HEADER): (
        "The message has a header field that mailing programs add, such as Feedback-ID, or says that it was generated."
    ),
}
"""By a tag's name and source."""
