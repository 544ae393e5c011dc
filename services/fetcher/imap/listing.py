"""Parse LIST answers. Pure."""

import re
from collections.abc import Iterable

from fetcher.imap.folders import UNSELECTABLE, Folder, is_inbox
from fetcher.imap.names import FORBIDDEN, name_of
from fetcher.imap.responses import Pieces, join_lines

STRING = rb'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(
    rb"\(([^()]*)\) +(?:NIL|" + STRING + rb") +(?:" + STRING + rb'|([^"].*?))(?: \(".*\))?', re.IGNORECASE | re.DOTALL
)
"""RFC 9051 section 9, mailbox-list. Some servers leave out the quotes around any name, even one with spaces."""
LINE_BYTES = 8 * 1024
"""No name is longer: a command with it would not fit into the line that servers accept (RFC 7162 section 4)."""


def parse_folders(pieces: Pieces) -> list[Folder]:
    """Return the folders of an answer to LIST, line by line; one that cannot be read becomes an unreadable folder."""
    return [_folder(line) for line in join_lines(pieces) if line]


def merge_folders(answers: Iterable[list[Folder]]) -> list[Folder]:
    """Return the folders of several answers to LIST, each folder once, and INBOX in any case.

    A folder can be opened if any line says so. Unreadable lines do not matter if another answer has none.
    """
    lists = list(answers)
    whole = any(all(folder.readable for folder in each) for each in lists)
    merged: dict[str, Folder] = {}
    for folder in (folder for each in lists for folder in each if folder.readable or not whole):
        key = "INBOX" if is_inbox(folder.name) and folder.readable else folder.name
        merged[key] = _merged(merged[key], folder) if key in merged else folder
    if "INBOX" not in merged:
        merged["INBOX"] = Folder("INBOX", listed=False)
    return list(merged.values())


def _folder(line: bytes) -> Folder:
    found = LINE.fullmatch(line) if len(line) <= LINE_BYTES else None
    if not found:
        return Folder(line.decode("latin-1"), readable=False)
    attributes, delimiter, quoted, bare = found.groups()
    wire = _unescaped(quoted) if bare is None else bare
    if not wire or FORBIDDEN & set(wire):
        return Folder(line.decode("latin-1"), readable=False)
    return Folder(
        name_of(wire),
        frozenset(attributes.decode("ascii", "replace").lower().split()),
        _unescaped(delimiter or b"").decode("ascii", "replace"),
    )


def _merged(one: Folder, other: Folder) -> Folder:
    attributes = one.attributes | other.attributes
    if one.selectable or other.selectable:
        attributes -= UNSELECTABLE
    return Folder(one.name, attributes, one.delimiter or other.delimiter, one.listed, one.readable)


def _unescaped(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)
