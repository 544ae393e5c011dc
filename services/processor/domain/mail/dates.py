"""Dates of messages: in the format of RFC 5322, including its obsolete years and zones, and as programs write them."""

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final

from processor.domain.mail.months import fold, number_month
from processor.domain.mail.other_dates import read_other

EARLIEST: Final = 315_532_800
"""1980-01-01 UTC. Hardly any mail is older, so an earlier date comes from a clock that was not set."""
_ZONE_HOURS: Final = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
"""RFC 5322, 4.3. It says to take all other zone names, including military letters, as UTC."""
_COMMON_DATE: Final = re.compile(
    r" ?(?:[A-Z][a-z]{2}, )?(\d{1,2} [A-Z][a-z]{2} \d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})(?!\d)", re.ASCII
)
"""How nearly all programs write a date: as RFC 5322 says, without anything obsolete."""
_DATE: Final = re.compile(
    r"\s*+(?:[A-Za-z]++\.?\s*+,?\s*+)?"
    r"(\d{1,2})[\s-]*+([A-Za-z]{3,})\.?[\s-]*+(\d{2,4}),?\s++"
    r"(\d{1,2})\s*+:\s*+(\d{1,2})(?>(?:\s*+:\s*+(\d{1,2})(?:\.\d+)?)?)(?![\d:])"
    r"\s*+\"?([A-Za-z]*+)\s*+(?:([+-]\d{1,2}(?::?\d{2})?)(?!\d))?",
    re.ASCII,
)
_HALVES: Final = ("am", "pm", "a", "p")
"""What looks like a zone, but may say that the time is of twelve hours."""
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 1900
"""RFC 5322, 3.3: `year` is 1900 or later."""
_MAX_CHARACTERS: Final = 200


def choose_date(values: Iterable[str], received: int | None, latest: int) -> int | None:
    """Return the first of these Date fields that can be true, else when the server received the message, else None.

    Nothing before 1980 can be, nor at or after `latest`. All are in seconds since 1970.
    """
    for value in values:
        sent = parse_date(value)
        if sent is not None and EARLIEST <= sent < latest:
            return sent
    return received if received is not None and EARLIEST <= received < latest else None


def parse_date(value: str) -> int | None:
    """Return a Date field's value in seconds since 1970, or None if it has no valid date.

    Without a zone that RFC 5322 knows, the date is in UTC.
    """
    common = _COMMON_DATE.match(value)
    if common:
        day, hours, minutes, seconds, zone = common.groups()
        days = _days(day)
        if days is not None:
            return _count_seconds(days, int(hours), int(minutes), int(seconds), _offset(zone))
    text = value[:_MAX_CHARACTERS]
    match = _DATE.match(text) or ("(" in text and _DATE.match(_COMMENT.sub(" ", text)))
    if not match:
        return _parse_other(text)
    day, month, year, hours, minutes, seconds, name, zone = match.groups()
    days = _days(f"{day} {month} {year}")
    if days is None or (name and name.lower() in _HALVES):
        return _parse_other(text)
    offset = _offset(zone) if zone else _ZONE_HOURS.get(name.lower(), 0) * 3600
    return _count_seconds(days, int(hours), int(minutes), int(seconds or 0), offset)


def _count_seconds(days: int | None, hour: int, minute: int, second: int, offset: int) -> int | None:
    """Return the seconds since 1970 of a time of day; None if it, or the day, does not exist."""
    if days is None or hour > 23 or minute > 59 or second > 60:
        return None
    return days * 86_400 + hour * 3600 + minute * 60 + second - offset


@lru_cache(maxsize=64)
def _offset(zone: str) -> int:
    """Return the seconds that a zone is ahead of UTC, given its sign, its hours, and perhaps its minutes."""
    digits = zone[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    seconds = int(hours) * 3600 + int(minutes) * 60
    return -seconds if zone[0] == "-" else seconds


def _parse_other(text: str) -> int | None:
    written = read_other(_COMMENT.sub(" ", text))
    if written is None:
        return None
    offset = written.offset or _ZONE_HOURS.get(written.zone, 0) * 3600
    days = _count_days(written.year, written.month, written.day)
    return _count_seconds(days, written.hour, written.minute, written.second, offset)


@lru_cache(maxsize=64)
def _days(text: str) -> int | None:
    """Return the days since 1970 of a day, month and year; None for a day that does not exist.

    Neighboring messages often share a day.
    """
    day, month, year = text.split()
    number = number_month(fold(month))
    return _count_days(year, number, int(day)) if number else None


def _count_days(year: str, month: int, day: int) -> int | None:
    try:
        return date(_full_year(year), month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def _full_year(digits: str) -> int:
    """Return the year for two, three or four digits (RFC 5322, 4.3); 0, an invalid year, for one before 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    if len(digits) == 3:
        return year + 1900
    return year if year >= _FIRST_YEAR else 0
