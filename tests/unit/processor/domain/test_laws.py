"""The laws of extraction hold for generated input."""

import json
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from processor.domain.mail.addresses import extract_from_text, fold_address, parse_address_list, valid_address
from processor.domain.mail.charset import decode_base64, decode_text, decode_words
from processor.domain.mail.dates import parse_date
from processor.domain.mail.message import read_message
from processor.domain.mail.names import clean_name

WORD: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
LOCAL: Final = st.lists(st.text("abcxyz019!#$%&'*/=?^_`{|}~-", min_size=1, max_size=8), min_size=1, max_size=3).filter(
    lambda atoms: atoms[0][0] not in "'/" and "=?" not in ".".join(atoms)
)
"""Quotes around an address do not belong to it, an encoded word is decoded, and the rest of a URL is no address."""
HOST: Final = st.lists(WORD, min_size=1, max_size=3)
LAST: Final = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=10)
ADDRESS: Final = st.builds(lambda local, host, last: f"{'.'.join(local)}@{'.'.join(host)}.{last}", LOCAL, HOST, LAST)
SHOWN: Final = st.builds(
    lambda local, host, last: f"{'.'.join(local)}@{'.'.join(host)}.{last}",
    st.lists(WORD, min_size=1, max_size=3),
    HOST,
    st.sampled_from(("com", "fr", "museum", "xn--p1ai")),
).filter(lambda address: not address.startswith("www."))
"""Finding addresses in texts."""
PIECES: Final = st.lists(
    st.sampled_from(
        (
            *(
                "jane",
                "bob@acme.com",
                "@",
                ".",
                "acme.com",
                " ",
                "\n",
                ":",
                ",",
                "'",
                "<",
                ">",
                "(",
                "|",
                "//",
                "https:",
            ),
            *("<b>", "</b>", "<br>", "<p>", "<wbr>", "<!-- c -->", "&nbsp;", "&#64;", "&commat;", "www.", "key="),
            *('<a href="mailto:jane@acme.com">', "<i title='t@u.com'>", "</a>", "x@my_host.com", "\u00e9", "\u200b"),
        )
    ),
    max_size=12,
).map("".join)
NAME: Final = st.lists(WORD.filter(lambda word: word != "via"), min_size=1, max_size=3).map(" ".join)
MAIL: Final = st.lists(
    st.sampled_from(
        (
            *(
                b"From:",
                b"To:",
                b"\r\n",
                b"\n",
                b"\r",
                b"\r\n\r\n",
                b" ",
                b"\t",
                b"\0",
                b'"',
                b"(",
                b")",
                b"<",
                b">",
                b"@",
            ),
            *(
                b"a@b.com",
                b"=?utf-8?Q?a?=",
                b"=?x?b?",
                b"&amp;",
                b",",
                b";",
                b":",
                b"\\",
                b"\xc3\xa9",
                b"\xff",
                b"mailto:",
            ),
            *(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n", b"--x", b"--", b"Content-Type: text/html\r\n"),
            *(b"<!--", b"-->", b"<a href=", b"Date: 1 Jan 2020 00:00 GMT", b"Message-ID: <a>", b"&#64;", b"%40"),
            b"Content-Transfer-Encoding: base64\r\n",
        )
    )
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)
MARKS: Final = st.lists(
    st.sampled_from(
        (
            *"\"'\\,; ()\t\0",
            "&amp;",
            "&quot;",
            "&#39",
            "Jane",
            "=?utf-8?Q?",
            "=22",
            "?=",
            "\u201c",
            "(google)",
            "\ud800",
        )
    ),
    max_size=12,
).map("".join)


@given(MAIL | st.binary(max_size=400), st.booleans(), st.booleans())
def test_any_bytes_are_read(raw: bytes, with_text: bool, truncated: bool) -> None:
    """Reading never raises, gives the same result twice, and gives only what UTF-8 and JSON can hold."""
    readings = [
        read_message(raw, own=frozenset({"a@b.com"}), latest=1 << 40, with_text=with_text, truncated=truncated)
        for _ in range(2)
    ]

    assert readings[0] == readings[1]
    assert json.dumps([list(point) for point in readings[0].points], ensure_ascii=False).encode()
    assert all(valid_address(point.address) for point in readings[0].points)
    assert "a@b.com" not in {point.address for point in readings[0].points}


@given(MAIL)
def test_line_ends_make_no_difference(raw: bytes) -> None:
    """A message with LF has the same key, date and points as with CRLF."""
    lf = b"Subject: x\n" + raw.replace(b"\r", b"") + b"\n\nbye"

    one, other = (
        read_message(message, own=frozenset(), latest=1 << 40, with_text=True, truncated=False)
        for message in (lf, lf.replace(b"\n", b"\r\n"))
    )

    assert one == other


@given(st.lists(st.tuples(ADDRESS, NAME), min_size=1, max_size=6, unique_by=lambda pair: pair[0]))
def test_addresses_round_trip(pairs: list[tuple[str, str]]) -> None:
    """An address list that is written is read back the same, quoted, plain or with a comment."""
    written = (f'"{name}" <{address}>' for address, name in pairs), (f"{name} <{address}>" for address, name in pairs)

    readings = [parse_address_list(", ".join(form)) for form in written]
    commented = parse_address_list(", ".join(f"{address} ({name})" for address, name in pairs))

    for found in (*readings, commented):
        assert [(mailbox.address, mailbox.name) for mailbox in found] == pairs


@given(st.lists(SHOWN, max_size=5))
def test_texts_give_their_addresses(addresses: list[str]) -> None:
    """Addresses in a sentence are found once each, in order."""
    found = extract_from_text("Write to " + ", or (better) to ".join(addresses) + ".")

    assert [mailbox.address for mailbox in found] == list(dict.fromkeys(addresses))


@given(PIECES)
def test_both_ways_read_html_alike(text: str) -> None:
    """What the quick way decides about HTML, the careful way decides too."""
    quickly = extract_from_text(text, is_html=True)
    carefully = extract_from_text(f"{text}\n<a href='mailto:%40'></a>", is_html=True)

    assert quickly == carefully


@given(ADDRESS)
def test_bytes_and_text_are_scanned_alike(address: str) -> None:
    """Scanning bytes and scanning decoded text find the same, as plain text and as HTML."""
    text = f"a {address}, <b>{address}</b> \u2026 '{address}' x{address}. /{address} {address}@ ?{address}"

    ascii_only = extract_from_text(text.replace("\u2026", "."))
    decoded = extract_from_text(text + " z@acme.com\u2026")

    assert ascii_only == [mailbox for mailbox in decoded if mailbox.address != "z@acme.com"]


@given(st.text())
def test_address_lists_never_raise(value: str) -> None:
    """Any text, and its bytes, can be read as a list without repetitions."""
    found = parse_address_list(value)

    assert len({mailbox.address for mailbox in found}) == len(found)
    assert all(valid_address(mailbox.address) for mailbox in found)


@given(MARKS | st.text().filter(lambda text: "via" not in text.lower()))
def test_cleaning_a_name_again_changes_nothing(text: str) -> None:
    """Cleaning a clean name changes nothing, except that a name with several services loses one at a time."""
    once = clean_name(text)

    assert clean_name(once) == once
    assert once == " ".join(once.encode().decode().split())


@given(st.text(), st.binary(), st.text(max_size=30))
def test_decoding_never_raises(text: str, data: bytes, charset: str) -> None:
    """Any text is decoded, whatever charset is named."""
    assert isinstance(decode_words(text), str)
    assert isinstance(decode_words(f"=?{charset}?b?{text}?="), str)
    assert isinstance(decode_text(data, charset, cut=True), str)
    assert isinstance(decode_base64(data), bytes)


@given(st.text())
def test_folding_an_address_again_changes_nothing(text: str) -> None:
    """Folding a folded address changes nothing."""
    assert fold_address(fold_address(text)) == fold_address(text)


@given(st.datetimes(timezones=st.just(None)).filter(lambda date: date.year >= 1900), st.integers(-1439, 1439))
def test_dates_round_trip(date: datetime, minutes: int) -> None:
    """A date written by RFC 5322 is read back to the second, whatever its zone."""
    written = format_datetime(date.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes))))

    expected = date.replace(microsecond=0, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_date(written) == expected // timedelta(seconds=1) - minutes * 60
