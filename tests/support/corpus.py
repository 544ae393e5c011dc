"""The real and odd messages that tests read. Without the real ones, tests skip locally and fail in CI."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.corpus import CorpusUnavailable, read_corpus

EDGE = Path(__file__).parent.parent / "corpora" / "edge"


def real_messages() -> Iterator[tuple[str, bytes]]:
    """Yield number and bytes of each real message; if they cannot be fetched, skip the test, or fail it in CI."""
    try:
        for number, raw in enumerate(read_corpus()):
            yield f"{number:05}", raw
    except CorpusUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def edge_messages() -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each malformed or odd message; `edge.MANIFEST.tsv` lists their origins."""
    for path in sorted(EDGE.glob("*.eml")):
        yield path.stem, path.read_bytes()
