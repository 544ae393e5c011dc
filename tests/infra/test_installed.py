"""What `make setup` leaves behind for the program."""

from importlib.util import cache_from_source, find_spec
from pathlib import Path


def test_the_provider_is_compiled() -> None:
    """Else each run of the program, two for an `up`, would compile 12 MB first where Python may write no bytecode."""
    spec = find_spec("pulumi_cloudflare")

    assert spec is not None
    assert spec.origin is not None
    assert Path(cache_from_source(spec.origin)).exists()
