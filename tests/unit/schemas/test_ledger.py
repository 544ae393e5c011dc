"""The ledger balances, or says why it does not."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.ledger import Dead, Failed, Ledger, Skipped

NUMBERS = st.integers(0, 1000)


@st.composite
def balanced(draw: st.DrawFn) -> Ledger:
    """Return a ledger whose two lines balance."""
    skipped = draw(st.dictionaries(st.sampled_from([str(reason) for reason in Skipped]), NUMBERS))
    failed = draw(st.dictionaries(st.sampled_from([str(reason) for reason in Failed]), NUMBERS))
    dead = draw(st.dictionaries(st.sampled_from([str(reason) for reason in Dead]), NUMBERS))
    processed, duplicate = draw(NUMBERS), draw(NUMBERS)
    fetched = processed + duplicate + sum(dead.values())
    listed = fetched + sum(skipped.values()) + sum(failed.values())
    return Ledger(listed, fetched, skipped, failed, processed, duplicate, dead)


@given(balanced())
def test_a_sound_ledger_has_no_imbalance(ledger: Ledger) -> None:
    """If all columns add up, there is no sentence."""
    assert ledger.imbalance() == []


@given(balanced(), st.sampled_from(["listed", "processed", "duplicate"]), st.integers(1, 5))
def test_a_lost_message_is_named_with_its_numbers(ledger: Ledger, column: str, lost: int) -> None:
    """A few extra messages in one column give one sentence with the total."""
    setattr(ledger, column, getattr(ledger, column) + lost)

    sentences = ledger.imbalance()

    assert len(sentences) == 1
    assert str(ledger.listed if column == "listed" else ledger.fetched) in sentences[0]


@given(balanced())
def test_reads_what_it_wrote(ledger: Ledger) -> None:
    """A ledger comes back from JSON unchanged."""
    assert Ledger.from_json(ledger.to_json()) == ledger
