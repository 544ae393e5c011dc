"""Parsing LIST answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.imap.folders import Folder
from fetcher.imap.listing import merge_folders, parse_folders
from fetcher.imap.responses import Pieces

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("pieces", "folder"),
    [
        (
            [rb'(\HasNoChildren \Sent) "/" "Sent Items"'],
            Folder("Sent Items", frozenset({r"\hasnochildren", r"\sent"}), "/"),
        ),
        ([b'() "." INBOX.Work'], Folder("INBOX.Work", NOTHING, ".")),
        ([b"() nil INBOX"], Folder("INBOX")),
        ([b'() "/" My old mail'], Folder("My old mail", NOTHING, "/")),
        ([b'() "/" Plans (2019)'], Folder("Plans (2019)", NOTHING, "/")),
        ([rb'() "\\" "a\\b \"c\""'], Folder(r'a\b "c"', NOTHING, "\\")),
        ([(b'() "/" {9}', b'a\\b "c" d'), b""], Folder(r'a\b "c" d', NOTHING, "/")),
        ([(b'() "/" {1}', b"a"), (b' ("OLDNAME" ({1}', b"b"), b"))"], Folder("a", NOTHING, "/")),
        ([b'() "/" "a" ("CHILDINFO" ("SUBSCRIBED"))'], Folder("a", NOTHING, "/")),
        ([b'() "/" a ("OLDNAME" ("b"))'], Folder("a", NOTHING, "/")),
        ([b'() "/" NIL'], Folder("NIL", NOTHING, "/")),
        ([b'() "/" 12'], Folder("12", NOTHING, "/")),
    ],
)
def test_a_line(pieces: Pieces, folder: Folder) -> None:
    """Names are strings, literals or bare words, with or without extended data (RFC 5258)."""
    assert parse_folders(pieces) == [folder]


@pytest.mark.parametrize(
    "line",
    [
        b'() "/" "Arch',
        b'() "/" ""',
        b'((( "/" INBOX',
        b"hello",
        b'() "/" "a\rb"',
        b'() "/" "' + b"x" * 9_000 + b'"',
        b'() "/" ' + b' ("' * 3_000,
    ],
)
def test_a_line_that_cannot_be_read(line: bytes) -> None:
    """Such a line is a folder that cannot be opened, and hides no other folder."""
    folders = parse_folders([line, b'() "/" INBOX'])

    assert [(each.readable, each.selectable) for each in folders] == [(False, False), (True, True)]


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_noise(lines: list[bytes]) -> None:
    """Every line that is not empty is a folder."""
    assert len(parse_folders(lines)) == len([line for line in lines if line])


def test_each_folder_once() -> None:
    """Lists are united, with all attributes; a folder can be opened if one of its lines says so."""
    first = [Folder("INBOX"), Folder("a", frozenset({r"\noselect"}), "/"), Folder("b", frozenset({r"\sent"}))]
    second = [Folder("Inbox"), Folder("a"), Folder("b", frozenset({r"\marked"})), Folder("c")]

    assert merge_folders([first, second]) == [
        Folder("INBOX"),
        Folder("a", NOTHING, "/"),
        Folder("b", frozenset({r"\sent", r"\marked"})),
        Folder("c"),
    ]


def test_inbox_is_always_there() -> None:
    """If no list names INBOX, it is added."""
    assert merge_folders([[Folder("a")], []]) == [Folder("a"), Folder("INBOX", listed=False)]


def test_an_unreadable_line_beside_a_readable_list() -> None:
    """Unreadable lines count unless another list has none."""
    inbox, odd = Folder("INBOX"), Folder("???", readable=False)

    assert merge_folders([[inbox, odd], [inbox]]) == [inbox]
    assert merge_folders([[inbox, odd], [inbox, odd]]) == [inbox, odd]
