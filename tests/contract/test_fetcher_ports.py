"""What the fetcher's stores and queues promise: files, and R2 and Queues in workerd, called from outside."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from fetcher.adapters import r2
from fetcher.adapters.files import FileRawStore
from fetcher.adapters.queues import CloudflareQueue
from fetcher.adapters.r2 import R2RawStore
from fetcher.ports import Denied, Invalid, NotFound, RawStore, Unavailable
from schemas.jobs import Job, JobKind
from tests.support.cloudflare.local import Account, LocalCloudflare

ARRIVAL_SECONDS = 20.0
WRITERS = 4


def open_r2(local: LocalCloudflare, account: Account | None = None) -> R2RawStore:
    """Return a client of the local bucket."""
    account = account or local.account
    return R2RawStore(
        endpoint_url=local.gate,
        bucket=account.bucket,
        access_key_id=account.access_key,
        secret_access_key=account.secret,
    )


def open_queue(local: LocalCloudflare) -> CloudflareQueue:
    """Return a client of the local queue."""
    account = local.account
    return CloudflareQueue(
        account_id=account.account, queue=account.queue, api_token=account.token, api_url=f"{local.gate}/client/v4"
    )


@pytest.fixture(params=["files", "r2"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RawStore]:
    """Yield a raw store. Each test uses its own keys."""
    if request.param == "files":
        yield FileRawStore(tmp_path / "raw")
        return
    client = open_r2(request.getfixturevalue("probe"))
    yield client
    client.close()


@pytest.fixture
def mining() -> str:
    """Return the id of a mining without any objects."""
    return str(uuid4())


def test_an_object_comes_back_whole_or_its_beginning(store: RawStore, mining: str) -> None:
    """Every byte is kept, and the start of an object can be read alone, even if the object is shorter."""
    data = bytes(range(256)) * 40

    stored = store.put(f"{mining}/d/7/1-2", data)

    assert stored
    assert store.get(f"{mining}/d/7/1-2") == data
    assert store.head(f"{mining}/d/7/1-2", length=300) == data[:300]
    assert store.head(f"{mining}/d/7/1-2", length=100_000) == data


def test_an_empty_object_is_one(store: RawStore, mining: str) -> None:
    """An empty object is stored and read as an empty object."""
    store.put(f"{mining}/plan", b"")

    assert store.get(f"{mining}/plan") == b""
    assert store.head(f"{mining}/plan", length=10) == b""


def test_a_put_replaces_unless_told_otherwise(store: RawStore, mining: str) -> None:
    """A put replaces an object, but a put only if absent keeps it and reports that."""
    store.put(f"{mining}/plan", b"first")

    kept = store.put(f"{mining}/plan", b"second", if_absent=True)
    after_keeping = store.get(f"{mining}/plan")
    replaced = store.put(f"{mining}/plan", b"third")

    assert (kept, after_keeping) == (False, b"first")
    assert (replaced, store.get(f"{mining}/plan")) == (True, b"third")


def test_of_several_at_once_one_is_told_that_it_was_first(store: RawStore, mining: str) -> None:
    """Of several puts of an absent object, exactly one wins, and its bytes are stored."""
    told: list[tuple[bool, bytes]] = []
    barrier = threading.Barrier(WRITERS)

    def put(data: bytes) -> None:
        barrier.wait()
        told.append((store.put(f"{mining}/plan", data, if_absent=True), data))

    threads = [threading.Thread(target=put, args=(bytes([number]) * 1000,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [data for won, data in told if won] == [store.get(f"{mining}/plan")]


def test_a_listing_is_of_one_prefix_and_whole(store: RawStore, mining: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing has every key under the prefix once and no other, over any number of pages."""
    monkeypatch.setattr(r2, "PAGE_KEYS", 2)
    keys = [f"{mining}/d/7/{number}-{number}" for number in range(1, 6)] + [f"{mining}/plan"]
    for key in keys:
        store.put(key, b"x")
    store.put(f"{uuid4()}/plan", b"x")

    assert sorted(store.list(f"{mining}/")) == sorted(keys)
    assert sorted(store.list(f"{mining}/d/7/2")) == [f"{mining}/d/7/2-2"]
    assert list(store.list(f"{uuid4()}/")) == []


def test_what_is_not_there_is_not_found(store: RawStore, mining: str) -> None:
    """A missing object raises NotFound."""
    with pytest.raises(NotFound):
        store.get(f"{mining}/plan")
    with pytest.raises(NotFound):
        store.head(f"{mining}/plan", length=1)


@pytest.mark.parametrize("key", ["", "/etc/passwd", "m/../n", "m//plan", "m/./plan", "m/"])
def test_a_key_is_of_pieces(store: RawStore, key: str) -> None:
    """An invalid key is refused before the store is called."""
    with pytest.raises(Invalid):
        store.put(key, b"x")


def test_a_wrong_key_or_bucket_is_said_by_its_setting(probe: LocalCloudflare, mining: str) -> None:
    """R2's refusals name the setting to correct and show no credential."""
    forged = open_r2(probe, replace(probe.account, secret="another secret"))
    elsewhere = open_r2(probe, replace(probe.account, bucket="no-such-bucket"))

    with pytest.raises(Denied, match="CLOUDFLARE_R2_SECRET_ACCESS_KEY") as refused:
        forged.put(f"{mining}/plan", b"x")
    with pytest.raises(Denied, match=r"no R2 bucket no-such-bucket.*CLOUDFLARE_R2_BUCKET"):
        elsewhere.put(f"{mining}/plan", b"x")

    assert "another secret" not in str(refused.value)
    forged.close()
    elsewhere.close()


def test_r2_that_fails_for_a_moment_is_asked_again(probe: LocalCloudflare, mining: str) -> None:
    """A short failure is retried and not noticed; a lasting one raises Unavailable."""
    store = open_r2(probe)
    probe.set_faults({"path": mining, "times": 2, "status": 503})
    passed = store.put(f"{mining}/plan", b"x")
    probe.set_faults({"path": mining, "times": 50, "status": 503})

    with pytest.raises(Unavailable):
        store.get(f"{mining}/plan")

    probe.set_faults()
    assert passed
    assert store.get(f"{mining}/plan") == b"x"
    store.close()


def test_jobs_reach_the_consumer(probe: LocalCloudflare, mining: str) -> None:
    """More jobs than fit into one call all arrive as texts, even if the API once asks to retry later."""
    jobs = [Job(JobKind.REFINE, mining, chunk=chunk) for chunk in range(150)]
    probe.set_faults({"path": "/messages/batch", "times": 1, "status": 429, "headers": {"retry-after": "1"}})
    queue = open_queue(probe)

    queue.send(jobs)

    until = time.monotonic() + ARRIVAL_SECONDS
    arrived: set[str] = set()
    while len(arrived) < len(jobs) and time.monotonic() < until:
        found = probe.query("SELECT name FROM sqlite_schema WHERE name = 'got'")
        rows = probe.query("SELECT body FROM got WHERE body LIKE ?1", f"%{mining}%") if found else []
        arrived = {row["body"] for row in rows}
        time.sleep(0.1)
    queue.close()
    assert arrived == {job.encode() for job in jobs}
