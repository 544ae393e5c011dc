"""Stand-ins for the services that the fetcher talks to, in memory and as strict as the real ones."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from fetcher.ports import Conflict, LeaseLost, NotFound, RawStore, Unavailable
from schemas.jobs import Job, JobKind
from schemas.ledger import Ledger
from schemas.minings import Beginning, Begun, Settings, Status, Watermark
from schemas.segments import Plan, Segment, folder_digest, plan_key, segment_key
from schemas.uids import UidRanges


class MemoryRawStore:
    """A raw store in memory. `fault` is called with each key before it is put."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fault: Callable[[str], None] = lambda _: None
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        self.fault(key)
        with self._lock:
            if if_absent and key in self.objects:
                return False
            self.objects[key] = data
            return True

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFound("There is no such object.")
        return self.objects[key]

    def head(self, key: str, *, length: int) -> bytes:
        return self.get(key)[:length]

    def list(self, prefix: str) -> Iterator[str]:
        yield from [key for key in tuple(self.objects) if key.startswith(prefix)]

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)


class ErasableStore(RawStore, Protocol):
    """A raw store whose objects can be deleted, as a processor does."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...


class MemoryJobQueue:
    """A queue in memory. It refuses a job whose segment is not stored; `down` makes it unavailable."""

    def __init__(self, raw_store: RawStore) -> None:
        self.jobs: list[Job] = []
        self.sent: list[Job] = []
        self.down = False
        self._raw_store = raw_store

    def send(self, jobs: Sequence[Job]) -> None:
        if self.down:
            raise Unavailable("The queue is down.")
        for job in jobs:
            assert Job.decode(job.encode()) == job
            segment, _ = Segment.decode(self._raw_store.get(segment_key(job.mining, job.segment)))
            assert len(segment.messages) == job.messages, "the job has a different number of messages"
        self.jobs.extend(jobs)
        self.sent.extend(jobs)


@dataclass
class Mining:
    """One mining as `MemoryMinings` holds it."""

    asked: Beginning
    lease: int = 0
    holder: str = ""
    held: bool = False
    state: str = "fetching"
    cancelled: bool = False
    done: dict[str, tuple[int, int]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    sent: int | None = None


class MemoryMinings:
    """The processor's API in memory; its processor works whenever the status is requested.

    A mining ends only after a job for every segment in the store, and its ledger must balance. `down` makes the API
    unavailable; `idle` stops the processor.
    """

    def __init__(self, raw_store: ErasableStore, queue: MemoryJobQueue) -> None:
        self.minings: dict[str, Mining] = {}
        self.down = False
        self.idle = False
        self.counted: set[bytes] = set()
        self.marks: dict[str, Watermark] = {}
        self.calls: list[str] = []
        self.on_renew: Callable[[Mining], None] = lambda _: None
        self._raw_store = raw_store
        self._queue = queue

    def begin(self, user: str, *, asked: Beginning) -> Begun:
        self._called("begin")
        unfinished = [(known, each) for known, each in self.minings.items() if each.state != "finished"]
        if asked.id in self.minings and self.minings[asked.id].state == "finished":
            ended = self.minings[asked.id]
            return Begun(asked.id, False, "finished", ledger=ended.ledger.to_json(), receipt={})
        name, mining = unfinished[0] if unfinished else (asked.id, Mining(asked))
        for setting in ("folders", "since", "scope", "full"):
            if getattr(asked, setting) not in (None, getattr(mining.asked, setting)):
                raise Conflict(f"{setting} is fixed.", "fixed")
        if mining.held and mining.holder != asked.holder:
            raise Conflict("Another fetcher is reading this source.", "held")
        self.minings[name] = mining
        mining.lease += 1
        mining.holder = asked.holder
        return Begun(
            id=name,
            resumed=name != asked.id,
            state=mining.state,
            lease=mining.lease,
            lease_seconds=10.0,
            settings=Settings(
                address=mining.asked.address,
                folders=mining.asked.folders,
                since=mining.asked.since,
                scope=mining.asked.scope or "text",
                as_of=mining.asked.as_of or "2026-01-01",
                chunks=mining.asked.chunks,
                full=bool(mining.asked.full),
                own=(mining.asked.address, *(mining.asked.me or ())),
            ),
            watermarks={} if mining.asked.full else dict(self.marks),
        )

    def renew(self, user: str, *, mining: str, lease: int) -> Status:
        self._called("renew")
        found = self._leased(mining, lease)
        self.on_renew(found)
        self._work()
        return self._status(mining)

    def fetched(
        self, user: str, *, mining: str, lease: int, skipped: Mapping[str, int], failed: Mapping[str, int]
    ) -> Status:
        self._called("fetched")
        found = self._leased(mining, lease)
        if found.state == "fetching":
            found.state = "processing"
            plan = self._plan(mining)
            found.ledger.listed = plan.listed
            found.ledger.skipped, found.ledger.failed = dict(skipped), dict(failed)
            found.ledger.folders_failed = {folder.digest: folder.failed for folder in plan.folders if folder.failed}
            found.sent = len(self._segments(mining))
        return self._status(mining)

    def status(self, user: str, *, mining: str) -> Status:
        self._called("status")
        if mining not in self.minings:
            raise NotFound("There is no such mining.")
        self._work()
        return self._status(mining)

    def status_fields(self, user: str, *, mining: str) -> dict[str, Any]:
        return self.status(user, mining=mining).to_json()

    def report(self, user: str, *, mining: str) -> dict[str, Any]:
        status = self.status(user, mining=mining)
        return {"id": mining, "state": status.state, "ledger": status.ledger, "balanced": True, "imbalance": []}

    def cancel(self, user: str, *, mining: str) -> dict[str, Any]:
        self._called("cancel")
        self.minings[mining].cancelled = True
        return self._status(mining).to_json()

    def watermark(self, folder: str) -> str:
        return str(self.marks[folder_digest(folder)].uids)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise Unavailable("The processor is down.")

    def _leased(self, mining: str, lease: int) -> Mining:
        found = self.minings[mining]
        if lease != found.lease:
            raise LeaseLost("Another fetcher has taken over this mining: this one must stop.", "lease")
        return found

    def _plan(self, mining: str) -> Plan:
        try:
            return Plan.decode(self._raw_store.get(plan_key(mining)))
        except NotFound:
            return Plan()

    def _segments(self, mining: str) -> list[str]:
        return [key for key in self._raw_store.list(f"{mining}/") if key != plan_key(mining)]

    def _work(self) -> None:
        if self.idle:
            return
        jobs, self._queue.jobs = self._queue.jobs, []
        for job in jobs:
            assert job.kind is JobKind.SEGMENT
            found = self.minings[job.mining]
            if job.segment not in found.done:
                found.done[job.segment] = self._process(segment_key(job.mining, job.segment))
        for name, found in self.minings.items():
            if found.state == "processing" and found.sent == len(found.done):
                self._finish(name, found)

    def _process(self, key: str) -> tuple[int, int]:
        segment, body = Segment.decode(self._raw_store.get(key))
        keys = [hashlib.blake2b(message, digest_size=16).digest() for _, message in segment.bodies(body)]
        new = set(keys) - self.counted
        self.counted |= new
        return len(new), len(keys) - len(new)

    def _finish(self, name: str, mining: Mining) -> None:
        ledger = mining.ledger
        ledger.processed = sum(new for new, _ in mining.done.values())
        ledger.duplicate = sum(again for _, again in mining.done.values())
        ledger.fetched = ledger.processed + ledger.duplicate
        assert ledger.imbalance() == []
        for key in self._segments(name):
            segment, _ = Segment.decode(self._raw_store.get(key))
            self._cover(segment)
            self._raw_store.delete(key)
        self._raw_store.delete(plan_key(name))
        mining.state = "finished"

    def _cover(self, segment: Segment) -> None:
        if not segment.covers:
            return
        mark = self.marks.get(segment.folder)
        known = mark.uids if mark is not None and mark.uidvalidity == segment.uidvalidity else UidRanges()
        self.marks[segment.folder] = Watermark(segment.uidvalidity, known | segment.covers)

    def _status(self, name: str) -> Status:
        mining = self.minings[name]
        status = Status(
            id=name,
            state=mining.state,
            cancelled=mining.cancelled,
            sent=mining.sent,
            done=len(mining.done),
            processed=sum(new for new, _ in mining.done.values()),
            duplicate=sum(again for _, again in mining.done.values()),
        )
        if mining.state != "finished":
            return status
        ledger: dict[str, Any] = mining.ledger.to_json()
        return replace(status, listed=mining.ledger.listed, ledger=ledger, receipt={})
