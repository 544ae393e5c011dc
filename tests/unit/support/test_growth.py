"""Growth tells linear from quadratic time."""

from tests.support.growth import LINEAR, growth


def linear(size: int) -> None:
    for number in range(50 * size):
        str(number)


def quadratic(size: int) -> None:
    for number in range(size):
        sum(range(number % size))


def test_linear_and_quadratic_time() -> None:
    """What is linear grows by two, what is quadratic by four."""
    assert 1 < growth(linear, int) < LINEAR
    assert growth(quadratic, int) >= LINEAR


def test_short_times_do_not_count() -> None:
    """What is fast at the largest size has no growth."""
    assert growth(str, int) == 0
