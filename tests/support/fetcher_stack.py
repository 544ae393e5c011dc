"""A fetcher with a real mailbox and with everything else in memory."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.imap.connection import Connector, Credentials
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.source import Source
from fetcher.mining.mine import mine
from fetcher.mining.outcome import MiningRequest, Outcome, Pace, Progress
from fetcher.ports import ENDED
from schemas.segments import Segment
from tests.support.dovecot import Dovecot
from tests.support.fetcher_fakes import ErasableStore, MemoryJobQueue, MemoryMinings, MemoryRawStore
from tests.support.imap.server import ImapServer

PASSWORD = "correct horse"
QUICK = Pace(
    renew_seconds=0.05, watch_seconds=0.02, poll_seconds=0.02, begin_patience_seconds=0.5, patience_seconds=2.0
)
IMPATIENT = replace(QUICK, patience_seconds=0.24)


class Crash(Exception):
    """Simulates a crash of the fetcher."""


def mails(count: int, start: int = 0) -> list[bytes]:
    """Return `count` different messages."""
    return [
        b"From: a%d@example.com\r\nMessage-ID: <%d@example.com>\r\n\r\nhello\r\n" % (number % 7, number)
        for number in range(start, start + count)
    ]


@dataclass
class Stack:
    """Everything that a fetcher needs; `on_progress` is called with the progress of a mining."""

    connector: Connector
    raw_store: ErasableStore = field(default_factory=MemoryRawStore)
    stop: threading.Event = field(default_factory=threading.Event)
    seen: list[Progress] = field(default_factory=list)
    on_progress: Callable[[Progress], None] = lambda _: None
    pace: Pace = QUICK

    def __post_init__(self) -> None:
        self.connect: Callable[[], Mailbox] = partial(Mailbox, self.connector)
        self.queue = MemoryJobQueue(self.raw_store)
        self.minings = MemoryMinings(self.raw_store, self.queue)

    def mine(self, **changes: Any) -> Outcome:
        """Mine; `changes` replace fields of the request."""
        asked: dict[str, Any] = {"connections": 2, "holder": "me"} | changes
        return mine(
            MiningRequest("local", self.connector.source, **asked),
            connect=self.connect,
            raw_store=self.raw_store,
            queue=self.queue,
            processor=self.minings,
            watch=self._watch,
            stop=self.stop,
            pace=self.pace,
        )

    def on_put(self, act: Callable[[str], None]) -> None:
        """Call a function before each object is stored, with the last part of its key (`plan`, `1-200`)."""
        assert isinstance(self.raw_store, MemoryRawStore)
        self.raw_store.fault = lambda key: act(key.rpartition("/")[2])

    def on_put_of(self, name: str, act: Callable[[], object]) -> None:
        """Call a function before the object of this name is stored."""
        self.on_put(lambda stored: None if stored != name else _forget(act()))

    def on_put_nothing(self) -> None:
        """Let the store work again."""
        self.on_put(lambda _: None)

    def stored(self) -> list[Segment]:
        """Return the headers of the segments in the store."""
        keys = [key for key in self.raw_store.list("") if not key.endswith("/plan")]
        return [Segment.decode(self.raw_store.get(key))[0] for key in sorted(keys)]

    def opened(self) -> bootstrap.Stack:
        """Return the stack as the composition root does; of the processor's API, it has only the calls for mining."""
        return bootstrap.Stack(self.raw_store, self.queue, cast("ProcessorClient", self.minings), embedded=False)

    def break_store(self, fault: Callable[[], Exception]) -> None:
        """Let the raw store accept only plans, and raise the error that `fault` returns for everything else."""

        def put(key: str) -> None:
            if not key.endswith("/plan"):
                raise fault()

        assert isinstance(self.raw_store, MemoryRawStore)
        self.raw_store.fault = put

    def repair_store(self) -> None:
        """Let the raw store accept everything again."""
        assert isinstance(self.raw_store, MemoryRawStore)
        self.raw_store.fault = lambda _: None

    def _watch(self, progress: Progress) -> None:
        self.seen.append(progress)
        self.on_progress(progress)


def _forget(_: object) -> None:
    pass


def connect_to(server: Dovecot, login: str, *, token: Callable[[], str] | None = None) -> Connector:
    """Return a connector to a mailbox on a server, over TLS."""
    credentials = Credentials(PASSWORD) if token is None else Credentials(token=token)
    return Connector(Source(login, server.host, server.tls_port), credentials, ca_file=server.ca_file)


def odd_stack(
    server: ImapServer, *, read_timeout_seconds: float = 10.0, raw_store: ErasableStore | None = None
) -> Stack:
    """Return a stack on an IMAP server of tests."""
    source = Source("jane", server.host, server.port, implicit_tls=False)
    connector = Connector(
        source,
        Credentials("secret"),
        connect_timeout_seconds=read_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
    )
    return Stack(connector, raw_store or MemoryRawStore())


def ledger_of(outcome: Outcome) -> dict[str, object]:
    """Return the columns of the ledger that the fetcher fills."""
    assert outcome.state in ENDED
    assert outcome.ledger is not None
    return {name: outcome.ledger[name] for name in ("listed", "fetched", "skipped", "failed")}
