"""Metered bindings for a Worker, which fail on demand and at the platform's limits. Runs inside the Worker.

Counts and faults belong to the isolate and are shared by all its invocations. For tests and benchmarks only.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from refusals import (  # type: ignore[import-not-found]
    FULL,
    TOO_LATE,
    TOO_MANY_QUERIES,
    refuse_messages,
    refuse_result,
    refuse_value,
    size_of,
)

from schemas.limits import D1_DATABASE_BYTES, D1_QUERIES, D1_QUERY_SECONDS, WORKER_MEMORY_BYTES

SILENCE_SECONDS = 60.0
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
GROWS = re.compile(r"\bINSERT\b")


class Crash(BaseException):
    """The isolate has died; the service's code must not catch this."""


class Meters:
    """Counts the calls of the bindings, and makes them fail.

    Memory is the Python heap, which never shrinks, and JavaScript's copies of what the latest call of each invocation
    moved across. Tests can set the limits that they cannot reach smaller.
    """

    def __init__(self, heap_bytes: Callable[[], int] = lambda: 0) -> None:
        self.counts: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()
        self.heap_bytes = heap_bytes
        self.max_memory_bytes = WORKER_MEMORY_BYTES
        self.max_database_bytes = D1_DATABASE_BYTES
        self.database_bytes = 0
        self._copied_bytes = 0
        self._fault: dict[str, Any] = {}

    def set_limits(self, *, memory_bytes: int = WORKER_MEMORY_BYTES, database_bytes: int = D1_DATABASE_BYTES) -> None:
        """Set the limits of the isolate's memory and of the database, by default the platform's."""
        self.max_memory_bytes, self.max_database_bytes = memory_bytes, database_bytes

    def exchange(self, released: int, held: int) -> None:
        """Replace an invocation's copies by others; the isolate dies if there is no memory for them."""
        self._copied_bytes += held - released
        memory = self.heap_bytes() + self._copied_bytes
        self.peaks["memory_bytes"] = max(self.peaks["memory_bytes"], memory)
        if memory > self.max_memory_bytes:
            raise Crash("Worker exceeded memory limit.")

    def set_fault(self, fault: Mapping[str, Any]) -> None:
        """Make `times` calls of a `binding` and `method` fail, starting with call number `first`; empty means any.

        `kind` is `error` (the binding throws), `silence` (it does not answer for a minute), `crash` (the isolate dies
        before the call) or `crash after` (the call succeeds, and the isolate dies before it gets the answer).
        """
        self._fault = {
            "binding": "",
            "method": "",
            "first": 1,
            "times": 1,
            "kind": "error",
            "seen": 0,
            "done": 0,
        } | dict(fault)

    @property
    def faults_done(self) -> int:
        """Return how many calls have failed on demand."""
        return int(self._fault.get("done", 0))

    async def call(self, binding: str, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call, unless a fault applies to it."""
        kind = self._next_fault(binding, name)
        if kind == "error":
            raise RuntimeError(f"{binding.upper()}_ERROR: Network connection lost.")
        if kind == "silence":
            await asyncio.sleep(SILENCE_SECONDS)
        if kind == "crash":
            raise Crash(f"before {binding} {name}")
        answer = await act()
        self.counts[f"{binding} {name}"] += 1
        if kind == "crash after":
            raise Crash(f"after {binding} {name}")
        return answer

    def _next_fault(self, binding: str, name: str) -> str:
        fault = self._fault
        if not fault or fault["binding"] not in ("", binding) or fault["method"] not in ("", name):
            return ""
        fault["seen"] += 1
        if not fault["first"] <= fault["seen"] < fault["first"] + fault["times"]:
            return ""
        fault["done"] += 1
        return str(fault["kind"])


METERS = Meters()


def metered_fetch(fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a metered `fetch` for Supabase; it counts as a binding whose methods are the database functions."""

    async def call(url: str, **options: Any) -> Any:
        return await METERS.call("supabase", url.rpartition("/")[2], lambda: fetch(url, **options))

    return call


class Invocation:
    """The calls of one invocation; the platform limits its statements and its open connections."""

    def __init__(self, meters: Meters) -> None:
        self.meters = meters
        self._open = 0
        self._statements = 0
        self._copied_bytes = 0

    async def call(self, binding: str, name: str, act: Callable[[], Awaitable[Any]], sent: Any = None) -> Any:
        """Make a call that sends these values, and record how many are open at once and what is copied."""
        peaks = self.meters.peaks
        self._open += 1
        peaks["connections"] = max(peaks["connections"], self._open)
        try:
            sent_bytes = size_of(sent)
            self.copy(sent_bytes)
            answer = await self.meters.call(binding, name, act)
            self.copy(sent_bytes + size_of(answer))
            return answer
        finally:
            self._open -= 1

    def end(self) -> None:
        """Release what the latest call copied."""
        self.copy(0)

    def copy(self, size: int) -> None:
        """Hold copies of this size instead of the earlier ones."""
        released, self._copied_bytes = self._copied_bytes, size
        self.meters.exchange(released, size)

    def begin_statements(self, texts: Sequence[str]) -> None:
        """Count statements before they run; raise D1's error for too many, or for more rows in a full database."""
        self._statements += len(texts)
        if self._statements > D1_QUERIES:
            raise RuntimeError(TOO_MANY_QUERIES)
        if self.meters.database_bytes >= self.meters.max_database_bytes and any(map(GROWS.search, texts)):
            raise RuntimeError(FULL)

    def add_rows(self, answers: Sequence[Mapping[str, Any]]) -> None:
        """Add the cost of statements that ran together, as reported by D1; raise D1's error for their size or time."""
        counts, peaks = self.meters.counts, self.meters.peaks
        peaks["statements"] = max(peaks["statements"], self._statements)
        for answer in answers:
            meta = answer["meta"]
            counts["d1 statements"] += 1
            counts["d1 rows written"] += int(meta["rows_written"])
            counts["d1 rows read"] += int(meta["rows_read"])
            self.meters.database_bytes = int(meta["size_after"])
            if refusal := refuse_result(answer["results"]):
                raise RuntimeError(refusal)
        if sum(float(answer["meta"]["duration"]) for answer in answers) > D1_QUERY_SECONDS * 1000:
            raise RuntimeError(TOO_LATE)


class MeteredEnv:
    """The Worker's environment in one invocation: metered bindings, everything else unchanged."""

    def __init__(self, env: Any, meters: Meters = METERS) -> None:
        self.invocation = invocation = Invocation(meters)
        self._env = env
        self.CLOUDFLARE_D1_DATABASE = MeteredDatabase(env.CLOUDFLARE_D1_DATABASE, invocation)
        self.CLOUDFLARE_R2_BUCKET = MeteredBucket("r2", env.CLOUDFLARE_R2_BUCKET, invocation)
        self.CLOUDFLARE_QUEUES = MeteredQueue(env.CLOUDFLARE_QUEUES, invocation)

    def __getattr__(self, name: str) -> Any:
        """Return a setting."""
        return getattr(self._env, name)


class MeteredCalls:
    """A binding whose methods each make one call."""

    def __init__(self, binding: str, inner: Any, invocation: Invocation) -> None:
        self._binding = binding
        self._inner = inner
        self._invocation = invocation

    def __getattr__(self, name: str) -> Any:
        """Return a metered method."""
        method = getattr(self._inner, name)

        async def call(*arguments: Any) -> Any:
            return await self._invocation.call(self._binding, name, lambda: method(*arguments), arguments)

        return call


class MeteredBucket(MeteredCalls):
    """R2; an object is copied when its content is read."""

    async def get(self, key: str) -> Any:
        """Return an object, or None."""
        found = await self._invocation.call("r2", "get", lambda: self._inner.get(key))
        return found and MeteredObject(found, self._invocation)


class MeteredObject:
    """An object of R2."""

    def __init__(self, inner: Any, invocation: Invocation) -> None:
        self._inner = inner
        self._invocation = invocation

    def __getattr__(self, name: str) -> Any:
        """Return a property."""
        return getattr(self._inner, name)

    async def arrayBuffer(self) -> Any:  # noqa: N802 - the runtime's name
        """Return the content, which JavaScript holds too."""
        content = await self._inner.arrayBuffer()
        self._invocation.copy(size_of(content))
        return content


class MeteredQueue(MeteredCalls):
    """The queue; its messages are also counted, because they are billed."""

    def __init__(self, inner: Any, invocation: Invocation) -> None:
        super().__init__("queue", inner, invocation)

    async def sendBatch(self, messages: Sequence[Any]) -> Any:  # noqa: N802 - the runtime's name
        """Send messages and count each; raise the queue's error for what it does not take."""
        self._begin(messages)
        return await self._invocation.call("queue", "sendBatch", lambda: self._inner.sendBatch(messages), messages)

    async def send(self, body: Any, *options: Any) -> Any:
        """Send one message and count it; raise the queue's error for what it does not take."""
        self._begin([{"body": body, **(options[0] if options else {})}])
        return await self._invocation.call("queue", "send", lambda: self._inner.send(body, *options), body)

    def _begin(self, messages: Sequence[Any]) -> None:
        if refusal := refuse_messages(messages):
            raise RuntimeError(refusal)
        self._invocation.meters.counts["queue messages sent"] += len(messages)


class MeteredDatabase:
    """D1; sums up its own counters of rows and queries."""

    def __init__(self, inner: Any, invocation: Invocation) -> None:
        self._inner = inner
        self._invocation = invocation

    def prepare(self, sql: str) -> "MeteredStatement":
        """Return a metered statement."""
        return MeteredStatement(self._inner.prepare(sql), self._invocation, sql)

    async def batch(self, statements: Sequence["MeteredStatement"]) -> Any:
        """Run statements in one transaction."""
        inner = [each.inner for each in statements]
        self._invocation.begin_statements([each.sql for each in statements])
        sent = [each.values for each in statements]
        answers = await self._invocation.call("d1", "batch", lambda: self._inner.batch(inner), sent)
        self._invocation.add_rows(answers)
        return answers


class MeteredStatement:
    """A prepared statement; its calls count as `read` or `write`."""

    def __init__(self, inner: Any, invocation: Invocation, sql: str, values: Sequence[Any] = ()) -> None:
        self.inner = inner
        self.sql = sql
        self.values = values
        self._invocation = invocation

    def bind(self, *values: Any) -> "MeteredStatement":
        """Return the statement with its values; raise D1's error for one that is too large."""
        for value in values:
            if refusal := refuse_value(value):
                raise RuntimeError(refusal)
        return MeteredStatement(self.inner.bind(*values), self._invocation, self.sql, values)

    async def all(self) -> Any:
        """Run the statement."""
        self._invocation.begin_statements([self.sql])
        kind = "write" if WRITES.search(self.sql) else "read"
        answer = await self._invocation.call("d1", kind, self.inner.all, self.values)
        self._invocation.add_rows([answer])
        return answer
