"""What is remembered of failures."""

from fetcher.mining.failures import KEPT_FAILURES, KEPT_UIDS, Failure, Failures
from schemas.ledger import Failed


def test_one_failure_per_folder_and_reason() -> None:
    """Messages of one folder and reason are counted together, with the first UIDs and the last words."""
    failures = Failures()
    failures.add("a", Failed.REFUSED, uids=[1], said="no")
    failures.add("a", Failed.REFUSED, uids=range(2, 100))
    failures.add("a", Failed.MISSING)

    first = Failure("a", "refused", 99, tuple(range(1, KEPT_UIDS + 1)), "no")
    assert failures.all() == (first, Failure("a", "missing"))


def test_many_folders() -> None:
    """However many folders fail, only so many are remembered."""
    failures = Failures()
    for number in range(KEPT_FAILURES + 5):
        failures.add(str(number), Failed.REFUSED)
    failures.add("0", Failed.REFUSED, said="no")

    assert len(failures.all()) == KEPT_FAILURES
    assert failures.all()[0].said == "no"
