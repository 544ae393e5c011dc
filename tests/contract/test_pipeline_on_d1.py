"""The pipeline's tests also hold on the Worker's adapters: the same tests run on another stack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.d1_stack import D1Stack, open_d1_stack
from tests.unit.processor.api import test_routes
from tests.unit.processor.jobs import test_failing, test_overtaken, test_pipeline

ELSEWHERE = {
    "test_two_processors_share_one_queue",
    "test_without_a_token_there_is_401_and_nothing_else",
    "test_a_users_token_opens_that_user_alone",
    "test_a_malformed_begin_is_refused_by_name",
}
"""Tests that open their own servers, and tests that end before any adapter is called."""

for module in (test_failing, test_overtaken, test_pipeline, test_routes):
    globals().update(
        {name: test for name, test in vars(module).items() if name.startswith("test_") and name not in ELSEWHERE}
    )


@pytest.fixture
async def stack(database: str, tmp_path: Path) -> AsyncIterator[D1Stack]:
    """Yield a processor's parts on the Worker's adapters, all empty."""
    root = tmp_path / "raw"
    root.mkdir()
    async with open_d1_stack(database, root) as stack:
        yield stack


async def test_renewing_a_lease_is_one_statement(stack: D1Stack) -> None:
    """A fetcher keeps its lease, and learns of its progress and of a cancellation, for one statement on D1."""
    begun = await stack.begin()
    await stack.ask("POST", f"/users/jo/minings/{begun.id}/cancel")

    renewed = await stack.ask("POST", f"/users/jo/minings/{begun.id}/renew", {"lease": begun.lease})
    statements = stack.tables.queries
    status = await stack.ask("GET", f"/users/jo/minings/{begun.id}")

    assert statements == 1
    assert renewed.body == status.body
    assert renewed.body["cancelled"]
