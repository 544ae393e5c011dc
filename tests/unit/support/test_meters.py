"""The metered bindings of the tests' Worker refuse what Cloudflare refuses and the local runtime takes."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import schemas.limits as limits
from schemas.limits import D1_QUERIES, D1_QUERY_SECONDS, D1_RESULT_BYTES, D1_ROW_BYTES, QUEUE_BATCH_BYTES
from tests.support.cloudflare import refusals
from tests.support.cloudflare.refusals import METADATA_BYTES

sys.modules.setdefault("refusals", refusals)  # the module's name inside the Worker, where the meters run
from tests.support.cloudflare.meters import Crash, MeteredEnv, Meters  # noqa: E402 - it imports that name

API = Path(__file__).parents[2] / "support" / "cloudflare" / "api.mjs"
META = {"rows_written": 0, "rows_read": 0, "size_after": 4096, "duration": 1.0}


class Runtime:
    """The runtime's bindings, which take everything: D1 answers each statement with `answer`."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"results": [], "meta": META}
        self.ran = 0
        self.sent: list[Any] = []

    def prepare(self, _sql: str) -> "Runtime":
        """Return a statement."""
        return self

    def bind(self, *_values: Any) -> "Runtime":
        """Return a bound statement."""
        return self

    async def all(self) -> dict[str, Any]:
        """Run a statement."""
        self.ran += 1
        return self.answer

    async def batch(self, statements: Sequence[Any]) -> list[dict[str, Any]]:
        """Run statements."""
        return [await self.all() for _ in statements]

    async def get(self, _key: str) -> "Runtime":
        """Return an object."""
        return self

    async def arrayBuffer(self) -> memoryview:  # noqa: N802 - the runtime's name
        """Return an object's content."""
        return memoryview(b"x" * 300)

    async def sendBatch(self, messages: Sequence[Any]) -> None:  # noqa: N802 - the runtime's name
        """Take messages."""
        self.sent += messages


@pytest.fixture
def runtime() -> Runtime:
    """Return the runtime's bindings."""
    return Runtime()


def metered(runtime: Runtime, meters: Meters | None = None) -> MeteredEnv:
    """Return the environment of a new invocation."""
    env = SimpleNamespace(CLOUDFLARE_D1_DATABASE=runtime, CLOUDFLARE_R2_BUCKET=runtime, CLOUDFLARE_QUEUES=runtime)
    return MeteredEnv(env, meters or Meters())


async def test_an_invocation_has_a_limited_number_of_statements(runtime: Runtime) -> None:
    """The first statement beyond the limit does not run; another invocation has its own."""
    database = metered(runtime).CLOUDFLARE_D1_DATABASE
    await database.batch([database.prepare("SELECT 1")] * D1_QUERIES)

    with pytest.raises(RuntimeError, match="Too many API requests"):
        await database.prepare("SELECT 1").all()
    await metered(runtime).CLOUDFLARE_D1_DATABASE.prepare("SELECT 1").all()

    assert runtime.ran == D1_QUERIES + 1


async def test_d1_takes_and_returns_no_more_than_its_sizes(runtime: Runtime) -> None:
    """A bound value and the rows of a result are limited to the byte."""
    database = metered(runtime).CLOUDFLARE_D1_DATABASE
    runtime.answer = {"results": [{"a": "x" * D1_RESULT_BYTES}], "meta": META}
    await database.prepare("SELECT 1").bind("x" * D1_ROW_BYTES).all()

    with pytest.raises(RuntimeError, match="TOOBIG"):
        database.prepare("SELECT 1").bind("x" * (D1_ROW_BYTES + 1))
    runtime.answer["results"][0]["b"] = "y"
    with pytest.raises(RuntimeError, match="larger than D1 returns"):
        await database.prepare("SELECT 1").all()


async def test_a_batch_has_the_time_of_one_statement(runtime: Runtime) -> None:
    """Two statements that take a bit more than half of the time are too much together."""
    database = metered(runtime).CLOUDFLARE_D1_DATABASE
    runtime.answer = {"results": [], "meta": META | {"duration": D1_QUERY_SECONDS * 501.0}}
    await database.prepare("SELECT 1").all()

    with pytest.raises(RuntimeError, match="exceeded timeout"):
        await database.batch([database.prepare("SELECT 1")] * 2)


async def test_a_full_database_takes_no_rows(runtime: Runtime) -> None:
    """From its size on, an insert does not run; reading and deleting go on."""
    meters = Meters()
    database = metered(runtime, meters).CLOUDFLARE_D1_DATABASE
    meters.set_limits(database_bytes=5000)
    await database.prepare("INSERT INTO t VALUES (1)").all()
    runtime.answer = {"results": [], "meta": META | {"size_after": 5000}}
    await database.prepare("SELECT 1").all()

    with pytest.raises(RuntimeError, match="Exceeded maximum DB size"):
        await database.batch([database.prepare("DELETE FROM t"), database.prepare("INSERT INTO t VALUES (1)")])
    await database.prepare("DELETE FROM t").all()

    assert runtime.ran == 3


async def test_a_queue_takes_no_more_than_its_batch(runtime: Runtime) -> None:
    """The local runtime takes larger batches than Cloudflare; the metered queue does not."""
    queue = metered(runtime).CLOUDFLARE_QUEUES
    body = "x" * (QUEUE_BATCH_BYTES // 4 - METADATA_BYTES)
    await queue.sendBatch([{"body": body}] * 4)

    with pytest.raises(RuntimeError, match="Payload Too Large"):
        await queue.sendBatch([{"body": f"{body}x"}] * 4)

    assert len(runtime.sent) == 4


async def test_memory_is_the_heap_and_what_javascript_copied(runtime: Runtime) -> None:
    """The isolate dies of copies too, counted until an invocation's next call or its end."""
    meters = Meters(lambda: 600)
    meters.set_limits(memory_bytes=1000)
    one, other = metered(runtime, meters), metered(runtime, meters)
    runtime.answer = {"results": [{"a": "x" * 100}], "meta": META}
    await one.CLOUDFLARE_D1_DATABASE.prepare("SELECT ?1").bind("x" * 200).all()

    with pytest.raises(Crash):
        await other.CLOUDFLARE_D1_DATABASE.prepare("SELECT ?1").bind("x" * 101).all()
    other.invocation.end()
    one.invocation.end()
    await other.CLOUDFLARE_D1_DATABASE.prepare("SELECT ?1").bind("x" * 101).all()

    assert meters.peaks["memory_bytes"] == 600 + 300 + 101


async def test_an_object_takes_memory_when_it_is_read(runtime: Runtime) -> None:
    """Finding an object costs nothing, however large it is; reading it costs a copy."""
    meters = Meters(lambda: 600)
    meters.set_limits(memory_bytes=899)
    found = await metered(runtime, meters).CLOUDFLARE_R2_BUCKET.get("key")

    with pytest.raises(Crash):
        await found.arrayBuffer()


def test_the_gate_has_the_same_limits() -> None:
    """What the gate's script says about a limit is what `schemas.limits` says."""
    names = {
        "MAX_MESSAGES": "QUEUE_BATCH_MESSAGES",
        "MAX_MESSAGE_BYTES": "QUEUE_MESSAGE_BYTES",
        "MAX_BATCH_BYTES": "QUEUE_BATCH_BYTES",
        "MAX_DELAY_SECONDS": "QUEUE_DELAY_SECONDS",
        "MAX_STATEMENT_BYTES": "D1_STATEMENT_BYTES",
        "MAX_PARAMETERS": "D1_PARAMETERS",
        "MAX_VALUE_BYTES": "D1_ROW_BYTES",
        "MAX_RESULT_BYTES": "D1_RESULT_BYTES",
        "MAX_QUERY_SECONDS": "D1_QUERY_SECONDS",
    }

    found = dict(re.findall(r"^const (MAX_\w+) = ([\d_]+);", API.read_text("utf-8"), re.MULTILINE))

    assert {name: int(value) for name, value in found.items()} == {
        name: getattr(limits, ours) for name, ours in names.items()
    }
