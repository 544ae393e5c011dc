"""Exports: columns, cells, formats, and the same bytes each time."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.contacts import google
from fetcher.contacts.contact import Contact, split_name
from fetcher.contacts.csv import BOM, COLUMNS, check_delimiter
from fetcher.contacts.export import HEADED, Format, export_contacts

JANE: Contact = {
    "address": "jane@acme.com",
    "name": "Jane Doe",
    "recency": "2022-04-05T14:46:20Z",
    "seniority": "2021-01-02T00:00:00Z",
    "occurrence": 3,
    "sender": 2,
    "recipient": 1,
    "conversations": 1,
    "replied_conversations": 1,
    "temperature": 52,
    "tags": [
        {"name": "role", "reachability": 2, "source": "email_address", "count": 1},
        {"name": "professional", "reachability": 1, "source": "email_address", "count": 3},
        {"name": "chat", "reachability": 2, "source": "email_address", "count": 1},
    ],
    "alternate_names": ["Jane", "Dr. Doe"],
    "alternate_emails": ["jane+z@acme.com", "jane+a@acme.com"],
    "sources": ["me@example.org", "me@example.com"],
}
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
CONTACTS = st.builds(
    lambda name, others, tags, count: (
        JANE
        | {
            "name": name or None,
            "alternate_names": others,
            "tags": [{"name": tag, "reachability": 1, "source": "email_address", "count": 1} for tag in tags],
            "occurrence": count,
        }
    ),
    LINES,
    st.lists(NAMES.filter(bool), max_size=8),
    st.lists(st.sampled_from(["chat", "group", "professional", "role"]), max_size=4),
    st.integers(0, 10**9),
)


def _export(contacts: list[Contact], form: Format, delimiter: str = ",") -> bytes:
    return b"".join(export_contacts(contacts, form, delimiter=delimiter))


def _rows(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.removeprefix(BOM).decode(), newline=""), delimiter=delimiter))


def _properties(card: bytes) -> list[tuple[str, str]]:
    lines = card.replace(b"\r\n ", b"").decode().split("\r\n")
    return [(name, value) for name, _, value in (line.partition(":") for line in lines if line)]


def _unescape(value: str) -> str:
    out, letters = "", iter(value)
    for letter in letters:
        escaped = next(letters) if letter == "\\" else ""
        out += {"": letter, "n": "\n"}.get(escaped, escaped)
    return out


def test_a_csv_has_the_columns_and_cells_of_the_behaviour() -> None:
    """Dates are days, and lists are joined and ordered as BEHAVIOUR.md says."""
    head, row = _rows(_export([JANE], Format.CSV))

    assert head == list(COLUMNS)
    assert dict(zip(head, row, strict=True)) == {
        "Name": "Jane Doe",
        "Email": "jane@acme.com",
        "Recency": "2022-04-05",
        "Seniority": "2021-01-02",
        "Occurrence": "3",
        "Sender": "2",
        "Recipient": "1",
        "Conversations": "1",
        "Replies": "1",
        "Temperature": "52",
        "Tags": "professional; chat; role",
        "Alternate names": "Jane; Dr. Doe",
        "Alternate emails": "jane+a@acme.com; jane+z@acme.com",
        "Sources": "me@example.com; me@example.org",
    }


def test_a_csv_is_utf_8_with_a_mark_and_ends_lines_as_rfc_4180_says() -> None:
    """A CSV starts with a byte order mark, for spreadsheets, and every line ends with CRLF."""
    data = _export([JANE | {"name": "Zoë"}], Format.CSV)

    assert data.startswith(b"\xef\xbb\xbfName,Email,")
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == 2
    assert "Zoë".encode() in data


def test_what_is_missing_is_an_empty_cell() -> None:
    """A missing name, date or list is an empty cell, not a word such as None."""
    bare = JANE | {"name": None, "recency": None, "seniority": None, "tags": [], "alternate_names": []}

    row = _rows(_export([bare], Format.CSV))[1]

    assert [row[0], row[2], row[3], row[10], row[11]] == [""] * 5


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_no_cell_can_be_taken_for_a_formula(name: str) -> None:
    """A cell that starts like a formula gets a leading apostrophe."""
    row = _rows(_export([JANE | {"name": name, "alternate_names": [name, "b"]}], Format.CSV))[1]

    assert row[0] == f"'{name}"
    assert row[11] == f"'{name}; b"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", [",", ";", "\t", '"', "\n", "\r", "\r\n", "\u2028"])
def test_a_mark_that_separates_cells_anywhere_is_quoted(delimiter: str, mark: str) -> None:
    """A cell with any country's delimiter, a quote or a line break is quoted, so that no program splits it."""
    row = _export([JANE | {"name": f"x{mark}=1+1"}], Format.CSV, delimiter).split(b"\r\n", 1)[1]

    doubled = mark.replace('"', '""')
    assert row.startswith(f'"x{doubled}=1+1"{delimiter}jane@acme.com{delimiter}'.encode())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_lists_in_a_cell_are_quoted(delimiter: str) -> None:
    """Lists are joined by a semicolon, so a cell with more than one item is quoted whatever the delimiter."""
    data = _export([JANE], Format.CSV, delimiter)

    assert f'{delimiter}"professional; chat; role"{delimiter}"Jane; Dr. Doe"{delimiter}'.encode() in data


@given(st.lists(CONTACTS, max_size=4), st.sampled_from([",", ";", "\t", "|"]))
def test_the_csv_module_reads_back_every_cell(contacts: list[Contact], delimiter: str) -> None:
    """Whatever a name contains, each contact is one row, and its name is one cell."""
    rows = _rows(_export(contacts, Format.CSV, delimiter), delimiter)

    assert len(rows) == len(contacts) + 1
    for contact, row in zip(contacts, rows[1:], strict=True):
        name = contact["name"] or ""
        assert row[0] == ("'" + name if name[:1] and name[0] in "=+-@\t\r" else name)
        assert row[1:3] == ["jane@acme.com", "2022-04-05"]
        assert row[4] == str(contact["occurrence"])


@given(st.lists(CONTACTS, max_size=4))
def test_json_lines_read_back_what_the_contact_said(contacts: list[Contact]) -> None:
    """JSON Lines has one object per line, with fields in column order and dates in ISO 8601."""
    lines = _export(contacts, Format.JSONL).decode().split("\n")

    assert lines.pop() == ""
    assert [json.loads(line)["name"] for line in lines] == [contact["name"] for contact in contacts]
    assert all(json.loads(line)["recency"] == "2022-04-05T14:46:20Z" for line in lines)
    assert all(len(json.loads(line)) == len(COLUMNS) for line in lines)


@given(CONTACTS)
def test_a_vcard_unfolds_and_unescapes_to_what_the_contact_said(contact: Contact) -> None:
    """Folding and escaping lose nothing except control characters, which a vCard does not allow."""
    card = _export([contact], Format.VCARD)

    properties = _properties(card)
    shown = dict(properties)
    name = (contact["name"] or "jane@acme.com").replace("\r\n", "\n").replace("\r", "\n")
    assert properties[:2] == [("BEGIN", "VCARD"), ("VERSION", "4.0")]
    assert properties[-1] == ("END", "VCARD")
    assert _unescape(shown["FN"]) == "".join(
        " " if (ord(letter) < 32 and letter != "\n") or 127 <= ord(letter) < 160 else letter for letter in name
    )
    assert _unescape(shown.get("NICKNAME", "")) == ",".join(contact["alternate_names"])
    assert shown["X-LEADMINER-OCCURRENCE"] == str(contact["occurrence"])


@given(CONTACTS)
def test_a_vcards_lines_hold_at_most_75_octets_of_whole_characters(contact: Contact) -> None:
    """No line of a vCard exceeds 75 octets (RFC 6350, section 3.2)."""
    lines = _export([contact], Format.VCARD).split(b"\r\n")

    assert all(len(line) <= 75 for line in lines)
    assert [line.decode() for line in lines if b"\n" in line] == []


def test_a_vcard_names_all_addresses_the_contacts_own_first() -> None:
    """A vCard contains every address of the person, and prefers the main one."""
    properties = _properties(_export([JANE], Format.VCARD))

    assert [pair for pair in properties if pair[0].startswith("EMAIL")] == [
        ("EMAIL;PREF=1", "jane@acme.com"),
        ("EMAIL", "jane+a@acme.com"),
        ("EMAIL", "jane+z@acme.com"),
    ]
    assert ("CATEGORIES", "professional,chat,role") in properties


@pytest.mark.parametrize("form", list(Format))
def test_the_same_contacts_give_the_same_bytes(form: Format) -> None:
    """An export does not depend on the order in which tags, addresses or sources arrive."""
    shuffled = JANE | {
        "tags": JANE["tags"][::-1],
        "alternate_emails": JANE["alternate_emails"][::-1],
        "sources": JANE["sources"][::-1],
    }

    assert _export([JANE], form) == _export([shuffled], form)


@pytest.mark.parametrize("form", list(Format))
def test_an_export_is_streamed(form: Format) -> None:
    """Each contact is written before the next one is read, so memory does not grow with their number."""
    read = []

    def contacts() -> "list[Contact]":
        read.append(1)
        return [JANE]

    pieces = export_contacts((contact for _ in range(3) for contact in contacts()), form)
    while b"jane@acme.com" not in next(pieces):
        pass

    assert len(read) == 1


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "\r", "a", "0"])
def test_a_delimiter_that_would_garble_a_csv_is_refused(delimiter: str) -> None:
    """A bad delimiter is refused, and the error shows its value."""
    with pytest.raises(ValueError, match="delimiter"):
        check_delimiter(delimiter)


def test_a_tab_can_be_written_as_on_a_command_line() -> None:
    r"""The delimiter `\t` means a tab."""
    assert check_delimiter("\\t") == "\t"


def test_a_card_of_version_3_has_a_name_in_parts() -> None:
    """A vCard 3.0 has N, which RFC 2426 requires, and its own way to mark the first address."""
    properties = _properties(_export([JANE], Format.VCARD3))

    assert properties[1] == ("VERSION", "3.0")
    assert ("N", "Doe;Jane;;;") in properties
    assert ("FN", "Jane Doe") in properties
    assert ("EMAIL;TYPE=INTERNET,PREF", "jane@acme.com") in properties
    assert ("EMAIL;TYPE=INTERNET", "jane+a@acme.com") in properties


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Jane Doe", ("Jane", "Doe")),
        ("Jane van der Doe", ("Jane van der", "Doe")),
        ("Prince", ("Prince", "")),
        ("", ("", "")),
        (" Jane  Doe ", ("Jane", "Doe")),
    ],
)
def test_a_name_is_split_before_its_last_word(name: str, parts: tuple[str, str]) -> None:
    """The last word is the family name; a single word is the given name."""
    assert split_name(name) == parts


def test_a_contact_without_a_name_still_has_n() -> None:
    """A card without a name shows the address and has an empty N."""
    properties = dict(_properties(_export([JANE | {"name": None}], Format.VCARD3)))

    assert (properties["N"], properties["FN"]) == (";;;;", "jane@acme.com")


def test_google_gets_its_own_columns() -> None:
    """Google's CSV has the columns of its own exports, several values in one cell as Google joins them, and no mark."""
    data = _export([JANE], Format.GOOGLE)

    head, row = _rows(data)
    assert not data.startswith(BOM)
    assert head == list(google.COLUMNS)
    assert {name: cell for name, cell in zip(head, row, strict=True) if cell} == {
        "First Name": "Jane",
        "Last Name": "Doe",
        "Nickname": "Jane ::: Dr. Doe",
        "Labels": "professional ::: chat ::: role ::: * myContacts",
        "E-mail 1 - Value": "jane@acme.com",
        "E-mail 2 - Value": "jane+a@acme.com ::: jane+z@acme.com",
    }


@pytest.mark.parametrize("form", Format)
def test_each_format_has_one_piece_per_contact(form: Format) -> None:
    """Each format streams: a header where there is one, and one piece for each contact."""
    pieces = list(export_contacts([JANE, JANE], form))

    assert len(pieces) == 2 + (form in HEADED)
