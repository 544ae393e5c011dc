"""Packed rows of JSON hold everything below a size limit, and unite to the same result in any order."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.domain.contacts.packing import Said, chunk_of, pack, unite, unite_copies, unpack
from processor.domain.facts import FROM, NEWSLETTER, TO, TRANSACTIONAL, Message, Point
from tests.support.messages import ADDRESSES, make_message, make_point, messages

ROOMY = 1_000_000

said = st.tuples(
    st.none() | st.integers(),
    st.integers(min_value=0, max_value=1),
    st.integers(min_value=0, max_value=255),
    st.integers(min_value=0, max_value=TRANSACTIONAL),
    st.lists(st.sampled_from("abc"), unique=True).map(sorted),
    st.tuples(st.sets(st.sampled_from("xyz")), st.sets(st.sampled_from("xyz"))),
).map(lambda parts: (*parts[:5], [*sorted(parts[5][0]), *sorted(parts[5][1] - parts[5][0])], len(parts[5][0])))


def packed(listed: list[Message], *, chunks: int = 1, max_bytes: int = ROOMY) -> list[str]:
    return [row for rows in pack(listed, chunks=chunks, max_bytes=max_bytes).values() for row in rows]


def test_a_row_is_what_the_database_and_people_read() -> None:
    """The format is JSON of the agreed shape, in ASCII and without spaces."""
    point = Point("jane@acme.com", ("jane+x@acme.com",), ("Jané",), FROM, NEWSLETTER, signed=1)
    message = Message(bytes(range(16)), 1649169980, True, [point], False)

    rows = packed([message])

    assert rows == [
        '[["000102030405060708090a0b0c0d0e0f",1649169980,1,[["jane@acme.com",["jane+x@acme.com"],["Jan\\u00e9"],1,2,1]]]]'
    ]


def test_addresses_go_to_the_chunk_of_their_hash() -> None:
    """An address has the same chunk in all messages, and a chunk has only its own addresses."""
    listed = [make_message(key, *(make_point(address) for address in ADDRESSES)) for key in range(3)]

    chunks = pack(listed, chunks=4, max_bytes=ROOMY)

    for chunk, rows in chunks.items():
        assert {chunk_of(address, 4) for address in unite(rows)} == {chunk}
    assert {address for rows in chunks.values() for address in unite(rows)} == set(ADDRESSES)


def test_a_chunk_is_a_hash_that_no_version_changes() -> None:
    """Processors of different versions can work on one mining, so the chunk is always CRC-32 modulo their number."""
    assert [chunk_of(address, 16) for address in ("jane@acme.com", "bob@acme.com")] == [13, 1]


def test_messages_that_say_nothing_make_no_row() -> None:
    """A chunk without points of contact has no row, not an empty one."""
    assert pack([make_message(1)], chunks=16, max_bytes=ROOMY) == {}
    assert pack([], chunks=16, max_bytes=ROOMY) == {}


@given(st.lists(messages, max_size=8))
def test_unpacking_gives_back_what_was_packed(listed: list[Message]) -> None:
    """From one chunk with large rows, every message with points comes back, copy by copy."""
    rows = packed(listed)

    assert [message for row in rows for message in unpack(row)] == [message for message in listed if message.points]


@given(st.lists(messages, max_size=8), st.integers(min_value=400, max_value=2000), st.integers(1, 20))
def test_rows_keep_below_the_limit_and_lose_nothing(listed: list[Message], max_bytes: int, chunks: int) -> None:
    """Rows of any size together say the same as one row."""
    rows = packed(listed, chunks=chunks, max_bytes=max_bytes)

    assert all(len(row.encode()) <= max_bytes for row in rows)
    assert ordered(unite(rows)) == ordered(unite(packed(listed)))


def test_a_point_that_exceeds_a_row_goes_on_in_further_rows() -> None:
    """If one message has thousands of names and plus addresses for one address, all are kept."""
    names = tuple(f"Jane {number}" for number in range(1000))
    plus = tuple(f"jane+{number}@acme.com" for number in range(1000))

    rows = packed([make_message(1, make_point(names=names, plus=plus, signed=300), date=5)], max_bytes=1000)

    united = unite(rows)["jane@acme.com"][(1).to_bytes(16, "big").hex()]
    assert len(rows) > 40
    assert max(map(len, rows)) <= 1000
    assert ordered({"": {"": united}}) == {
        "": {"": (5, 0, FROM, 0, sorted(plus), sorted(names[:300]), sorted(names[300:]))}
    }


@pytest.mark.parametrize("text", ["J" * 2000, "\u0416" * 400])
def test_a_name_longer_than_a_row_is_left_out_alone(text: str) -> None:
    """The address still counts, with its other names. The limit applies to the stored bytes."""
    point = make_point(names=("Jane", text), plus=("jane+x@acme.com",))

    rows = packed([make_message(1, point)], max_bytes=1000)

    (united,) = unite(rows)["jane@acme.com"].values()
    assert max(map(len, rows)) <= 1000
    assert united[4:] == (["jane+x@acme.com"], ["Jane"], 0)


def test_an_address_longer_than_a_row_is_left_out_alone() -> None:
    """An address of a megabyte is dropped, and the row's other addresses stay."""
    listed = [make_message(1, make_point("j" * 2000 + "@acme.com"), make_point("bob@acme.com"))]

    rows = packed(listed, max_bytes=1000)

    assert list(unite(rows)) == ["bob@acme.com"]


def test_many_recipients_make_few_rows() -> None:
    """A message to 20,000 addresses is halved into rows of at least a quarter of the limit."""
    recipients = [make_point(f"jane{number}@acme.com", TO) for number in range(20_000)]

    rows = packed([make_message(1, *recipients)], max_bytes=100_000)

    assert len(unite(rows)) == 20_000
    assert min(map(len, rows)) > 25_000


@given(said, said, said)
def test_copies_unite_in_any_order_and_any_number(one: Said, two: Said, three: Said) -> None:
    """Uniting is associative, commutative and idempotent."""
    assert unite_copies([one, two]) == unite_copies([two, one])
    assert unite_copies([unite_copies([one, two]), three]) == unite_copies([one, unite_copies([two, three])])
    assert unite_copies([one, two, three]) == unite_copies([unite_copies([one, two]), three])
    assert unite_copies([one, one]) == one


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((None, 0, FROM, 0, [], ["B"], 1), (7, 1, TO, 0, ["p"], ["A"], 0), (7, 1, FROM | TO, 0, ["p"], ["B", "A"], 1)),
        ((9, 0, TO, 0, [], ["A", "B"], 1), (9, 0, TO, 0, [], ["B"], 1), (9, 0, TO, 0, [], ["A", "B"], 2)),
        ((9, 0, TO, NEWSLETTER, [], [], 0), (7, 0, TO, TRANSACTIONAL, [], [], 0), (7, 0, TO, NEWSLETTER, [], [], 0)),
        ((9, 0, TO, 0, [], [], 0), (None, 0, TO, TRANSACTIONAL, [], [], 0), (9, 0, TO, TRANSACTIONAL, [], [], 0)),
        ((0, 0, TO, 0, [], [], 0), (None, 0, TO, 0, [], [], 0), (0, 0, TO, 0, [], [], 0)),
    ],
)
def test_a_message_says_what_any_of_its_copies_says(one: Said, other: Said, expected: Said) -> None:
    """Fields, names and plus addresses add up. The earlier date and the first message tag in the table win."""
    assert unite_copies([one, other]) == expected


def test_copies_are_of_one_key_and_one_address() -> None:
    """Only copies of the same message about the same address are united."""
    listed = [
        make_message(1, make_point("jane@acme.com", FROM), make_point("bob@acme.com", TO), date=3),
        make_message(1, make_point("jane@acme.com", TO), conversation=True),
        make_message(2, make_point("jane@acme.com", TO)),
    ]

    united = unite(packed(listed))

    first, second = ((number).to_bytes(16, "big").hex() for number in (1, 2))
    assert ordered(united) == {
        "jane@acme.com": {first: (3, 1, FROM | TO, 0, [], [], []), second: (None, 0, TO, 0, [], [], [])},
        "bob@acme.com": {first: (3, 0, TO, 0, [], [], [])},
    }


def ordered(united: dict[str, dict[str, Said]]) -> dict[str, dict[str, tuple[object, ...]]]:
    """Return the same with plus addresses, signed names and given names as sorted lists."""
    return {
        address: {
            key: (*says[:4], sorted(says[4]), sorted(says[5][: says[6]]), sorted(says[5][says[6] :]))
            for key, says in keys.items()
        }
        for address, keys in united.items()
    }


def test_the_time_grows_with_the_copies_of_a_message() -> None:
    """Eight times the copies of one message, each with a different name, take about eight times the time.

    CPU time, the best of several turns. Comparing every copy with all the names before it would take 64 times.
    """

    def seconds(copies: int) -> float:
        rows = [row for n in range(copies) for row in packed([make_message(1, make_point(names=(f"Jane {n}",)))])]
        best = float("inf")
        for _ in range(5):
            began = time.process_time()
            unite(rows)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(8_000) < 24 * seconds(1_000)


def test_rows_are_json_that_any_reader_takes() -> None:
    """Quotes, backslashes, control characters and lone surrogates in a name do not break a row."""
    names = ('J "D"', "a\\b", "\x00\x1f", "\ud800")

    (row,) = packed([make_message(1, make_point(names=names))])

    assert row.isascii()
    assert json.loads(row)[0][3][0][2] == list(names)
