"""Dates that are not in the format of RFC 5322: ISO 8601, asctime, Java's, Outlook's, and those in other languages.

A time is required, since all programs write one. A date such as 03/04/2022 can mean two days, and is not read.
"""

import re
from typing import Final, NamedTuple

from processor.domain.mail.charset import decode_words
from processor.domain.mail.months import fold, number_month

_WORD: Final = r"(?P<month>[^\W0-9_]{3,20})"
_ORDINAL: Final = r"(?:st|nd|rd|th|er|[oa](?=\s)|\.)?"
_GAP: Final = r"(?:\s|-|/|de\s|of\s|d')*"
_MIDDLE: Final = r"(?:\n\s*(?:[ap]\.?m\.?\s+)?(?:\"?[a-z]{1,5}\"?\s+|[a-z]{0,5}[+-][0-9]{2}:?[0-9]{2}\s+)?)?"
"""A time, which \\n stands for, and its zone between a day and its year, as asctime and `date` write."""
_COMPACT: Final = re.compile(r"(?<![0-9])([0-9]{4})([0-9]{2})([0-9]{2})t?([0-9]{2})([0-9]{2})([0-9]{2})(?![0-9])")
_TIME: Final = re.compile(
    r"(?<![0-9:.])([0-9]{1,2})\s*[:h]\s*([0-9]{1,2})(?:\s*[:m]\s*([0-9]{1,2})(?:[.,][0-9]+)?)?(?![0-9:])"
)
_DOTTED_TIME: Final = re.compile(r"(?<![0-9.])([0-9]{1,2})\.([0-9]{2})(?:\.([0-9]{2}))?(?![0-9.])")
_YEAR_FIRST: Final = re.compile(
    fold(r"(?<![0-9])([0-9]{4})\s?(?:[-/.]|年|년)\s?([0-9]{1,2})\s?(?:[-/.]|月|월)\s?([0-9]{1,2})(?![0-9])")
)
_YEAR_LAST: Final = re.compile(r"(?<![0-9.])([0-9]{1,2})([./-])\s?([0-9]{1,2})\2\s?([0-9]{4})(?![0-9])")
_DAY_FIRST: Final = re.compile(
    rf"(?<![0-9])(?P<day>[0-9]{{1,2}}){_ORDINAL}{_GAP}{_WORD}\.?,?{_GAP}{_MIDDLE}'?(?P<year>[0-9]{{4}}|[0-9]{{2}})(?![0-9])"
)
_MONTH_FIRST: Final = re.compile(
    rf"{_WORD}\.?\s+(?P<day>[0-9]{{1,2}}){_ORDINAL},?\s+{_MIDDLE}(?P<year>[0-9]{{4}})(?![0-9])"
)
_YEAR_AND_NAME: Final = re.compile(
    rf"(?<![0-9])(?P<year>[0-9]{{4}})[.\s-]+{_WORD}\.?[\s-]+(?P<day>[0-9]{{1,2}})(?![0-9])"
)
_AFTERNOON_BEFORE: Final = re.compile(f"({fold('오후|下午|午後')}|p\\.?m\\.?)\\s*$")
_MORNING_BEFORE: Final = re.compile(f"({fold('오전|上午|午前')}|a\\.?m\\.?)\\s*$")
_HALF_BEHIND: Final = re.compile(r"\s*([ap])\.?\s?m\b\.?")
_ZONE: Final = re.compile(r"\s*\"?([a-z]*)\"?\s?(?:([+-])([0-9]{1,2})(?::?([0-9]{2}))?(?![0-9]))?")
_MAX_ZONE_HOURS: Final = 14
"""The widest offset in the IANA time zone database (2026a): Kiribati's."""


class Written(NamedTuple):
    """A date and time as it was written, perhaps of a day that does not exist. `offset` is in seconds east of UTC."""

    year: str
    month: int
    day: int
    hour: int
    minute: int
    second: int
    zone: str
    offset: int


def read_other(value: str) -> Written | None:
    """Return what a value says, or None if it has no date with a time, or the date can mean two days."""
    text = _COMPACT.sub(r"\1-\2-\3 \4:\5:\6", fold(decode_words(value) if "=?" in value else value))
    text = text.replace("\n", " ")
    time = _TIME.search(text)
    if time is None:
        found = _find_date(text)
        if found is None:
            return None
        _, start, end = found
        text = f"{text[:start]}{text[start:end].replace('.', '-')}{text[end:]}"
        time = _DOTTED_TIME.search(text)
        if time is None:
            return None
    rest = f"{text[: time.start()]}\n{text[time.end() :]}"
    found = _find_date(rest)
    if found is None:
        return None
    (year, month, day), _, end = found
    before, _, behind = rest.partition("\n")
    half = _HALF_BEHIND.match(behind)
    zone, offset = _read_zone(behind[half.end() :] if half else behind, rest[end:])
    hour = _full_hour(int(time[1]), half[1] if half else _half_before(before))
    return Written(year, month, day, hour, int(time[2]), int(time[3] or 0), zone, offset)


def _find_date(text: str) -> tuple[tuple[str, int, int], int, int] | None:
    """Return the year, month and day in a text, and where they are."""
    match = _YEAR_FIRST.search(text)
    if match:
        return (match[1], int(match[2]), int(match[3])), *match.span()
    match = _YEAR_LAST.search(text)
    if match:
        day, month = int(match[1]), int(match[3])
        if match[2] != ".":
            if day <= 12 < month:
                day, month = month, day
            elif month <= 12 and day <= 12 and day != month:
                return None
        return (match[4], month, day), *match.span()
    for pattern in (_MONTH_FIRST, _DAY_FIRST, _YEAR_AND_NAME):
        for match in pattern.finditer(text):
            number = number_month(match["month"])
            if number:
                return (match["year"], number, int(match["day"])), *match.span()
    return None


def _half_before(text: str) -> str:
    if _AFTERNOON_BEFORE.search(text):
        return "p"
    return "a" if _MORNING_BEFORE.search(text) else ""


def _full_hour(hour: int, half: str) -> int:
    """Return an hour of 24. Some programs write 16:46 PM."""
    if half and hour <= 12:
        return hour % 12 + (12 if half == "p" else 0)
    return hour


def _read_zone(*places: str) -> tuple[str, int]:
    """Return the zone's name and its offset, from the first place that has an offset, else from the first name."""
    name = ""
    for place in places:
        match = _ZONE.match(place)
        if match is None:
            continue
        name = name or match[1]
        if match[2] and int(match[3]) <= _MAX_ZONE_HOURS:
            offset = int(match[3]) * 3600 + int(match[4] or 0) * 60
            return "", -offset if match[2] == "-" else offset
    return name, 0
