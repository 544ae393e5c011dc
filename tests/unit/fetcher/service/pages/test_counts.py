"""The counts of the overview: what they say, and that they are made only once."""

import re

import pytest

from tests.support.fake_processor import contact
from tests.support.site import FINISHED, Site, mining


async def test_bars_stand_beside_their_numbers(site: Site) -> None:
    """The overview counts contacts by the year of their last message and by tag."""
    site.processor.contacts = [
        contact(1, recency="2001-01-01T00:00:00Z"),
        contact(2, recency=None),
        *(contact(each, recency="2099-01-01T00:00:00Z") for each in range(3, 6)),
    ]

    page = await site.get("/")

    rows = dict(re.findall(r"<dt>(?:<a[^>]*>)?(\w+)(?:</a>)?</dt>.*?<dd class=\"num\">(\d+)<", page))
    assert rows["Earlier"] == "2"
    assert rows["professional"] == "5"
    assert sum(int(count) for label, count in rows.items() if label != "professional") == 5


async def test_counts_are_made_again_only_if_something_changed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look at the overview asks for one number, until another mining is there."""
    asked: list[str] = []
    answer = site.processor.answer

    def noting(method: str, target: str, token: str, body: bytes) -> tuple[int, dict[str, object]]:
        asked.append(target)
        return answer(method, target, token, body)

    monkeypatch.setattr(site.processor, "answer", noting)

    def totals() -> int:
        count = len([target for target in asked if "/total" in target])
        asked.clear()
        return count

    await site.get("/")
    first = totals()
    await site.get("/")
    second = totals()
    site.processor.minings.append(mining(FINISHED.replace("1", "9"), "finished"))
    await site.get("/")

    assert (second, totals()) == (1, first)
