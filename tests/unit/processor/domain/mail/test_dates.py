"""Dates beyond the published cases: obsolete years and zones, and invalid dates."""

from datetime import UTC, datetime

import pytest

from processor.domain.mail.dates import EARLIEST, choose_date, parse_date

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
        ("Thu, 22 Aug 2002 12:00:00 GMT +0200", -2),
        ("Thu, 22 Aug 2002 12:00:00 GMT-5", 5),
        ("Thu, 22 Aug 2002 12:00:00 +02", -2),
        ("Thu, 22 Aug 2002 12:00:00 +530", -5.5),
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
        "2002-08-22",
        "2002-13-22T12:00:00Z",
        "2002-02-30T12:00:00Z",
        "20020822T126000Z",
        "08/09/2002 12:00",
        "08-09-2002 12:00",
        "22/08/02 12:00",
        "Thu Aug 22 2002",
        "Thu Foo 22 12:00:00 2002",
        "1030017600",
        "22 Aug \u0662\u0660\u0660\u0662 12:00:00 GMT",
    ],
)
def test_what_is_no_date(value: str) -> None:
    """A day, time or year that does not exist gives no date, rather than a different one."""
    assert parse_date(value) is None


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("2002-08-22T12:00:00Z", 0),
        ("2002-08-22 12:00:00", 0),
        ("2002-08-22T12:00:00.123456+02:00", -2),
        ("2002-08-22T12:00+02", -2),
        ("2002-08-22 12:00:00 -0330", 3.5),
        ("2002/08/22 12:00:00", 0),
        ("20020822T120000Z", 0),
        ("20020822120000 +0200", -2),
        ("Thu Aug 22 12:00:00 2002", 0),
        ("Thu Aug 22 12:00 2002", 0),
        ("Thu Aug 22 12:00:00 EDT 2002", 4),
        ("Thu Aug 22 12:00:00 GMT+02:00 2002", -2),
        ("Thu Aug 22 12:00:00 2002 -0400", 4),
        ("Thu, 22 Aug 12:00:00 2002", 0),
        ("Thu, 22 Aug 2002 4:00:00 PM", 4),
        ("Thu, 22 Aug 2002 4:00:00 pm -0500", 9),
        ("Thu, 22 Aug 2002 04:00 p.m.", 4),
        ("Thu, 22 Aug 2002 4:00 a. m.", -8),
        ("Thu, 22 Aug 2002 12:00:00 AM", -12),
        ("Thu, 22 Aug 2002 12:00:00 PM", 0),
        ("Thu, 22 Aug 2002 16:00:00 PM", 4),
        ("Aug 22, 2002 4:00:00 PM", 4),
        ("Aug 22, 2002, 4:00:00\u202fPM", 4),
        ("Thursday, August 22, 2002 4:00 PM", 4),
        ("8/22/2002 4:00:00 PM", 4),
        ("22/08/2002 12:00", 0),
        ("22.08.2002 12:00", 0),
        ("22.08.2002 12.00", 0),
        ("12:00:00 22-Aug-2002 +0200", -2),
        ("Thu, 22 Aug 2002 12.00.00 +0200", -2),
        ("Do, 22. August 2002 12:00:00 +0200", -2),
        ("jeu., 22 ao\u00fbt 2002 12:00:00 +0200", -2),
        ("jeu., 22 aou\u0302t 2002 12:00:00 +0200", -2),
        ("jeu. 22 aout 2002 12:00", 0),
        ("=?utf-8?Q?jeu=2E=2C_22_ao=C3=BBt_2002_12=3A00=3A00_=2B0200?=", -2),
        ("jue, 22 ago 2002 12:00:00 -0300", 3),
        ("22 de agosto de 2002 12:00", 0),
        ("quinta-feira, 22 de agosto de 2002 12h00", 0),
        ("gio, 22 ago 2002 12:00:00", 0),
        ("to, 22 elokuuta 2002 12:00:00", 0),
        ("czw, 22 sie 2002 12:00:00", 0),
        ("\u010dt, 22 srp 2002 12:00:00", 0),
        ("2002. augusztus 22. 12:00", 0),
        ("22 A\u011fustos 2002 Per\u015fembe 12:00", 0),
        ("\u0447\u0442, 22 \u0430\u0432\u0433. 2002 \u0433. 12:00:00 +0400", -4),
        ("22 \u0430\u0432\u0433\u0443\u0441\u0442\u0430 2002 12:00", 0),
        ("2002\u5e748\u670822\u65e5 12:00", 0),
        ("2002\ub144 8\uc6d4 22\uc77c \uc624\ud6c4 4:00", 4),
        ("2002/08/22 \u5348\u5f8c 4:00", 4),
    ],
)
def test_dates_as_programs_write_them(value: str, hours: float) -> None:
    """Dates that are not in the format of RFC 5322 are read if they mean one moment."""
    assert parse_date(value) == NOON + hours * 3600


@pytest.mark.parametrize(
    ("month", "number"),
    [
        ("mar", 3),
        ("marras", 11),
        ("maaliskuu", 3),
        ("juin", 6),
        ("juil", 7),
        ("Mrz", 3),
        ("mrt", 3),
        ("mei", 5),
        ("maj", 5),
        ("lip", 7),
        ("listopad", 11),
        ("ene", 1),
        ("out", 10),
        ("d\u00e9c", 12),
        ("OKT", 10),
    ],
)
def test_months_are_known_in_full_and_cut(month: str, number: int) -> None:
    """A month's name or its beginning is read in any case, unless it is another month's too."""
    assert parse_date(f"22 {month} 2002 12:00:00") == int(datetime(2002, number, 22, 12, tzinfo=UTC).timestamp())
    assert parse_date("22 jui 2002 12:00:00") is None


@pytest.mark.parametrize(
    ("values", "received", "expected"),
    [
        (["Thu, 22 Aug 2002 12:00:00 GMT"], 7 * NOON, NOON),
        (["nonsense", "Thu, 22 Aug 2002 12:00:00 GMT"], None, NOON),
        (["Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 22 Aug 2002 12:00:00 GMT"], None, NOON),
        (["nonsense"], NOON, NOON),
        ([], NOON, NOON),
        (["Thu, 01 Jan 1970 00:00:00 GMT"], NOON, NOON),
        (["Mon, 31 Dec 1979 23:59:59 GMT"], NOON, NOON),
        (["Tue, 01 Jan 1980 00:00:00 GMT"], NOON, EARLIEST),
        (["Fri, 23 Aug 2002 12:00:00 GMT"], NOON, NOON),
        (["Fri, 23 Aug 2002 11:59:59 GMT"], NOON, NOON + 86_399),
        (["nonsense"], EARLIEST - 1, None),
        (["nonsense"], NOON + 86_400, None),
        (["nonsense"], None, None),
        ([], None, None),
    ],
)
def test_what_can_be_true(values: list[str], received: int | None, expected: int | None) -> None:
    """The first Date from 1980 up to the limit counts, else the server's date by the same test, else none."""
    assert choose_date(values, received, latest=NOON + 86_400) == expected


def test_leap_second() -> None:
    """A leap second is the first second of the next minute."""
    assert parse_date("22 Aug 2002 11:59:60 GMT") == NOON


@pytest.mark.parametrize(("digits", "year"), [("49", 2049), ("50", 1950), ("00", 2000), ("100", 2000), ("150", 2050)])
def test_obsolete_years(digits: str, year: int) -> None:
    """Years of two and three digits are read as RFC 5322 says."""
    assert parse_date(f"1 Jan {digits} 00:00:00 GMT") == int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
