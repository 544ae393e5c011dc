"""Hardly any address of real mail is one that only our extraction gives, and each of those has its reason."""

from typing import Final

import pytest

from bench.postal import PostalReading
from bench.precision import NO_REASON, Precision, give, measure_with_two, read_reasons, without_reason
from bench.readers import read_by_compat32, read_by_default_policy, read_by_postal_mime
from tests.support.corpus import real_messages

EVERY: Final = 20
PRECISION: Final = 0.99


@pytest.mark.exhaustive
def test_real_messages() -> None:
    """Of every twentieth message, each address that neither of two readers gives is on the list, with its reason."""
    messages = [(int(number), raw) for number, raw in real_messages()]

    precision = measure_with_two(messages[::EVERY], "")

    assert precision.rate > PRECISION
    assert without_reason(precision) == []


def test_listed_addresses() -> None:
    """Each address on the list has a reason and is still given, but not by both of the other readers."""
    messages = {int(number): raw for number, raw in real_messages()}

    for (number, address), reason in read_reasons().items():
        raw = messages[number]

        assert reason not in ("", NO_REASON)
        assert address in give(raw), f"{number} {address}: run `.venv/bin/python -m bench.precision --write`"
        assert not (address in read_by_default_policy(raw) and address in read_by_compat32(raw))


def test_readers_of_the_standard_library() -> None:
    """They read fields, texts, HTML with inline tags, links and attached messages."""
    raw = (
        b"From: Jane <Jane+x@acme.com>\r\nTo: =?utf-8?q?Bob?= <bob@acme.com>\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nto cy@acme.com.\r\n"
        b"--b\r\nContent-Type: text/html; charset=nonsense\r\n\r\n"
        b"<p>d<b>an</b>@acme.com</p>eve@acme.com <a href=' mailto:flo@acme.com?cc=gil@acme.com'>x</a>\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nTo: hal@acme.com\r\n\r\n--b--\r\n"
    )
    expected = {f"{name}@acme.com" for name in ("jane", "bob", "cy", "dan", "eve", "flo", "gil", "hal")}

    assert read_by_default_policy(raw) == expected
    assert read_by_compat32(raw) == expected


def test_reader_of_postal_mime() -> None:
    """It reads the fields' addresses as written, and the texts."""
    reading = PostalReading(addresses=["Jane+x@acme.com", ""], texts=["to cy@acme.com."], htmls=["<i>d</i>an@acme.com"])

    assert read_by_postal_mime(reading) == {"jane@acme.com", "cy@acme.com", "dan@acme.com"}


@pytest.mark.parametrize(("without", "words"), [("", "two of three"), ("no Node", "at least one of two")])
def test_reports(without: str, words: str) -> None:
    """A report says how many addresses are confirmed, by how many readers, and which have no reason."""
    report = Precision(4, [(0, "nobody@acme.com")], without).report()

    assert "0.750000 (3 of 4 addresses" in report
    assert words in report
    assert "no reason for nobody@acme.com in message 0" in report
    assert without in report
