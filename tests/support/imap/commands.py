"""The commands that a client sends (RFC 3501 section 6), read from the wire."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase

LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n\Z")
WORD = re.compile(
    rb'"(?P<quoted>(?:[^"\\]|\\.)*)"|\((?P<list>(?:[^()]|\([^()]*\))*)\)|(?P<atom>(?:[^\s"()\[]|\[[^\]]*\])+)'
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its tag, its name in capitals (`LOGIN`, `UID FETCH`), and its arguments as they came.

    `folder` is the name of the selected folder.
    """

    tag: str
    name: str
    arguments: bytes
    folder: str = ""

    @property
    def words(self) -> list[bytes]:
        """The arguments one by one: strings without their quotes, lists without their parentheses."""
        return list(words_of(self.arguments))

    def done(self, text: str = "OK done") -> bytes:
        """Return the line that ends the answer."""
        return f"{self.tag} {text}\r\n".encode()


def read_command(wire: BufferedIOBase, go_on: Callable[[], None]) -> Command | None:
    """Return the next command, or None at the end; `go_on` invites the client to send a literal."""
    line = wire.readline()
    while literal := LITERAL.search(line):
        if not literal[2]:
            go_on()
        line = line[: literal.start()] + quoted(wire.read(int(literal[1]))) + wire.readline()
    if not line.endswith(b"\n"):
        return None
    tag, _, rest = line.strip(b"\r\n").partition(b" ")
    name, _, arguments = rest.partition(b" ")
    if name.upper() == b"UID":
        word, _, arguments = arguments.partition(b" ")
        name += b" " + word
    return Command(tag.decode("ascii", "replace"), name.decode("ascii", "replace").upper(), arguments)


def words_of(text: bytes) -> Iterator[bytes]:
    """Yield the strings, lists and atoms of a text."""
    for found in WORD.finditer(text):
        if found["quoted"] is not None:
            yield re.sub(rb"\\(.)", rb"\1", found["quoted"])
        else:
            yield found["atom"] if found["list"] is None else found["list"]


def quoted(text: bytes) -> bytes:
    """Return a quoted string."""
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
