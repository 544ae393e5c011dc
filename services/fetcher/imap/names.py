"""Folder names: as the server writes them, as leadminer identifies them, and as people read them. Pure.

A name is modified UTF-7 (RFC 9051 appendix A.1). Some servers write names that are not, such as `R&D` or raw bytes, and
know their folders only by exactly these bytes. In the name of such a folder, a low surrogate replaces each byte that is
not printable ASCII, and each `&`. So every name on the wire has one name here, and the other way round.
"""

import re

from imapclient import imap_utf7

ESCAPED = 0xDC00
OPEN_SHIFT = re.compile(rb"&[^-]*\Z")
FORBIDDEN = frozenset(b"\0\r\n")
"""Bytes that no quoted string may contain (RFC 9051 section 9), so that a command with such a name cannot be sent."""


def name_of(wire: bytes) -> str:
    """Return the name of the folder that the server calls `wire`."""
    name = _decoded(wire)
    if name is not None and imap_utf7.encode(name) == wire:
        return name
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E and byte != ord("&") else chr(ESCAPED + byte) for byte in wire)


def wire_of(name: str) -> bytes:
    """Return what the server calls a folder."""
    if any(_is_escape(letter) for letter in name):
        return bytes(ord(letter) & 0xFF for letter in name)
    encoded: bytes = imap_utf7.encode(name)
    return encoded


def title_of(name: str) -> str:
    """Return a name as a person reads it; several folders can have the same title."""
    wire = wire_of(name)
    decoded = _decoded(wire)
    if decoded is not None:
        return decoded
    try:
        return wire.decode()
    except UnicodeDecodeError:
        return wire.decode("latin-1")


def quote(wire: bytes) -> bytes:
    """Return a name as a quoted string."""
    return b'"' + wire.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _decoded(wire: bytes) -> str | None:
    if not wire.isascii() or OPEN_SHIFT.search(wire):
        return None
    try:
        name: str = imap_utf7.decode(wire)
        name.encode()
    except ValueError:  # of which the errors of Unicode are
        return None
    return name


def _is_escape(letter: str) -> bool:
    return ESCAPED <= ord(letter) <= ESCAPED + 0xFF
