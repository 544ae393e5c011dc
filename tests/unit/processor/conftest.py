"""A stack on real servers, new for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.stack import Stack, open_stack


@pytest.fixture
async def stack(database: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Yield a processor's parts with an empty database, queue and folder."""
    async with open_stack(database, redis_url, tmp_path / "raw") as stack:
        yield stack
