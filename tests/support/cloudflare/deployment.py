"""The deployed Worker, with everything around it on this machine, driven over HTTP and the queue."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from infra.bundle import MAX_BYTES, Bundle, bundle_modules
from processor.adapters.container.migrate import migrate
from schemas.jobs import Job, JobKind
from schemas.migrations import PERMANENT
from schemas.segments import Plan, Segment, StoredMessage, plan_key, segment_key
from tests.support.cloudflare.local import LocalCloudflare, Message
from tests.support.cloudflare.node import LocalError
from tests.support.cloudflare.packages import HERE, Pieces
from tests.support.postgrest import SCHEMA, SERVICE_KEY, PostgRest
from tests.support.servers import Postgres
from tests.support.stack import AS_OF, Begun, Folder

CHECKOUT = HERE.parents[2]
TOKEN = "a-service-token-of-tests"
FINISH_SECONDS = 60.0
IDLE_SECONDS = 0.5
"""After this long without progress, a test runs the cron as if the cron's waiting time had passed."""
QUEUE_BATCH = 100


def bundle_metered(sdk: Path, checkout: Path = CHECKOUT) -> Bundle:
    """Return the module table of the deployed Worker with metered bindings."""
    processor = checkout / "services" / "processor"
    roots = {name: HERE / f"{name}.py" for name in ("metered_worker", "meters", "refusals")}
    roots |= {"entry_worker": processor / "entry_worker.py", "processor": processor, "schemas": checkout / "schemas"}
    return bundle_modules("metered_worker.py", roots, sdk, max_bytes=MAX_BYTES)


class Deployment:
    """One Worker with its D1, R2 and queue, and a permanent database; use it as a context manager."""

    def __init__(self, pieces: Pieces, bundle: Bundle, postgres: Postgres) -> None:
        database = postgres.fresh_database()
        asyncio.run(migrate(database, PERMANENT, schema=SCHEMA))
        self.rest = PostgRest(database)
        variables = {
            "SUPABASE_URL": self.rest.url,
            "SUPABASE_SERVICE_KEY": SERVICE_KEY,
            "PROCESSOR_TOKEN": TOKEN,
        }
        self.local = LocalCloudflare(pieces, bundle, variables=variables)

    def __enter__(self) -> Self:
        self.rest.__enter__()
        self.local.start()
        for path in sorted((CHECKOUT / "schemas" / "mining" / "d1").glob("*.sql")):
            self.local.query(path.read_text())
        return self

    def __exit__(self, *_: object) -> None:
        self.local.close()
        self.rest.__exit__()

    @property
    def fetcher_settings(self) -> dict[str, str]:
        """The environment of a fetcher that uses this deployment with the service's token."""
        local, account = self.local, self.local.account
        return {
            "STORAGE_MODE": "cloudflare",
            "CLOUDFLARE_ACCOUNT_ID": account.account,
            "CLOUDFLARE_API_TOKEN": account.token,
            "CLOUDFLARE_BASE_URL": f"{local.gate}/client/v4",
            "CLOUDFLARE_QUEUES": account.queue_name,
            "CLOUDFLARE_R2_ACCESS_KEY_ID": account.access_key,
            "CLOUDFLARE_R2_BUCKET": account.bucket,
            "CLOUDFLARE_R2_ENDPOINT": local.gate,
            "CLOUDFLARE_R2_SECRET_ACCESS_KEY": account.secret,
            "PROCESSOR_URL": local.processor,
            "PROCESSOR_TOKEN": TOKEN,
        }

    def ask(self, method: str, path: str, body: object = None, *, token: str = TOKEN) -> httpx.Response:
        """Send a request to the Worker's API."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        url = f"{self.local.processor}{path}"
        return httpx.request(method, url, json=body, headers=headers, timeout=FINISH_SECONDS)

    def begin(self, user: str, source: str = "me@example.org@imap.example.org:993", **fields: Any) -> Begun:
        """Begin a mining through the API."""
        asked = {
            "id": str(uuid.uuid4()),
            "source": source,
            "address": "me@example.org",
            "as_of": AS_OF,
            "chunks": 2,
            "holder": "test",
        }
        answer = self.ask("POST", f"/users/{user}/minings", asked | fields)
        assert answer.status_code == 200, answer.text
        begun = answer.json()
        return Begun(user, begun["id"], begun.get("lease", 0), begun)

    def store(self, begun: Begun, *folders: Folder) -> list[Job]:
        """Store the plan and segments as a fetcher does, and return the segments' jobs without sending them."""
        planned = tuple(folder.planned() for folder in folders)
        self.local.put_object(plan_key(begun.id), Plan(planned).encode())
        for folder, plan in zip(folders, planned, strict=True):
            for bodies, segment in zip(folder.segments, plan.segments, strict=True):
                stored = [StoredMessage(uid, len(body)) for uid, body in enumerate(bodies, start=segment.first)]
                head = Segment(plan.digest, plan.uidvalidity, segment.covers, tuple(stored))
                name = plan.segment_name(segment)
                self.local.put_object(segment_key(begun.id, name), head.encode(bodies))
                begun.jobs.append(Job(JobKind.SEGMENT, begun.id, segment=name, messages=len(bodies)))
        return begun.jobs

    def send(self, jobs: Sequence[Job]) -> None:
        """Push jobs to the queue through Cloudflare's REST API."""
        account = self.local.account
        url = f"{self.local.gate}/client/v4/accounts/{account.account}/queues/{account.queue}/messages/batch"
        for first in range(0, len(jobs), QUEUE_BATCH):
            batch = [{"body": job.encode(), "content_type": "text"} for job in jobs[first : first + QUEUE_BATCH]]
            headers = {"authorization": f"Bearer {account.token}"}
            httpx.post(url, json={"messages": batch}, headers=headers, timeout=FINISH_SECONDS).raise_for_status()

    def deliver(self, *batches: Sequence[Job | str], attempts: int = 1) -> list[dict[str, Any]]:
        """Deliver jobs directly to the Worker, all batches at once, bypassing the queue; return the verdicts."""
        numbered = [
            [Message(job if isinstance(job, str) else job.encode(), f"{at}", attempts) for at, job in enumerate(batch)]
            for batch in batches
        ]
        return self.local.deliver(*numbered)

    def fetched(self, begun: Begun, **reasons: Mapping[str, int]) -> None:
        """Report that everything is fetched."""
        body = {"lease": begun.lease, **reasons}
        answer = self.ask("POST", f"/users/{begun.user}/minings/{begun.id}/fetched", body)
        assert answer.status_code == 200, answer.text

    def status(self, begun: Begun) -> dict[str, Any]:
        """Return a mining's status."""
        return self._read(f"/users/{begun.user}/minings/{begun.id}")

    def report(self, begun: Begun) -> dict[str, Any]:
        """Return a mining's report."""
        return self._read(f"/users/{begun.user}/minings/{begun.id}/report")

    def contacts(self, user: str) -> list[Any]:
        """Return all of a user's contacts in list order."""
        out: list[Any] = []
        cursor = ""
        while page := self._read(f"/users/{user}/contacts?limit=1000{cursor}"):
            out += page["contacts"]
            if not page["contacts"]:
                break
            cursor = f"&after={page['after']}"
        return out

    def finish(
        self, *begun: Begun, seconds: float = FINISH_SECONDS, idle_seconds: float = IDLE_SECONDS, poll: float = 0.02
    ) -> None:
        """Wait for minings to end, polling every `poll` seconds; run the cron if there is no progress."""
        until = time.monotonic() + seconds
        before: object = None
        moved = time.monotonic()
        while True:
            states = [self._state(each) for each in begun]
            if all(state == "finished" for state in states):
                return
            now = time.monotonic()
            assert now < until, (states, self.local.log[-3000:])
            if states != before:
                before, moved = states, now
            elif now - moved > idle_seconds:
                self.sweep()
                moved = now
            time.sleep(poll)

    def _state(self, begun: Begun) -> object:
        answer = self.ask("GET", f"/users/{begun.user}/minings/{begun.id}")
        if answer.status_code >= 500:
            return answer.status_code
        status = answer.json()
        if status["state"] == "finished":
            return "finished"
        return [status["state"], status["segments"], status["chunks_refined"]]

    def sweep(self) -> None:
        """Run the Worker's cron as if an hour had passed without progress; a fault may make it crash."""
        for table, column in (("segments", "at"), ("chunks", "at"), ("minings", "sent_at"), ("echo", "sent_at")):
            self.local.query(f"UPDATE {table} SET {column} = {column} - 3600")
        with contextlib.suppress(LocalError):
            self.local.run_scheduled()

    def mine(self, user: str, *folders: Folder, **fields: Any) -> Begun:
        """Mine a mailbox from begin to end."""
        begun = self.begin(user, **fields)
        self.send(self.store(begun, *folders))
        self.fetched(begun)
        self.finish(begun)
        return begun

    def rows(self, table: str) -> int:
        """Return the number of rows in a temporary table."""
        return int(self.local.query(f"SELECT count(*) AS n FROM {table}")[0]["n"])

    def set_fault(self, **fault: Any) -> None:
        """Make the Worker's bindings fail; see `meters.Meters.set_fault`."""
        httpx.post(f"{self.local.processor}/test/faults", json=fault).raise_for_status()

    def meters(self) -> dict[str, Any]:
        """Return the readings of the Worker's meters."""
        return self._read("/test/meters")

    def set_limits(self, **limits: int) -> None:
        """Set the Worker's limits, by default the platform's; see `meters.Meters.set_limits`."""
        httpx.post(f"{self.local.processor}/test/limits", json=limits).raise_for_status()

    def reset_meters(self) -> None:
        """Reset the meters and limits, and clear any fault."""
        self.set_fault(times=0)
        self.set_limits()
        httpx.get(f"{self.local.processor}/test/reset").raise_for_status()

    def _read(self, path: str) -> dict[str, Any]:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        fields: dict[str, Any] = answer.json()
        return fields
