"""Temperature: how warm a contact is, from 0 to 100. This is the reference for the SQL function that computes it.

Both work in double precision and round half to even.
"""

from datetime import date
from math import exp


def temperature(
    *,
    sender: int,
    recipient: int,
    conversations: int,
    replied: int,
    recency_date: date | None,
    seniority_date: date | None,
    reference_date: date,
) -> int:
    """Return the temperature of a contact's counters as of a reference date; all dates are in UTC.

    A recency date after the reference date counts as the reference date, a seniority date after it as none.
    """
    volume = 0.55 * _saturate(sender, 12) + 0.45 * _saturate(recipient, 12)
    replies = _saturate(replied, 5)
    rate = min(1.0, replied / conversations) if conversations else 0.0
    seniority_days = (reference_date - seniority_date).days if seniority_date else -1
    recent = _recent(recency_date, reference_date)
    senior = 1 - exp(-seniority_days / 270) if seniority_days > 0 else 0.0
    raw = 0.25 * volume + 0.40 * (0.7 * replies + 0.3 * rate) + 0.10 * recent + 0.25 * senior
    if replied >= 2:
        raw += 0.05 + 0.05 * replies * senior
    if not (conversations >= 3 and replied >= 2 and seniority_days >= 30):
        raw = min(raw, 0.90)
    if replied == 0:
        raw = min(raw, 0.70)
    if raw > 0.95:
        raw = 0.95 + (raw - 0.95) / 2
    return round(max(0.0, min(1.0, raw)) * 100)


def _saturate(count: int, scale: int) -> float:
    return 1 - exp(-count / scale)


def _recent(recency_date: date | None, reference_date: date) -> float:
    """Return the recency factor. It fades from 1 to 0.2, the value for a contact without a date."""
    if recency_date is None:
        return 0.20
    return 0.20 + 0.80 * exp(-max(0, (reference_date - recency_date).days) / 180)
