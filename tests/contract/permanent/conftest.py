"""The permanent side on a real server, empty for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.permanent import Permanent, PermanentDatabases, open_permanent


@pytest.fixture
async def permanent(permanent_databases: PermanentDatabases) -> AsyncIterator[Permanent]:
    """Yield the permanent functions on a database without rows."""
    async with open_permanent(permanent_databases.fresh()) as permanent:
        yield permanent
