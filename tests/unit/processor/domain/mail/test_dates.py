"""Dates beyond the published cases: obsolete years and zones, and invalid dates."""

from datetime import UTC, datetime

import pytest

from processor.domain.mail.dates import parse_date

NOON = int(datetime(2002, 8, 22, 12, 0, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("Thu, 22 Aug 2002 12:00:00 +0000", 0),
        ("22 Aug 2002 12:00 UT", 0),
        ("22 Aug 02 12:00:00 GMT", 0),
        ("22 Aug 102 12:00:00 GMT", 0),
        ("Thu, 22 August 2002 12:00:00 -0000", 0),
        ("thu,22 aug 2002 12:00:00 est", 5),
        ("Thu, 22 Aug 2002 12:00:00 EDT", 4),
        ("Thu, 22 Aug 2002 12:00:00 PST", 8),
        ("Thu, 22 Aug 2002 12:00:00 MDT", 6),
        ("Thu, 22 Aug 2002 12:00:00 A", 0),
        ("Thu, 22 Aug 2002 12:00:00 CET", 0),
        ("Thu, 22 Aug 2002 12:00:00 Eastern Daylight Time", 0),
        ("Thu, 22 Aug 2002 12:00:00 +0530 (IST)", -5.5),
        ("Thu, 22 Aug 2002 12:00:00 GMT+0200", -2),
        ("Thu (a day), 22 (x) Aug 2002 (y) 12:00:00 -0330", 3.5),
        ("Thu, 22 Aug 2002 12:00:00", 0),
        ("Wed, 22 Aug 2002 12:00:00 GMT", 0),
        ("  Thu,  22  Aug  2002\t12:0:0  GMT", 0),
    ],
)
def test_dates(value: str, hours: float) -> None:
    """A date is converted to UTC from any zone, and a wrong weekday does not matter."""
    assert parse_date(value) == NOON + hours * 3600


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Thu, 32 Aug 2002 12:00:00 GMT",
        "Thu, 29 Feb 2001 12:00:00 GMT",
        "Thu, 22 Foo 2002 12:00:00 GMT",
        "Thu, 22 Aug 2002 24:00:00 GMT",
        "Thu, 22 Aug 2002 12:60:00 GMT",
        "Thu, 22 Aug 2002 12:00:61 GMT",
        "Thu, 22 Aug 2002 GMT",
        "Thu, 22 Aug 1899 12:00:00 GMT",
        "Thu, 22 Aug 0102 12:00:00 GMT",
        "Thu, 22 Aug 20022 12:00:00 GMT",
        "2002-08-22T12:00:00Z",
        "22 Aug \u0662\u0660\u0660\u0662 12:00:00 GMT",
    ],
)
def test_what_is_no_date(value: str) -> None:
    """A day, time or year that does not exist gives no date, rather than a different one."""
    assert parse_date(value) is None


def test_leap_second() -> None:
    """A leap second is the first second of the next minute."""
    assert parse_date("22 Aug 2002 11:59:60 GMT") == NOON


@pytest.mark.parametrize(("digits", "year"), [("49", 2049), ("50", 1950), ("00", 2000), ("100", 2000), ("150", 2050)])
def test_obsolete_years(digits: str, year: int) -> None:
    """Years of two and three digits are read as RFC 5322 says."""
    assert parse_date(f"1 Jan {digits} 00:00:00 GMT") == int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
