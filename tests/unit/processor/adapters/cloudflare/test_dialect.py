"""D1's statements match PostgreSQL's, and large lists stay within D1's limits."""

import json
import re
from pathlib import Path

import pytest

from processor.adapters.cloudflare.d1 import SCHEMA_VERSION, STATEMENTS
from processor.adapters.cloudflare.dialect import Named, bind_all
from processor.adapters.cloudflare.supabase import SCHEMA_VERSION as PERMANENT_VERSION
from processor.adapters.container.postgres import STATEMENTS as POSTGRES
from processor.ports import LimitExceeded, Statement
from schemas.limits import D1_PARAMETERS, D1_ROW_BYTES
from schemas.migrations import MINING_POSTGRES, PERMANENT, read_migrations

MINING_D1 = Path(__file__).parents[5] / "schemas/mining/d1"


def test_both_dialects_have_the_same_statements() -> None:
    """Every statement exists in both dialects."""
    assert STATEMENTS.keys() == POSTGRES.keys()


@pytest.mark.parametrize("name", sorted(POSTGRES))
def test_a_statement_takes_the_same_arguments_in_both_dialects(name: str) -> None:
    """A statement has the same arguments in both dialects."""
    assert STATEMENTS[name].arguments == set(re.findall(r"%\((\w+)\)[bst]", "".join(POSTGRES[name])))


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_a_statement_stays_within_the_parameters_of_d1(name: str) -> None:
    """A list is one parameter, however long it is."""
    arguments = {argument: [1] * 500 for argument in STATEMENTS[name].arguments}

    bound = list(STATEMENTS[name].bind(arguments))

    assert max(len(each.values) for each in bound) <= D1_PARAMETERS


def test_both_dialects_have_the_same_migrations() -> None:
    """Both dialects have the same versions, and the adapters require the newest."""
    ids = [migration.id for migration in read_migrations(MINING_D1)]

    assert ids == [migration.id for migration in read_migrations(MINING_POSTGRES)]
    assert ids[-1] == SCHEMA_VERSION
    assert read_migrations(PERMANENT)[-1].id == PERMANENT_VERSION


def test_a_named_parameter_that_stands_twice_is_bound_once() -> None:
    """Parameters are numbered in the order in which they first appear."""
    named = Named.read("SELECT :b, :a WHERE :b = 'x'")

    [bound] = named.bind({"a": 1, "b": 2})

    assert bound == ("SELECT ?1, ?2 WHERE ?1 = 'x'", [2, 1])


def test_large_lists_are_sliced_and_nothing_is_lost() -> None:
    """Each slice is a value that D1 accepts, and together the slices hold every item."""
    facts = [str(number) * 400_000 for number in range(5)]

    bound = bind_all(STATEMENTS, [Statement("write_persons", write("parts", "contacts", facts))])
    slices = [next(value for value in each.values if isinstance(value, str)) for each in bound]

    assert all(len(text) <= D1_ROW_BYTES for text in slices)
    assert [part for text in slices for part, _ in json.loads(text)] == [0, 1, 2, 3, 4]
    assert len(slices) == 3


def test_the_largest_row_fits_however_it_is_escaped() -> None:
    """Even a packed row of maximum length that is all quotes fits into one value of D1."""
    row = json.dumps([["0" * 32, 1, 0, [["a@b.co", [], ['"' * 499_950], 1, 0]]]], separators=(",", ":"))

    [bound] = bind_all(STATEMENTS, [Statement("write_persons", write("parts", "contacts", [row]))])

    assert 900_000 < len(row) <= 1_000_000
    assert max(len(value) for value in bound.values if isinstance(value, str)) <= D1_ROW_BYTES


def test_a_list_that_may_not_be_cut_is_refused_beyond_the_limit() -> None:
    """A segment's keys must be checked together, so a list that is too long is LimitExceeded."""
    keys = ["0" * 32] * 60_000

    with pytest.raises(LimitExceeded):
        bind_all(STATEMENTS, [Statement("counted_elsewhere", {"user_no": 1, "mining_no": 1, "keys": keys})])


def write(numbers: str, texts: str, items: list[str]) -> dict[str, object]:
    """Return the arguments for a statement that writes these items."""
    return {"mining_no": 1, "chunk": 0, numbers: list(range(len(items))), texts: items}
