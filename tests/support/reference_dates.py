"""The reference parser of dates: it writes other forms as RFC 5322 does, and leaves those to the standard library."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - read as a row

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_date(value: str) -> int | None:
    """Return a valid date from 1980 on in seconds since 1970, or None; a date without a time zone is UTC."""
    words, half = [], ""
    for word in value.replace(",", " ").split():
        if word.lower() in ("am", "pm"):
            half = word.lower()
        elif word.lower() not in DAYS:
            words += spell(word)
    parsed = parsedate_tz(" ".join(words))
    if not parsed or parsed[0] < 1980:
        return None
    hour = parsed[3]
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    second = min(parsed[5], 59)
    try:
        date = datetime(*parsed[:3], hour, parsed[4], second, tzinfo=UTC) - timedelta(seconds=parsed[9] or 0)
        return int((date + timedelta(seconds=parsed[5] - second)).timestamp())
    except (ValueError, OverflowError):
        return None


def spell(word: str) -> list[str]:
    """Return a word of a date as RFC 5322 writes it: 2002/09/14 with its month's name, and GMT+1 in four digits."""
    day, _, time = word.partition("T")
    pieces = day.replace("/", "-").split("-")
    if len(pieces) == 3 and all(map(str.isdigit, pieces)) and len(pieces[0]) == 4 and 1 <= int(pieces[1]) <= 12:
        return [pieces[2], MONTHS[int(pieces[1]) - 1], pieces[0], *([time.removesuffix("Z")] if time else [])]
    if word[:4] in ("GMT+", "GMT-", "UTC+", "UTC-") and word[4:].isdigit() and len(word) < 7:
        return [f"{word[3]}{int(word[4:]):02}00"]
    return [word]
