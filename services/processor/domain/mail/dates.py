"""Dates of messages in the format of RFC 5322, including its obsolete years and zones."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NUMBERS: Final = {name: number for number, name in enumerate(_MONTHS, start=1)}
_ZONE_HOURS: Final = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
"""RFC 5322, 4.3. It says to take all other zone names, including military letters, as UTC."""
_DATE: Final = re.compile(
    r"\s*+(?:[A-Za-z]++\.?\s*+,?\s*+)?"
    r"(\d{1,2})[\s-]*+([A-Za-z]{3})[a-z]*+\.?[\s-]*+(\d{2,4}),?\s++"
    r"(\d{1,2})\s*+:\s*+(\d{1,2})(?>(?:\s*+:\s*+(\d{1,2})(?:\.\d+)?)?)(?![\d:])"
    r"\s*+\"?([A-Za-z]*+)(?:([+-])(\d{2}):?(\d{2})(?!\d))?",
    re.ASCII,
)
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 1900
"""RFC 5322, 3.3: `year` is 1900 or later."""
_MAX_CHARACTERS: Final = 200


def parse_date(value: str) -> int | None:
    """Return a Date field's value in seconds since 1970, or None if it has no valid date.

    Without a zone that RFC 5322 knows, the date is in UTC.
    """
    text = value[:_MAX_CHARACTERS]
    match = _DATE.match(text) or ("(" in text and _DATE.match(_COMMENT.sub(" ", text)))
    if not match:
        return None
    day, month, year, hours, minutes, seconds, zone, sign, zone_hours, zone_minutes = match.groups()
    days = _days(year, month, day)
    if days is None:
        return None
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds_of_day = hour * 3600 + minute * 60 + second
    if not sign:
        return days * 86_400 + seconds_of_day - _ZONE_HOURS.get(zone.lower(), 0) * 3600
    offset = int(zone_hours) * 3600 + int(zone_minutes) * 60
    return days * 86_400 + seconds_of_day + (offset if sign == "-" else -offset)


@lru_cache(maxsize=64)
def _days(year: str, month: str, day: str) -> int | None:
    """Return the days since 1970, or None for a day that does not exist. Neighboring messages often share a day."""
    try:
        return date(_full_year(year), _MONTH_NUMBERS[month.lower()], int(day)).toordinal() - _EPOCH
    except (KeyError, ValueError):
        return None


def _full_year(digits: str) -> int:
    """Return the year for two, three or four digits (RFC 5322, 4.3); 0, an invalid year, for one before 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    if len(digits) == 3:
        return year + 1900
    return year if year >= _FIRST_YEAR else 0
