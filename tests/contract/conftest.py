"""What makes databases with the permanent schema, for all contracts."""

import pytest

from tests.support.permanent import PermanentDatabases
from tests.support.servers import Postgres


@pytest.fixture(scope="session")
def permanent_databases(postgres: Postgres) -> PermanentDatabases:
    """Return what makes databases with the permanent schema."""
    return PermanentDatabases(postgres)
