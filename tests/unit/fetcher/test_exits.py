"""Every trouble has its exit code."""

import inspect

import pytest

from fetcher import exits, ports
from fetcher.exits import Exit, Unforeseen, exit_of
from fetcher.imap import connection, source
from fetcher.ports import Trouble

KINDS: dict[str, type[Trouble]] = {
    name: kind
    for module in (connection, exits, ports, source)
    for name, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Trouble) and kind not in (Trouble, Unforeseen)
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_trouble_counts_as_unexpected(name: str) -> None:
    """Every kind of trouble has one of the exit codes that the help lists."""
    assert exit_of(KINDS[name]("A sentence.")) not in (Exit.UNEXPECTED, Exit.OK, Exit.NOT_WELL)


def test_a_kind_of_trouble_has_the_code_of_what_it_is() -> None:
    """A trouble has the exit code of its nearest base class: a lost lease is a conflict."""
    assert exit_of(ports.LeaseLost("A sentence.")) == Exit.HELD
