"""Metered bindings for a Worker, which fail on demand. Runs inside the Worker; standard library only.

Counts and faults belong to the isolate and are shared by all its invocations. For tests and benchmarks only.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

SILENCE_SECONDS = 60.0
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")


class Crash(BaseException):
    """The isolate has died; the service's code must not catch this."""


class Meters:
    """Counts the calls of the bindings, and makes them fail."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()
        self._fault: dict[str, Any] = {}

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

    def __init__(self) -> None:
        self._open = 0
        self._statements = 0

    async def call(self, binding: str, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call, and record how many are open at once."""
        self._open += 1
        METERS.peaks["connections"] = max(METERS.peaks["connections"], self._open)
        try:
            return await METERS.call(binding, name, act)
        finally:
            self._open -= 1

    def add_rows(self, answer: Mapping[str, Any]) -> None:
        """Add the cost of a statement, as reported by D1."""
        meta = answer["meta"]
        self._statements += 1
        METERS.peaks["statements"] = max(METERS.peaks["statements"], self._statements)
        METERS.counts["d1 statements"] += 1
        METERS.counts["d1 rows written"] += int(meta["rows_written"])
        METERS.counts["d1 rows read"] += int(meta["rows_read"])


class MeteredEnv:
    """The Worker's environment in one invocation: metered bindings, everything else unchanged."""

    def __init__(self, env: Any) -> None:
        invocation = Invocation()
        self._env = env
        self.CLOUDFLARE_D1_DATABASE = MeteredDatabase(env.CLOUDFLARE_D1_DATABASE, invocation)
        self.CLOUDFLARE_R2_BUCKET = MeteredCalls("r2", env.CLOUDFLARE_R2_BUCKET, invocation)
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
            return await self._invocation.call(self._binding, name, lambda: method(*arguments))

        return call


class MeteredQueue(MeteredCalls):
    """The queue; its messages are also counted, because they are billed."""

    def __init__(self, inner: Any, invocation: Invocation) -> None:
        super().__init__("queue", inner, invocation)

    async def sendBatch(self, messages: Sequence[Any]) -> Any:  # noqa: N802 - the runtime's name
        """Send messages and count each."""
        METERS.counts["queue messages sent"] += len(messages)
        return await self._invocation.call("queue", "sendBatch", lambda: self._inner.sendBatch(messages))

    async def send(self, body: Any, *options: Any) -> Any:
        """Send one message and count it."""
        METERS.counts["queue messages sent"] += 1
        return await self._invocation.call("queue", "send", lambda: self._inner.send(body, *options))


class MeteredDatabase:
    """D1; sums up its own counters of rows and queries."""

    def __init__(self, inner: Any, invocation: Invocation) -> None:
        self._inner = inner
        self._invocation = invocation

    def prepare(self, sql: str) -> "MeteredStatement":
        """Return a metered statement."""
        return MeteredStatement(self._inner.prepare(sql), self._invocation, "write" if WRITES.search(sql) else "read")

    async def batch(self, statements: Sequence["MeteredStatement"]) -> Any:
        """Run statements in one transaction."""
        inner = [each.inner for each in statements]
        answers = await self._invocation.call("d1", "batch", lambda: self._inner.batch(inner))
        for answer in answers:
            self._invocation.add_rows(answer)
        return answers


class MeteredStatement:
    """A prepared statement; its calls count as `read` or `write`."""

    def __init__(self, inner: Any, invocation: Invocation, kind: str) -> None:
        self.inner = inner
        self._invocation = invocation
        self._kind = kind

    def bind(self, *values: Any) -> "MeteredStatement":
        """Return the statement with its values."""
        return MeteredStatement(self.inner.bind(*values), self._invocation, self._kind)

    async def all(self) -> Any:
        """Run the statement."""
        answer = await self._invocation.call("d1", self._kind, self.inner.all)
        self._invocation.add_rows(answer)
        return answer
