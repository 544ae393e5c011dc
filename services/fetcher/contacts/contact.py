"""A contact as the processor returns it, and the order of its fields and lists in every format."""

from collections.abc import Iterable
from typing import Any, Literal, TypedDict

TAG_KEYS: tuple[Literal["name", "reachability", "source", "count"], ...] = ("name", "reachability", "source", "count")


class Tag(TypedDict):
    """One tag of a contact. `count` is in messages. `reachability`: 0 nobody, 1 a person, 2 many people, 3 unsure."""

    name: str
    reachability: int
    source: str
    count: int


class Contact(TypedDict):
    """One contact as the processor's API returns it. Dates are ISO 8601 in UTC, or None."""

    address: str
    name: str | None
    recency: str | None
    seniority: str | None
    occurrence: int
    sender: int
    recipient: int
    conversations: int
    replied_conversations: int
    temperature: int
    tags: list[Tag]
    alternate_names: list[str]
    alternate_emails: list[str]
    sources: list[str]


def record(contact: Contact) -> dict[str, Any]:
    """Return the contact as one JSON object, with the fields in column order and the lists in export order."""
    return {
        "name": contact["name"],
        "email": contact["address"],
        "recency": contact["recency"],
        "seniority": contact["seniority"],
        "occurrence": contact["occurrence"],
        "sender": contact["sender"],
        "recipient": contact["recipient"],
        "conversations": contact["conversations"],
        "replies": contact["replied_conversations"],
        "temperature": contact["temperature"],
        "tags": [{key: tag[key] for key in TAG_KEYS} for tag in _ordered_tags(contact)],
        "alternate_names": contact["alternate_names"],
        "alternate_emails": _by_bytes(contact["alternate_emails"]),
        "sources": _by_bytes(contact["sources"]),
    }


def tag_names(contact: Contact) -> list[str]:
    """Return the distinct names of the contact's tags, sorted by count, then name."""
    return list(dict.fromkeys(tag["name"] for tag in _ordered_tags(contact)))


def split_name(name: str) -> tuple[str, str]:
    """Return the given and the family name, for formats that want them apart: the last word is the family name."""
    given, _, family = name.strip().rpartition(" ")
    return (given.strip(), family) if given else (family, "")


def _ordered_tags(contact: Contact) -> list[Tag]:
    return sorted(contact["tags"], key=lambda tag: (-tag["count"], encode(tag["name"]), encode(tag["source"])))


def _by_bytes(texts: Iterable[str]) -> list[str]:
    return sorted(set(texts), key=encode)


def encode(text: str) -> bytes:
    """Encode a text as UTF-8; a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")
