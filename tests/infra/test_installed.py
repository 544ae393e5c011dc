"""`make setup` prepares what the program needs."""

from importlib.util import cache_from_source, find_spec
from pathlib import Path


def test_the_provider_is_compiled() -> None:
    """The provider has bytecode; without it, each run would compile 12 MB if Python cannot write bytecode."""
    spec = find_spec("pulumi_cloudflare")

    assert spec is not None
    assert spec.origin is not None
    assert Path(cache_from_source(spec.origin)).exists()
