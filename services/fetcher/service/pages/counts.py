"""How many contacts there are, by year and by tag: for the charts of the overview."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool

from fetcher.contacts.selection import Selection
from fetcher.service.pages.charts import Bar, bars
from fetcher.service.pages.contacts import TAGS, query_of
from fetcher.service.room import Room

YEARS = 6
"""The years of the chart; older contacts are one bar."""
YEAR = timedelta(days=365)
MOST_REMEMBERED = 500
"""Users whose counts are remembered, at about 3 KB each."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A user's contacts: those of the last year, and the bars by year of the last message and by tag."""

    lately: int = 0
    over_time: Sequence[Bar] = ()
    by_tag: Sequence[Bar] = ()


class Remembered:
    """Counts that were made already: they take long, and change only with a user's contacts and minings."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._counts: OrderedDict[str, tuple[Hashable, Counts]] = OrderedDict()

    async def counts(self, room: Room, user: str, *, total: int, minings: Sequence[Mapping[str, Any]]) -> Counts:
        """Return a user's counts, given the number of contacts and the minings."""
        today = date.today()
        state = (total, today, tuple((each["id"], each["state"]) for each in minings))
        known, counts = self._counts.get(user, (None, Counts()))
        if known != state:
            counts = await _count(room, user, total, today) if total else Counts()
        self._counts[user] = (state, counts)
        self._counts.move_to_end(user)
        while len(self._counts) > MOST_REMEMBERED:
            self._counts.popitem(last=False)
        return counts


async def _count(room: Room, user: str, total: int, today: date) -> Counts:
    years = range(today.year, today.year - YEARS, -1)
    tags = [Selection(tag=tag) for tag in TAGS]
    asked = [Selection(since=f"{year}-01-01") for year in years] + [Selection(since=(today - YEAR).isoformat())]
    found = await asyncio.gather(
        *(run_in_threadpool(room.stack.processor.total, user, selection=each) for each in [*asked, *tags])
    )
    since, lately, tagged = found[:YEARS], found[YEARS], found[YEARS + 1 :]
    later = [0, *since]
    by_year = [(str(year), count - before, "") for year, count, before in zip(years, since, later, strict=False)]
    by_tag = [
        (each.tag or "", count, f"/contacts?{query_of(each)}")
        for each, count in zip(tags, tagged, strict=True)
        if count
    ]
    return Counts(
        lately, bars([*by_year, ("Earlier", total - since[-1], "")]), bars(sorted(by_tag, key=lambda row: -row[1]))
    )
