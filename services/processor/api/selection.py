"""Reads which contacts a request wants, in which order and after which one; and writes the cursor of the next page."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from processor.api.requests import BadRequest, check_texts, read_date, read_mining
from processor.domain.contacts.search import MAX_WORD, split_words
from schemas.tags import TAGS

MAX_PAGE = 1000
"""Contacts per page: PostgREST silently cuts longer answers (its default max-rows on Supabase, 2026)."""
MAX_SEARCH = 200
"""Characters of a search."""
MAX_TEMPERATURE, MAX_OCCURRENCE = 2**15 - 1, 2**31 - 1
"""The largest values in a cursor, given by the columns' types."""
NO_WORD = " "
"""What no word begins with."""
ISO_TIME = "%Y-%m-%dT%H:%M:%SZ"
"""How the permanent side writes a time."""
LONG_AGO = "-infinity"
"""The place of contacts without a date in the cursor: after every date."""
FILTERS: Final = ("q", "tag", "source", "since", "mining")
PAGING: Final = ("order", "after", "limit")

Place = list[Any]
"""A contact's place in an order: the columns of the order's index."""


def read_selection(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the filters as the permanent functions take them; raise BadRequest for a wrong or unknown one.

    An empty value is none. A search without a letter or digit finds nobody.
    """
    for name in query:
        if name not in (*FILTERS, *PAGING):
            raise BadRequest(f"{name} is not a parameter of contacts: use {', '.join((*FILTERS, *PAGING))}.")
    q, tag, mining = query.get("q", "").strip(), query.get("tag") or None, query.get("mining") or None
    if len(q) > MAX_SEARCH:
        raise BadRequest(f"q is longer than {MAX_SEARCH} characters: search for fewer words.")
    if tag is not None and tag not in TAGS:
        raise BadRequest(f"tag is {tag!r}: it must be one of {', '.join(TAGS)}.")
    return {
        "words": ([word[:MAX_WORD] for word in split_words(q)] or [NO_WORD]) if q else None,
        "tag": tag,
        "source_name": query.get("source") or None,
        "since": read_date(query, "since"),
        "mining": None if mining is None else read_mining(mining, "mining"),
    }


def read_order(query: Mapping[str, str]) -> str:
    """Return the order; raise BadRequest."""
    order = query.get("order") or "warmth"
    if order not in _PLACES:
        raise BadRequest(f"order is {order!r}: it must be one of {', '.join(_PLACES)}.")
    return order


def read_limit(query: Mapping[str, str]) -> int:
    """Return the size of a page; raise BadRequest."""
    limit = query.get("limit", str(MAX_PAGE))
    if not limit.isdecimal() or len(limit) > len(str(MAX_PAGE)) or not 1 <= int(limit) <= MAX_PAGE:
        raise BadRequest(f"limit is {limit!r}: it must be a number from 1 to {MAX_PAGE}.")
    return int(limit)


def write_cursor(order: str, place: Place) -> str:
    """Return the cursor after a place in an order, as text that is safe in a URL."""
    return base64.urlsafe_b64encode(json.dumps([order, *place]).encode()).decode()


def read_cursor(text: str, order: str) -> Place | None:
    """Read what `write_cursor` wrote for this order, None for an empty text; raise BadRequest for anything else."""
    if not text:
        return None
    try:
        written, *place = json.loads(base64.urlsafe_b64decode(text))
        if written != order:
            raise ValueError
        return [check(value) for check, value in zip(_PLACES[order], place, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, BadRequest) as error:
        raise BadRequest("after is not a cursor of this list: use the one that came with the previous page.") from error


def _temperature(value: Any) -> int:
    return _count(value, MAX_TEMPERATURE)


def _occurrence(value: Any) -> int:
    return _count(value, MAX_OCCURRENCE)


def _count(value: Any, most: int) -> int:
    if not 0 <= int(value) <= most:
        raise ValueError
    return int(value)


def _moment(value: Any) -> str:
    return LONG_AGO if value == LONG_AGO else f"{datetime.strptime(value, ISO_TIME).isoformat()}Z"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    check_texts({"after": value})
    return value


_PLACES: Final[dict[str, tuple[Callable[[Any], Any], ...]]] = {
    "warmth": (_temperature, _occurrence, _moment, _text),
    "recent": (_moment, _text),
    "name": (_text, _text),
}
"""By the order: what checks each value of a place."""
