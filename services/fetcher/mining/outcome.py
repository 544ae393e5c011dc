"""The request for a mining, its progress and its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from fetcher.imap.source import Source
from fetcher.mining.failures import Failure


@dataclass(frozen=True, slots=True)
class MiningRequest:
    """What a person asks for. None means the value of the source's unfinished mining, or else the default.

    `since` and `as_of` are `YYYY-MM-DD`; `scope` is headers, text or full. `id` is generated once, so calling begin
    twice starts one mining. `connections` is the size of the pool: by default 2 on loopback, 4 elsewhere.
    """

    user: str
    source: Source
    me: tuple[str, ...] | None = None
    folders: tuple[str, ...] | None = None
    since: str | None = None
    scope: str | None = None
    as_of: str | None = None
    full: bool | None = None
    connections: int | None = None
    holder: str = ""
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a mining. Counts are in messages unless their name says otherwise.

    `state` is connecting, planning, fetching, processing, refining, teardown, failing, finished, failed or erased.
    `listed` is None until there is a plan. `fetched` counts messages in the raw store, including those of earlier runs;
    `bytes_fetched` counts only this run.
    """

    mining: str
    resumed: bool = False
    state: str = "connecting"
    cancelled: bool = False
    listed: int | None = None
    fetched: int = 0
    bytes_fetched: int = 0
    left_out: int = 0
    processed: int = 0
    duplicate: int = 0
    dead: int = 0
    chunks: int = 0
    chunks_refined: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a mining ended. Unless `finished`, the same request reads the rest.

    `ledger` and `receipt` are as the processor returns them. `perhaps_own` are addresses that wrote from the mailbox's
    Sent folders and are not known as the user's. `failures` says what this run could not read. Neither of the two is
    stored anywhere.
    """

    mining: str
    finished: bool
    resumed: bool
    state: str
    progress: Progress
    ledger: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None
    perhaps_own: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the services are asked, and how long calls are retried if they do not answer, in seconds."""

    renew_seconds: float = 20.0
    watch_seconds: float = 0.2
    poll_seconds: float = 0.5
    begin_patience_seconds: float = 15.0
    patience_seconds: float = 120.0
