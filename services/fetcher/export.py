"""Contacts as CSV, JSON Lines and vCard 4.0: pure, streamed, and the same to the byte for the same contacts."""

import csv
import io
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal, TypedDict

BOM = b"\xef\xbb\xbf"
COLUMNS = (
    "Name",
    "Email",
    "Recency",
    "Seniority",
    "Occurrence",
    "Sender",
    "Recipient",
    "Conversations",
    "Replies",
    "Temperature",
    "Tags",
    "Alternate names",
    "Alternate emails",
    "Sources",
)
TAG_KEYS: tuple[Literal["name", "reachability", "source", "count"], ...] = ("name", "reachability", "source", "count")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection, read 2026-11)."""
FOLD_OCTETS = 75
"""Longest line of a vCard without its line break (RFC 6350, section 3.2)."""
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")


class Format(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    VCARD = "vcard"
    JSONL = "jsonl"


class Tag(TypedDict):
    """One tag of a contact. `count` is in messages; `reachability` 0 nobody, 1 a person, 2 many, 3 unsure."""

    name: str
    reachability: int
    source: str
    count: int


class Contact(TypedDict):
    """One contact as the processor's API gives it. Dates are ISO 8601 in UTC, or None."""

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


def export_contacts(contacts: Iterable[Contact], form: Format, *, delimiter: str = ",") -> Iterator[bytes]:
    """Yield the export's bytes, a piece a contact, in the order given; `delimiter` is a CSV's alone."""
    if form is Format.CSV:
        return _csv(contacts, delimiter)
    write: Callable[[Contact], bytes] = _vcard if form is Format.VCARD else _json_line
    return map(write, contacts)


def check_delimiter(delimiter: str) -> str:
    r"""Return the delimiter, `\t` read as a tab; raise ValueError for what would make a CSV ambiguous."""
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise ValueError(f"the delimiter {delimiter!r} is not one character that can part cells, such as , ; | or \\t")
    return delimiter


def record(contact: Contact) -> dict[str, Any]:
    """Return the contact as one JSON object: the columns in their order, their lists in the export's order."""
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


def cells(contact: Contact) -> tuple[str, ...]:
    """Return the contact's cells, one a column, as a CSV shows them before they are made harmless."""
    fields = record(contact)
    for name in ("recency", "seniority"):
        fields[name] = (fields[name] or "")[:10]
    for name in ("alternate_names", "alternate_emails", "sources"):
        fields[name] = "; ".join(fields[name])
    fields["tags"] = "; ".join(tag_names(contact))
    return tuple("" if value is None else str(value) for value in fields.values())


def tag_names(contact: Contact) -> list[str]:
    """Return the names of the contact's tags by count and then name, each once."""
    return list(dict.fromkeys(tag["name"] for tag in _ordered_tags(contact)))


def _ordered_tags(contact: Contact) -> list[Tag]:
    return sorted(contact["tags"], key=lambda tag: (-tag["count"], _encode(tag["name"]), _encode(tag["source"])))


def _by_bytes(texts: Iterable[str]) -> list[str]:
    return sorted(set(texts), key=_encode)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _csv(contacts: Iterable[Contact], delimiter: str) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    yield BOM + _drain(buffer)
    for contact in contacts:
        writer.writerow([_harmless(cell) for cell in cells(contact)])
        yield _drain(buffer)


def _drain(buffer: io.StringIO) -> bytes:
    data = _encode(buffer.getvalue())
    buffer.seek(0)
    buffer.truncate()
    return data


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell


def _json_line(contact: Contact) -> bytes:
    return _encode(json.dumps(record(contact), ensure_ascii=False, separators=(",", ":")) + "\n")


def _vcard(contact: Contact) -> bytes:
    fields = record(contact)
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"UID:{_uid(contact['address'])}"]
    lines.append(f"FN:{_text(contact['name'] or contact['address'])}")
    lines += _listed("NICKNAME", fields["alternate_names"])
    lines.append(f"EMAIL;PREF=1:{_text(contact['address'])}")
    lines += [f"EMAIL:{_text(address)}" for address in fields["alternate_emails"]]
    lines += _listed("CATEGORIES", tag_names(contact))
    lines += _own_properties(fields)
    lines += _listed("X-LEADMINER-SOURCES", fields["sources"])
    lines.append("END:VCARD")
    return b"".join(_fold(line) for line in lines)


def _uid(address: str) -> str:
    """Name the card by its address, so that an address book that reads a second export updates what it has."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{address}").urn


def _own_properties(fields: Mapping[str, Any]) -> list[str]:
    names = ("recency", "seniority", "occurrence", "sender", "recipient", "conversations", "replies", "temperature")
    return [f"X-LEADMINER-{name.upper()}:{_text(str(fields[name]))}" for name in names if fields[name] is not None]


def _listed(name: str, texts: Iterable[str]) -> list[str]:
    value = ",".join(_text(text) for text in texts)
    return [f"{name}:{value}"] if value else []


def _text(value: str) -> str:
    """Escape a text value (RFC 6350, section 3.4); control characters, which it has no room for, become blanks."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    for plain, escaped in (("\\", "\\\\"), (",", "\\,"), (";", "\\;"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value.translate(_CONTROLS)


def _fold(line: str) -> bytes:
    """Break a line after at most 75 octets, never within a character (RFC 6350, section 3.2)."""
    data, pieces, room = _encode(line), [], FOLD_OCTETS
    while len(data) > room:
        end = room
        while data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[:end])
        data, room = data[end:], FOLD_OCTETS - 1
    return b"\r\n ".join([*pieces, data]) + b"\r\n"
