"""The temperature of a contact matches a reference with many digits."""

from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from processor.domain.contacts.temperature import temperature

TODAY = date(2022, 4, 5)
MANY = 10**6
counts = st.integers(min_value=0, max_value=60)
days = st.none() | st.integers(min_value=-40, max_value=4000)


def warmth(s: int, r: int, c: int, p: int, recent: int | None, senior: int | None) -> int:
    """Return the temperature for these counters, with dates as days before the reference date."""
    first, last = (None if age is None else TODAY - timedelta(days=age) for age in (senior, recent))
    return temperature(
        sender=s,
        recipient=r,
        conversations=c,
        replied=p,
        recency_date=last,
        seniority_date=first,
        reference_date=TODAY,
    )


@pytest.mark.parametrize(
    ("counters", "expected"),
    [((12, 12, 5, 5, 0, 365), 81), ((12, 12, 5, 1, 0, 365), 52), ((0, 0, 0, 0, None, None), 2)],
)
def test_the_cases_of_the_rule_hold(counters: tuple[int, int, int, int, int | None, int | None], expected: int) -> None:
    """The described cases have their described temperature."""
    assert warmth(*counters) == expected


def careful(s: int, r: int, c: int, p: int, recent: int | None, senior: int | None) -> Decimal:
    """Return the unrounded temperature, computed with 40 decimal digits."""
    d = Decimal

    def sat(x: int, k: int) -> Decimal:
        return 1 - (d(-x) / k).exp()

    volume = d("0.55") * sat(s, 12) + d("0.45") * sat(r, 12)
    rate = min(d(p) / c, d(1)) if c else d(0)
    rec = d("0.2") if recent is None else d("0.2") + d("0.8") * (d(-max(recent, 0)) / 180).exp()
    sen = d(0) if senior is None or senior < 0 else 1 - (d(-senior) / 270).exp()
    replies = d("0.7") * sat(p, 5) + d("0.3") * rate
    raw = d("0.25") * volume + d("0.4") * replies + d("0.1") * rec + d("0.25") * sen
    if p >= 2:
        raw += d("0.05") + d("0.05") * sat(p, 5) * sen
    if c < 3 or p < 2 or senior is None or senior < 30:
        raw = min(raw, d("0.9"))
    if p == 0:
        raw = min(raw, d("0.7"))
    if raw > d("0.95"):
        raw -= (raw - d("0.95")) / 2
    return 100 * max(d(0), min(d(1), raw))


@given(counts, counts, counts, counts, days, days)
def test_it_is_the_formula(s: int, r: int, c: int, p: int, recent: int | None, senior: int | None) -> None:
    """Double precision gives the same result as forty digits, except at the very edge of rounding."""
    with localcontext(prec=40):
        exact = careful(s, r, c, p, recent, senior)
        assume(abs(exact % 1 - Decimal("0.5")) > Decimal("1e-9"))

        assert warmth(s, r, c, p, recent, senior) == round(exact)


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ((0, 0, 8 * MANY, MANY, None, None), 36),
        ((0, 0, 8 * MANY, MANY, 0, None), 44),
        ((0, 0, 8 * MANY, MANY, 0, 10**5), 74),
        ((MANY, 0, 16 * MANY, MANY, None, 10**5), 80),
        ((MANY, MANY, MANY, MANY, None, 10**5), 98),
    ],
)
def test_halves_are_rounded_to_even(counters: tuple[int, int, int, int, int | None, int | None], expected: int) -> None:
    """With very large counters the curves vanish and give exact halves: 36.5, 44.5, 74.5, 79.5 and 98.5."""
    assert warmth(*counters) == expected


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ((MANY, MANY, 2, MANY, 0, 10**5), 90),
        ((MANY, MANY, 3, MANY, 0, 10**5), 100),
        ((MANY, MANY, MANY, MANY, None, 10**5), 98),
        ((MANY, MANY, 0, 0, 0, 10**5), 60),
    ],
)
def test_the_hottest_are_capped_or_softened(
    counters: tuple[int, int, int, int, int | None, int], expected: int
) -> None:
    """Fewer than three conversations are capped at 90, and what exceeds 95 is halved."""
    assert warmth(*counters) == expected


def test_dates_after_the_reference_are_no_advantage() -> None:
    """A recency date in the future counts as the reference date, a seniority date in the future as none."""
    assert warmth(5, 5, 3, 2, -1, 100) == warmth(5, 5, 3, 2, 0, 100)
    assert warmth(5, 5, 3, 2, 0, -1) == warmth(5, 5, 3, 2, 0, None) == warmth(5, 5, 3, 2, 0, 0)


@given(counts, counts, counts, counts, days, days)
def test_more_mail_is_never_colder(s: int, r: int, c: int, p: int, recent: int | None, senior: int | None) -> None:
    """One more message sent or received never lowers the temperature, which is always from 0 to 100."""
    warm = warmth(s, r, c, p, recent, senior)

    assert 0 <= warm <= warmth(s + 1, r, c, p, recent, senior) <= 100
    assert warm <= warmth(s, r + 1, c, p, recent, senior)
