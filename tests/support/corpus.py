"""The real and the odd messages that tests read, with the user's own rule for what is not there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.corpus import CorpusUnavailable, read_corpus

EDGE = Path(__file__).parent.parent / "corpora" / "edge"


def real_messages() -> Iterator[tuple[str, bytes]]:
    """Yield number and bytes of each real message; without npm, skip, but fail in CI."""
    try:
        for number, raw in enumerate(read_corpus()):
            yield f"{number:05}", raw
    except CorpusUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def edge_messages() -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each malformed or odd message; `edge.MANIFEST.tsv` says where they are from."""
    for path in sorted(EDGE.glob("*.eml")):
        yield path.stem, path.read_bytes()
