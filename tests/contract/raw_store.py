"""What every raw store promises the processor. Standard library only: these checks also run inside the Worker."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from processor.ports import NotFound, RawStore

LARGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Subject:
    """A store under test, and a function that puts objects there like a fetcher."""

    store: RawStore
    put: Callable[[str, bytes], Awaitable[None]]


async def check_an_object_is_read_as_it_was_put(subject: Subject) -> None:
    """Check that every byte of an object comes back."""
    key, data = f"{uuid4()}/plan", bytes(range(256)) * 3

    await subject.put(key, data)

    assert await subject.store.get(key) == data


async def check_an_empty_and_a_large_object_are_whole(subject: Subject) -> None:
    """Check that neither an empty object nor a full segment is cut."""
    mining = uuid4()
    await subject.put(f"{mining}/d/1/1-1", b"")
    await subject.put(f"{mining}/d/1/2-2", b"\r\n" * (LARGE_BYTES // 2))

    assert await subject.store.get(f"{mining}/d/1/1-1") == b""
    assert len(await subject.store.get(f"{mining}/d/1/2-2")) == LARGE_BYTES


async def check_what_is_not_there_is_not_found(subject: Subject) -> None:
    """Check that a missing object and a folder of objects raise NotFound."""
    mining = uuid4()
    await subject.put(f"{mining}/d/1/1-1", b"x")

    for key in (f"{uuid4()}/plan", f"{mining}/d", f"{mining}/d/1/1-1/more"):
        try:
            await subject.store.get(key)
        except NotFound:
            continue
        raise AssertionError(key)


async def check_a_listing_is_of_one_prefix_and_whole(subject: Subject) -> None:
    """Check that a listing has every key under the prefix once and no other mining's, over any number of pages."""
    mining, other = str(uuid4()), str(uuid4())
    keys = {f"{mining}/d/7/{number}-{number}" for number in range(1, 8)} | {f"{mining}/plan"}
    for key in (*keys, f"{other}/plan"):
        await subject.put(key, b"x")

    listed = [key async for key in subject.store.list(f"{mining}/")]

    assert sorted(listed) == sorted(keys)
    assert [key async for key in subject.store.list(f"{uuid4()}/")] == []
    assert {*keys, f"{other}/plan"} <= {key async for key in subject.store.list("")}


async def check_a_deletion_removes_what_it_names_alone(subject: Subject) -> None:
    """Check that only the named objects are deleted, and that deleting them again, or nothing, is not an error."""
    mining = str(uuid4())
    keys = [f"{mining}/d/7/{number}-{number}" for number in range(1, 4)]
    for key in keys:
        await subject.put(key, b"x")

    await subject.store.delete(keys[:2])
    await subject.store.delete(keys[:2])
    await subject.store.delete([])

    assert [key async for key in subject.store.list(f"{mining}/")] == keys[2:]
    assert await subject.store.get(keys[2]) == b"x"


CHECKS = (
    check_an_object_is_read_as_it_was_put,
    check_an_empty_and_a_large_object_are_whole,
    check_what_is_not_there_is_not_found,
    check_a_listing_is_of_one_prefix_and_whole,
    check_a_deletion_removes_what_it_names_alone,
)
