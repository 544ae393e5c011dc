"""The raw store as a directory."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fetcher.adapters.files import TEMPORARY, FileRawStore
from fetcher.ports import Denied, Invalid, LimitExceeded, NotFound, Trouble, Unavailable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder that does not exist yet."""
    return tmp_path / "a" / "raw"


@pytest.fixture
def store(root: Path) -> FileRawStore:
    """Return an empty store."""
    return FileRawStore(root)


def fail_with(number: int) -> Callable[..., None]:
    """Return a system call that fails."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_an_object_round_trips(store: FileRawStore) -> None:
    """A stored object can be read as a whole, or only its first bytes."""
    stored = store.put("m/plan", b"line\nrest")

    assert stored
    assert store.get("m/plan") == b"line\nrest"
    assert store.head("m/plan", length=4) == b"line"
    assert store.head("m/plan", length=99) == b"line\nrest"


def test_put_replaces_unless_told_otherwise(store: FileRawStore) -> None:
    """A second put replaces the object; with `if_absent`, it changes nothing and returns False."""
    store.put("m/plan", b"first")

    kept = store.put("m/plan", b"second", if_absent=True)
    after_keeping = store.get("m/plan")
    replaced = store.put("m/plan", b"third")

    assert (kept, after_keeping) == (False, b"first")
    assert (replaced, store.get("m/plan")) == (True, b"third")


def test_one_of_many_wins(store: FileRawStore) -> None:
    """If several threads put one object at once with `if_absent`, exactly one gets True, and its bytes stay."""
    told: list[tuple[bool, bytes]] = []
    barrier = threading.Barrier(4)

    def put(data: bytes) -> None:
        barrier.wait()
        told.append((store.put("m/plan", data, if_absent=True), data))

    threads = [threading.Thread(target=put, args=(bytes([number]) * 1000,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winners = [data for won, data in told if won]
    assert [store.get("m/plan")] == winners


def test_list(store: FileRawStore, root: Path) -> None:
    """Listing yields the keys of complete objects that start with the prefix, at any depth."""
    for key in ("m/plan", "m/d/7/1-200", "m/d/7/201-300", "m2/plan", "n/plan"):
        store.put(key, b"x")
    (root / "m" / f"{TEMPORARY}0").write_bytes(b"half")

    assert sorted(store.list("m/")) == ["m/d/7/1-200", "m/d/7/201-300", "m/plan"]
    assert sorted(store.list("m/d/7/2")) == ["m/d/7/201-300"]
    assert sorted(store.list("m")) == ["m/d/7/1-200", "m/d/7/201-300", "m/plan", "m2/plan"]
    assert sorted(store.list("")) == ["m/d/7/1-200", "m/d/7/201-300", "m/plan", "m2/plan", "n/plan"]
    assert list(store.list("x/")) == []


def test_what_is_not_there(store: FileRawStore) -> None:
    """A missing object is NotFound, and an empty store lists nothing."""
    with pytest.raises(NotFound):
        store.get("m/plan")
    with pytest.raises(NotFound):
        store.head("m/plan", length=1)
    assert list(store.list("")) == []


def test_only_the_owner_reads_it(store: FileRawStore, tmp_path: Path) -> None:
    """Only the owner can read raw mail: folders are 0700 and files 0600, and existing folders keep their mode."""
    tmp_path.chmod(0o755)

    store.put("m/d/7/1-2", b"x")

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"a": 0o700, "raw": 0o700, "m": 0o700, "d": 0o700, "7": 0o700, "1-2": 0o600}
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "m/../n", "m//plan", "m/./plan", "..", f"m/{TEMPORARY}1", "m/\0", "m/"]
)
def test_keys_that_lead_out(store: FileRawStore, key: str) -> None:
    """A key never leads outside the store or to an unfinished file."""
    with pytest.raises(Invalid):
        store.put(key, b"x")


@pytest.mark.parametrize(
    ("number", "trouble"),
    [
        (errno.ENOSPC, LimitExceeded),
        (errno.EDQUOT, LimitExceeded),
        (errno.EACCES, Denied),
        (errno.EROFS, Denied),
        (errno.EIO, Unavailable),
    ],
)
def test_a_disk_that_fails(
    store: FileRawStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, trouble: type[Trouble]
) -> None:
    """A full or failing disk gives a sentence that names the store, and leaves neither an object nor a partial file."""
    store.put("m/plan", b"x")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail_with(number))

        with pytest.raises(trouble, match=str(root)):
            store.put("m/other", b"y")

    assert [path.name for path in root.rglob("*") if path.is_file()] == ["plan"]
