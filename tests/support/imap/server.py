"""An IMAP server on loopback with a mailbox in memory, and faults that change what it answers.

It knows the commands that a fetcher sends (RFC 3501, RFC 4731, RFC 2971) and answers BAD to all others. Without faults
it is correct. `tests.support.imap.faults` has faults.
"""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self

from tests.support.imap.commands import Command, quoted, read_command, words_of
from tests.support.imap.mail import LAST, Folder, Malformed

Fault = Callable[[Command, Iterator[bytes]], Iterator[bytes]]
"""Returns what is sent instead of an answer: whole responses, of which the last one has the command's tag."""


class HangUp(Exception):
    """Closes the connection; a fault may raise it."""


class ImapServer:
    r"""One server without TLS; use it as a context manager. Any login works.

    Folders are by the name on the wire; surrogates (`\udce9`) are raw bytes. `commands` are those received so far, and
    `sent` counts the bytes of the answers to them. With `ignores_caps`, FETCH sends whole bodies. `closing` is set at
    the end, so that a fault that waits can stop. With `most_connections`, further ones get `too_many`: as a greeting if
    that is a BYE, else as the answer to LOGIN. `refused_connections` counts them.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folders: Mapping[str, Folder],
        *,
        capabilities: str = "",
        delimiter: str = "/",
        faults: Sequence[Fault] = (),
    ) -> None:
        self.folders = dict(folders)
        self.capabilities = f"IMAP4rev1 {capabilities}".strip()
        self.delimiter = delimiter
        self.faults = list(faults)
        self.greeting = "* OK ready"
        self.ignores_caps = False
        self.commands: list[Command] = []
        self.sent = 0
        self.most_connections = 0
        self.too_many = "NO too many connections"
        self.connections = self.refused_connections = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        server = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                _Session(server, self).run()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server((self.host, 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def count(self, name: str) -> int:
        """Return how often a command was received."""
        return sum(command.name == name for command in tuple(self.commands))

    def offers(self, capability: str) -> bool:
        """Return whether the server has an extension."""
        return capability in self.capabilities.split()

    def fault(self, command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        """Return the answer as the faults leave it, the last one outermost."""
        for fault in self.faults:
            answer = fault(command, answer)
        return answer


class _Session:
    """One connection."""

    def __init__(self, server: ImapServer, handler: socketserver.StreamRequestHandler) -> None:
        self._server = server
        self._handler = handler
        self._entered = server.greeting.startswith("* PREAUTH")
        self._folder = ""
        self._is_surplus = False
        self._answers: dict[str, Callable[[Command], Iterator[bytes]]] = {
            "CAPABILITY": self._capability,
            "NOOP": self._done,
            "LOGIN": self._login,
            "AUTHENTICATE": self._authenticate,
            "LOGOUT": self._logout,
        }
        self._entered_answers: dict[str, Callable[[Command], Iterator[bytes]]] = {
            "LIST": self._list,
            "STATUS": self._status,
            "EXAMINE": self._examine,
        }
        self._selected_answers: dict[str, Callable[[Command], Iterator[bytes]]] = {
            "UID SEARCH": self._search,
            "UID FETCH": self._fetch,
            "FETCH": self._fetch,
        }
        if server.offers("ID"):
            self._answers["ID"] = self._id

    def run(self) -> None:
        """Answer commands until the client logs out or the connection ends."""
        server = self._server
        with server.lock:
            server.connections += 1
            self._is_surplus = 0 < server.most_connections < server.connections
            server.refused_connections += self._is_surplus
        try:
            if self._is_surplus and server.too_many.startswith("* BYE"):
                self._write(server.too_many.encode() + b"\r\n")
                return
            self._write(self._server.greeting.encode() + b"\r\n")
            while read := read_command(self._handler.rfile, lambda: self._write(b"+ go on\r\n")):
                command = replace(read, folder=self._folder)
                with self._server.lock:
                    self._server.commands.append(command)
                for response in self._server.fault(command, self._answer(command)):
                    self._write(response)
                    with self._server.lock:
                        self._server.sent += len(response)
                if command.name == "LOGOUT":
                    return
        except (HangUp, OSError, ValueError):
            return
        finally:
            with server.lock:
                server.connections -= 1

    def _write(self, data: bytes) -> None:
        self._handler.wfile.write(data)

    def _answer(self, command: Command) -> Iterator[bytes]:
        answer = self._answers.get(command.name)
        if self._entered:
            answer = answer or self._entered_answers.get(command.name)
        if self._folder:
            answer = answer or self._selected_answers.get(command.name)
        try:
            yield from answer(command) if answer else iter([command.done("BAD what?")])
        except (Malformed, LookupError):
            yield command.done("BAD what?")

    def _done(self, command: Command) -> Iterator[bytes]:
        yield command.done()

    def _capability(self, command: Command) -> Iterator[bytes]:
        yield f"* CAPABILITY {self._server.capabilities}\r\n".encode()
        yield command.done()

    def _id(self, command: Command) -> Iterator[bytes]:
        yield b'* ID ("name" "tests")\r\n'
        yield command.done()

    def _login(self, command: Command) -> Iterator[bytes]:
        if len(command.words) != 2:
            raise Malformed
        if self._is_surplus:
            yield command.done(self._server.too_many)
            return
        self._entered = True
        yield command.done("OK in")

    def _authenticate(self, command: Command) -> Iterator[bytes]:
        mechanism, *response = command.words
        if not self._server.offers(f"AUTH={mechanism.decode().upper()}"):
            yield command.done("NO no such mechanism")
            return
        if not response:
            self._write(b"+ \r\n")
            self._handler.rfile.readline()
        self._entered = True
        yield command.done("OK in")

    def _logout(self, command: Command) -> Iterator[bytes]:
        yield b"* BYE until later\r\n"
        yield command.done()

    def _list(self, command: Command) -> Iterator[bytes]:
        _, pattern, *options = command.words
        if options and not self._server.offers("LIST-EXTENDED"):
            raise Malformed
        matching = re.compile(re.escape(pattern).replace(rb"\*", b".*").replace(b"%", b".*"), re.DOTALL)
        for name, folder in self._server.folders.items():
            if not matching.fullmatch(wire(name)):
                continue
            place = (folder.attributes.encode(), quoted(self._server.delimiter.encode()), quoted(wire(name)))
            yield b"* LIST (%s) %s %s\r\n" % place
        yield command.done()

    def _status(self, command: Command) -> Iterator[bytes]:
        name = self._named(command.words[0])
        if not name:
            yield command.done("NO [NONEXISTENT] no such folder")
            return
        messages = len(self._server.folders[name].messages)
        yield b"* STATUS %s (MESSAGES %d)\r\n" % (quoted(command.words[0]), messages)
        yield command.done()

    def _examine(self, command: Command) -> Iterator[bytes]:
        self._folder = self._named(command.words[0])
        if not self._folder:
            yield command.done("NO [NONEXISTENT] no such folder")
            return
        folder = self._server.folders[self._folder]
        yield b"* FLAGS (\\Seen)\r\n"
        yield b"* %d EXISTS\r\n" % len(folder.messages)
        if folder.uidvalidity is not None:
            yield b"* OK [UIDVALIDITY %d] valid\r\n" % folder.uidvalidity
        yield command.done("OK [READ-ONLY] done")

    def _named(self, name: bytes) -> str:
        """Return the folder's name in the mailbox, or nothing if there is no such folder that can be opened."""
        for each, folder in self._server.folders.items():
            if wire(each) == name or wire(each).upper() == name.upper() == b"INBOX":
                return "" if "noselect" in folder.attributes.lower() else each
        return ""

    def _search(self, command: Command) -> Iterator[bytes]:
        words = command.words
        extended = words[0].upper() == b"RETURN"
        if extended and not self._server.offers("ESEARCH"):
            raise Malformed
        found = self._server.folders[self._folder].search(words[2:] if extended else words)
        if extended:
            listed = b" ALL %s" % ",".join(map(str, found)).encode() if found else b""
            yield b'* ESEARCH (TAG "%s") UID%s\r\n' % (command.tag.encode(), listed)
        else:
            yield b"* SEARCH" + b"".join(b" %d" % uid for uid in found) + b"\r\n"
        yield command.done()

    def _fetch(self, command: Command) -> Iterator[bytes]:
        which, items = command.arguments.split(b" ", 1)
        by_uid = command.name == "UID FETCH"
        asked = next(words_of(items)) if items.startswith(b"(") else items
        if by_uid and b"UID" not in asked.upper().split():
            asked = b"UID " + asked
        if self._server.ignores_caps:
            asked = re.sub(rb"\.\d+>", b".%d>" % LAST, asked)
        yield from self._server.folders[self._folder].fetch(which, asked, by_uid=by_uid)
        yield command.done()


def wire(name: str) -> bytes:
    """Return a folder's name as it is sent."""
    return name.encode("utf-8", "surrogateescape")
