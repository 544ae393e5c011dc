"""What `docs/get-started.md` explains is what there is: columns, tags, verdicts, the scale of temperature."""

import re
from datetime import date

import pytest

from fetcher.commands.contacts import COLUMNS as TABLE_COLUMNS
from fetcher.contacts.csv import COLUMNS
from fetcher.imap.providers import providers
from processor.domain.contacts import tags
from processor.domain.contacts.temperature import temperature
from schemas.ledger import Verdict
from schemas.segments import MESSAGE_CAP_BYTES, TEXT_CAP_BYTES
from tests.unit.docs.pages import bare, read_page, table

PAGE = read_page("docs/get-started.md")
TODAY = date(2026, 11, 1)
A_YEAR_AGO = date(2025, 11, 1)
READERS = {0: "nobody", 1: "a person", 2: "several people", 3: "not certain"}


def test_each_column_is_explained() -> None:
    """The table has the columns of an export, in their order."""
    assert [column for column, _ in table(PAGE, "column")] == list(COLUMNS)


def test_the_terminals_columns_are_explained() -> None:
    """Each column of the table on the terminal has the name of one of the export, or is said to be one."""
    [sentence] = [line for line in PAGE.splitlines() if line.startswith("On the terminal, ")]

    assert [c.head for c in TABLE_COLUMNS if c.head not in COLUMNS and f"{c.head} is " not in sentence] == []


def test_each_tag_is_explained() -> None:
    """The table has each tag once, and says who reads mail there."""
    known = {
        tag.name: tag.reachability
        for tag in (*tags.NO_REPLY, *tags.TRANSACTIONAL, *tags.NEWSLETTER, *tags.PERSONAL, *tags.MESSAGE_TAGS)
        if tag is not None
    } | {tag.name: tag.reachability for tag in (tags.PROFESSIONAL, tags.ROLE, tags.CHAT, tags.GROUP)}

    rows = {bare(tag): reader for tag, _, reader in table(PAGE, "tag")}

    assert set(rows) == set(known)
    assert [tag for tag, reader in rows.items() if not reader.startswith(READERS[known[tag]]) and tag != "chat"] == []


def test_each_verdict_is_explained() -> None:
    """The table has each reason why an address is no contact."""
    assert {bare(verdict) for verdict, _ in table(PAGE, "verdict")} == set(Verdict) - {Verdict.CONTACT}


@pytest.mark.parametrize(
    ("row", "counters", "dates"),
    [
        (0, (12, 12, 5, 5), (TODAY, A_YEAR_AGO)),
        (1, (12, 12, 5, 1), (TODAY, A_YEAR_AGO)),
        (2, (0, 0, 0, 0), (None, None)),
    ],
)
def test_examples_of_temperature(
    row: int, counters: tuple[int, int, int, int], dates: tuple[date | None, date | None]
) -> None:
    """Each example has the temperature that the rules give it."""
    sender, recipient, conversations, replied = counters
    recency, seniority = dates

    warm = temperature(
        sender=sender,
        recipient=recipient,
        conversations=conversations,
        replied=replied,
        recency_date=recency,
        seniority_date=seniority,
        reference_date=TODAY,
    )

    assert table(PAGE, "example")[row][1] == str(warm)


def test_most_without_a_reply() -> None:
    """A contact that never replied gets no further than the page says, however much else there is."""
    warm = temperature(
        sender=900,
        recipient=900,
        conversations=900,
        replied=0,
        recency_date=TODAY,
        seniority_date=date(1990, 1, 1),
        reference_date=TODAY,
    )

    assert f"Without any reply, a contact reaches at most {warm}." in PAGE


def test_each_provider_is_listed() -> None:
    """The table has every provider that leadminer knows, with what it accepts; Gmail has a section of its own."""
    rows = {re.split(":", provider)[0]: accepts.split(";")[0] for provider, accepts in table(PAGE, "provider")}

    assert rows | {"Gmail": "app passwords"} == {one.name: one.accepts for one in providers()}


def test_sizes() -> None:
    """How much of a message is read is what the scopes read."""
    assert f"up to {TEXT_CAP_BYTES // 1024} KiB of each message" in PAGE
    assert f"up to {MESSAGE_CAP_BYTES // 1024**2} MiB of each message" in PAGE
