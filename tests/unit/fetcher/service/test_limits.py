"""Ten failures a minute, then a pause; memory is bounded."""

import pytest

from fetcher.service.limits import MOST_FAILURES, MOST_KEYS, WINDOW_SECONDS, Limits, TooOften, place_of


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at zero."""
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    """Return limits on that clock."""
    return Limits(clock=clock)


def test_the_tenth_failure_closes(limits: Limits, clock: Clock) -> None:
    """After ten failures within a minute, the next try is refused, with the time until one is free again."""
    for second in range(MOST_FAILURES):
        clock.now = float(second)
        limits.check("a", "logins")
        limits.count("a")

    with pytest.raises(TooOften, match="Too many logins failed: try again in 51 s") as refused:
        limits.check("a", "logins")

    assert refused.value.retry_seconds == 51


def test_failures_are_forgotten_one_after_another(limits: Limits, clock: Clock) -> None:
    """A minute after the first failure, one try is free again, and one only."""
    for second in range(MOST_FAILURES):
        clock.now = float(second)
        limits.count("a")
    clock.now = WINDOW_SECONDS + 0.5

    limits.check("a", "logins")
    limits.count("a")

    with pytest.raises(TooOften):
        limits.check("a", "logins")


def test_keys_do_not_share(limits: Limits) -> None:
    """The failures of one caller are not those of another."""
    for _ in range(MOST_FAILURES):
        limits.count("a")

    limits.check("b", "logins")


def test_memory_is_bounded(limits: Limits) -> None:
    """However many callers fail, and however often, what is remembered is bounded; the last to fail stays."""
    for number in range(MOST_KEYS + 50):
        limits.count(str(number))
    for _ in range(5 * MOST_FAILURES):
        limits.count("last")

    assert len(limits._failures) == MOST_KEYS
    assert max(map(len, limits._failures.values())) == MOST_FAILURES
    with pytest.raises(TooOften):
        limits.check("last", "logins")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::7%eth0", "2001:db8:1:2::"),
        (None, "local"),
        ("", "local"),
    ],
)
def test_a_caller_cannot_change_its_place(address: str | None, place: str) -> None:
    """An IPv6 caller counts as its network, because it has as many addresses as it likes."""
    assert place_of(address) == place
