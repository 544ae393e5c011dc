"""What the temporary tables promise in both dialects. Standard library only: the checks also run inside the Worker."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from processor.domain.facts import Message
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import Conflict, MiningStore, NotFound, Statement
from schemas.minings import Settings
from schemas.segments import Segment, StoredMessage
from schemas.uids import UidRanges

CHUNKS = 16
MANY = 2_000


async def begin(minings: Minings, *, user: str = "", source: str = "0123456789abcdef") -> Mining:
    """Begin a mining, for a new user unless one is given."""
    settings = Settings(
        address="me@example.org",
        folders=None,
        since=None,
        scope="text",
        as_of="2026-01-31",
        chunks=CHUNKS,
        full=False,
        own=("me@example.org",),
    )
    mining = str(uuid4())
    await minings.begin(mining, user=user or f"user-{uuid4()}", source=source, settings=settings, holder="one")
    return await minings.find(mining)


async def count(
    minings: Minings,
    mining: Mining,
    name: str,
    keys: Sequence[bytes] = (),
    points: Mapping[int, Sequence[str]] | None = None,
    first: int = 1,
) -> None:
    """Count a segment of messages with these keys and UIDs from `first` on. The last message is unparsable."""
    covers = UidRanges([(first, first + len(keys) - 1)]) if keys else UidRanges()
    stored = tuple(StoredMessage(first + at, 1, truncated=at == 0) for at in range(len(keys)))
    messages = [Message(key, None, False, [], at == len(keys) - 1) for at, key in enumerate(keys)]
    head = Segment("fedcba9876543210", 4_294_967_295, covers, stored)
    await minings.count_segment(
        mining, name=name, head=head, messages=messages, points=points or {}, unread_fields=len(keys)
    )


async def refine(minings: Minings, mining: Mining, *names: str) -> Mining:
    """End the fetching with these segments and move on to refining."""
    await minings.end_fetching(
        mining, lease=mining.lease, listed=9, folders_failed={}, skipped={"vanished": 1}, failed={}, segments=names
    )
    assert await minings.start_refining(mining)
    return await minings.find(mining.id)


async def conflicts(writing: Awaitable[Any]) -> bool:
    """Return whether the call raises Conflict."""
    try:
        await writing
    except Conflict:
        return True
    return False


def key(number: int) -> bytes:
    """Return a message's key."""
    return number.to_bytes(16, "big")


async def check_a_batch_is_written_as_a_whole_or_not_at_all(store: MiningStore) -> None:
    """Check that statements before a guard that does not hold write nothing."""
    mining = await begin(Minings(store))
    names = Statement("await_segments", {"mining_no": mining.number, "names": ["a"]})
    guard = Statement("guard_refining", {"mining_no": mining.number})

    assert await conflicts(store.batch([names, guard]))
    assert await Minings(store).waiting(mining) == []


async def check_a_source_has_one_mining(store: MiningStore) -> None:
    """Check that a second begin changes nothing, but the same source of another user is a different one."""
    minings = Minings(store)
    first = await begin(minings, user=(user := f"user-{uuid4()}"))

    other = await begin(minings)
    try:
        await begin(minings, user=user)
    except NotFound:
        second = None

    assert second is None
    assert (await minings.find_source(user, first.source)).id == first.id
    assert await minings.ids(user) == [first.id]
    assert {first.id, other.id} <= set(await minings.ids())
    assert first.settings.chunks == CHUNKS
    assert (first.state, first.cancelled, first.listed) == ("fetching", False, None)


async def check_a_live_lease_is_kept(store: MiningStore) -> None:
    """Check that the holder gets the next number, another fetcher gets none, and an older number is not renewed.

    A renewal says how far the mining is, and another user's renews nothing.
    """
    minings = Minings(store)
    mining = await begin(minings)

    taken = await minings.take_lease(mining, holder="one", lease_seconds=60)
    refused = await minings.take_lease(mining, holder="two", lease_seconds=60)

    assert (taken, refused) == (mining.lease + 1, None)
    await count(minings, mining, "a", [key(1), key(2)])
    await minings.fail_segment(mining, name="b", reason="error", messages=3, max_tries=1)
    await minings.cancel(mining)
    renewed = await minings.renew_lease(mining.id, user=mining.user, lease=mining.lease + 1)
    assert renewed is not None
    assert renewed.mining.cancelled
    assert (renewed.mining.number, renewed.mining.user, renewed.chunks_refined) == (mining.number, mining.user, 0)
    assert renewed.totals == {"waiting": 0, "done": 1, "dead": 1, "messages": 5, "processed": 2, "duplicate": 0}
    assert await minings.renew_lease(mining.id, user=mining.user, lease=mining.lease) is None
    assert await minings.renew_lease(mining.id, user="another", lease=mining.lease + 1) is None


async def check_copies_count_once(store: MiningStore) -> None:
    """Check that keys counted before are duplicates in the next segment, and only new keys count as unparsable.

    Unread fields count in every copy.
    """
    minings = Minings(store)
    mining = await begin(minings)

    await count(minings, mining, "one", [key(1), key(2), key(3)])
    await count(minings, mining, "two", [key(2), key(3)], first=4)

    totals = await minings.segment_totals(mining)
    assert (totals["messages"], totals["processed"], totals["duplicate"]) == (5, 3, 2)
    assert (totals["unparsable"], totals["cut"], totals["done"], totals["unread_fields"]) == (1, 2, 2, 5)
    assert await minings.settled(mining) == {"one", "two"}


async def check_a_segment_counts_once(store: MiningStore) -> None:
    """Check that a repeated segment is refused, and after fetching has ended also a segment that was not sent."""
    minings = Minings(store)
    mining = await begin(minings)
    await count(minings, mining, "one", [key(1)], {3: ["[1]"]})

    assert await conflicts(count(minings, mining, "one", [key(2)], {3: ["[2]"]}))
    await refine(minings, mining, "one")
    assert await conflicts(count(minings, mining, "two", [key(3)]))
    assert (await minings.segment_totals(mining))["processed"] == 1
    assert await minings.points(mining, 3) == ["[1]"]
    assert await minings.counted_elsewhere(await begin(minings), [key(2).hex()]) == frozenset()


async def check_of_two_minings_one_counts_a_message(store: MiningStore) -> None:
    """Check that the second mining writes nothing at first, then learns which keys are taken and counts the rest."""
    minings = Minings(store)
    one = await begin(minings, user=(user := f"user-{uuid4()}"), source="one")
    two = await begin(minings, user=user, source="two")
    await count(minings, one, "a", [key(1), key(2)])

    assert await conflicts(count(minings, two, "a", [key(2), key(3)], {0: ["[2,3]"]}))
    assert await minings.points(two, 0) == []
    assert not await minings.is_settled(two, "a")
    assert await minings.counted_elsewhere(two, [key(n).hex() for n in (1, 2, 3)]) == {key(1).hex(), key(2).hex()}
    assert await minings.counted_elsewhere(one, [key(1).hex()]) == frozenset()
    await count(minings, two, "a", [key(3)])
    assert await minings.is_settled(two, "a")


async def check_points_come_back_by_chunk(store: MiningStore) -> None:
    """Check that a chunk's rows come back as written, from every segment and part, however many pages they take."""
    minings = Minings(store)
    mining = await begin(minings)
    large = [f'["{number}{"x" * 899_990}"]' for number in range(3)]
    for number in range(103):
        await count(minings, mining, f"{number:03}", points={1: [f"[{number}]"]})
    await count(minings, mining, "large", points={chunk: [f'["{chunk} \\"\\u00e9\\\\"]'] for chunk in range(CHUNKS)})
    await count(minings, mining, "larger", points={5: large, 9: large[:1]})

    assert await minings.points(mining, 1) == [f"[{number}]" for number in range(103)] + ['["1 \\"\\u00e9\\\\"]']
    assert await minings.points(mining, 5) == ['["5 \\"\\u00e9\\\\"]', *large]
    assert await minings.points(mining, 9) == ['["9 \\"\\u00e9\\\\"]', large[0]]
    assert await minings.points(mining, CHUNKS) == []
    assert await minings.chunks_to_refine(mining) == list(range(CHUNKS))


async def check_a_segment_dies_after_its_tries(store: MiningStore) -> None:
    """Check that a failing segment waits, then is dead with the last reason, and can be counted once it is revived."""
    minings = Minings(store)
    mining = await begin(minings)
    failure = {"name": "a", "reason": "error", "messages": 5, "max_tries": 2}

    states = [await minings.fail_segment(mining, **failure), await minings.fail_segment(mining, **failure)]  # type: ignore[arg-type]

    assert states == ["waiting", "dead"]
    assert await minings.dead_messages(mining) == {"error": 5}
    assert await minings.revive(mining) == [("a", 5)]
    await count(minings, mining, "a", [key(1)])
    assert await minings.fail_segment(mining, **failure) == "settled"  # type: ignore[arg-type]
    assert await minings.dead_messages(mining) == {}


async def check_many_segments_are_awaited(store: MiningStore) -> None:
    """Check that any number of segments can be awaited at once, and that an old lease ends nothing."""
    minings = Minings(store)
    mining = await begin(minings)
    names = [f"0123456789abcdef/4294967295/{number * 200}-{number * 200 + 199}" for number in range(1, MANY + 1)]
    end: dict[str, Any] = {"listed": 1, "folders_failed": {}, "skipped": {}, "failed": {}, "segments": names}

    assert await conflicts(minings.end_fetching(mining, lease=mining.lease + 1, **end))
    await minings.end_fetching(mining, lease=mining.lease, **end)
    assert await conflicts(minings.end_fetching(mining, lease=mining.lease, **end))
    assert sorted(await minings.waiting(mining)) == sorted(names)
    assert not await minings.start_refining(mining)


async def check_the_first_persons_of_a_chunk_stay(store: MiningStore) -> None:
    """Check that the first write stays and is returned even for different parts, and that only refining can write."""
    minings = Minings(store)
    mining = await begin(minings)
    large = [f'["{number}{"e" * 800_000}"]' for number in range(4)]
    assert await conflicts(minings.keep_persons(mining, 0, ["[1]"]))
    mining = await refine(minings, mining)

    first = await minings.keep_persons(mining, 0, large[:2])
    second = await minings.keep_persons(mining, 0, [*large, "[]"])
    whole = await minings.keep_persons(mining, 1, large)

    assert first == second == list(enumerate(large[:2]))
    assert whole == list(enumerate(large))
    assert await minings.keep_persons(mining, 2, []) == []


async def check_teardown_begins_once_and_commits_watermarks(store: MiningStore) -> None:
    """Check that teardown waits for every chunk and adds to the source's watermarks, which outlast the mining."""
    minings = Minings(store)
    user = f"user-{uuid4()}"
    mining = await begin(minings, user=user)
    await count(minings, mining, "a", [key(1), key(2)], {3: ["[1]"]})
    mining = await refine(minings, mining, "a")
    closing = {"ledger": {"listed": 2}, "receipt": {"objects": 1}}

    assert await conflicts(minings.start_teardown(mining, closing))
    await minings.finish_chunk(mining, 3, {"contact": 1})
    assert await minings.chunks_to_refine(mining) == []
    assert await minings.chunk_totals(mining) == [{"contact": 1}]
    await minings.start_teardown(mining, closing)
    assert await conflicts(minings.start_teardown(mining, closing))
    assert (await minings.find(mining.id)).closing == closing

    await minings.delete_rows(mining)
    assert set((await minings.temporary_rows(mining)).values()) == {0}
    await minings.delete(mining)
    again = await begin(minings, user=user)
    assert await minings.watermarks(again) == {"fedcba9876543210": (4_294_967_295, UidRanges([(1, 2)]))}


async def check_counted_keys_outlast_their_mining(store: MiningStore) -> None:
    """Check that a later mining is not taken for the one that counted a message, even after its row is deleted."""
    minings = Minings(store)
    user = f"user-{uuid4()}"
    mining = await begin(minings, user=user)
    await count(minings, mining, "a", [key(1)])
    await minings.delete_rows(mining)
    await minings.delete(mining)

    again = await begin(minings, user=user)

    assert again.number != mining.number
    assert await minings.counted_elsewhere(again, [key(1).hex()]) == {key(1).hex()}


async def check_erasing_leaves_nothing_of_the_user(store: MiningStore) -> None:
    """Check that erasing deletes rows, keys and watermarks, refuses writes in flight and keeps other users' data."""
    minings = Minings(store)
    user = f"user-{uuid4()}"
    mining, other = await begin(minings, user=user), await begin(minings)
    await count(minings, mining, "a", [key(1)], {0: ["[1]"]})
    await count(minings, other, "a", [key(1)], {0: ["[1]"]})

    await minings.erase(mining)
    await minings.erase_user(user)

    assert await conflicts(count(minings, mining, "b", [key(2)]))
    assert set((await minings.temporary_rows(mining)).values()) == {0}
    assert await minings.ids(user) == []
    assert await minings.points(other, 0) == ["[1]"]
    assert await minings.counted_elsewhere(await begin(minings, user=user), [key(1).hex()]) == frozenset()


async def check_live_bytes_fall_with_deleted_rows(store: MiningStore) -> None:
    """Check that the size which the database reports, if it reports one, falls when rows are deleted."""
    minings = Minings(store)
    mining = await begin(minings)
    await count(minings, mining, "a", [key(1)], {chunk: [f'["{"x" * 200_000}"]'] for chunk in range(CHUNKS)})
    full = getattr(store, "size_bytes", None)

    await minings.delete_rows(mining)

    assert full is None or store.size_bytes < full - CHUNKS * 100_000  # type: ignore[attr-defined]
    assert not store.is_crowded


CHECKS = (
    check_a_batch_is_written_as_a_whole_or_not_at_all,
    check_a_source_has_one_mining,
    check_a_live_lease_is_kept,
    check_copies_count_once,
    check_a_segment_counts_once,
    check_of_two_minings_one_counts_a_message,
    check_points_come_back_by_chunk,
    check_a_segment_dies_after_its_tries,
    check_many_segments_are_awaited,
    check_the_first_persons_of_a_chunk_stay,
    check_teardown_begins_once_and_commits_watermarks,
    check_counted_keys_outlast_their_mining,
    check_erasing_leaves_nothing_of_the_user,
    check_live_bytes_fall_with_deleted_rows,
)
