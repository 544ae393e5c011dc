"""A selection says what is asked of the processor."""

from fetcher.contacts.selection import Order, Selection


def test_everyone_has_no_filter() -> None:
    """By default all contacts are wanted, and an order leaves nobody out."""
    selections = [Selection(), Selection(order=Order.NAME)]

    assert [(each.filters(), each.narrows) for each in selections] == [({}, False)] * 2


def test_what_is_set_is_asked() -> None:
    """Every filter that is set becomes a parameter of the same name."""
    filters = {"q": "jane", "tag": "role", "source": "me@example.org", "since": "2026-01-31", "mining": "1"}

    selection = Selection(**filters)  # type: ignore[arg-type]

    assert (selection.filters(), selection.narrows) == (filters, True)
