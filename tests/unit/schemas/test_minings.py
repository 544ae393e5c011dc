"""What the fetcher and the processor's API tell each other survives JSON."""

import json

import pytest

from schemas.minings import Begun, Settings, Status, Watermark
from schemas.uids import UidRanges

SETTINGS = Settings("me@example.org", ("INBOX",), "2020-01-01", "text", "2026-01-01", 16, False, ("me@example.org",))


@pytest.mark.parametrize(
    "begun",
    [
        Begun("id", True, "fetching", 3, 10.0, SETTINGS, {"90db275ed079ec5f": Watermark(7, UidRanges.parse("1:5,9"))}),
        Begun("id", False, "finished", ledger={"listed": 1}, receipt={"objects": 2}),
    ],
)
def test_a_begun_mining_reads_back(begun: Begun) -> None:
    """An answer to `begin` is the same after a round trip, whether the mining runs or has ended."""
    assert Begun.from_json(json.loads(json.dumps(begun.to_json()))) == begun


@pytest.mark.parametrize(
    "status",
    [
        Status("id", "fetching", cancelled=True, source_name="me@example.org", begun_at="2026-01-01T00:00:00Z"),
        Status("id", "finished", cancelled=False, finished_at="2026-01-01T00:00:01Z", listed=3, processed=2, dead=1),
    ],
)
def test_a_status_reads_back(status: Status) -> None:
    """A status is the same after a round trip."""
    assert Status.from_json(json.loads(json.dumps(status.to_json()))) == status


def test_an_ended_mining_has_no_settings() -> None:
    """Asking an ended mining for its settings is an error, not a default."""
    with pytest.raises(ValueError, match="no settings"):
        _ = Begun("id", False, "finished").fixed
