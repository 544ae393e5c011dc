"""An IMAP server that does what Dovecot never would: it refuses single messages, lacks UIDVALIDITY, or hangs up.

It knows the commands that a fetcher sends (RFC 3501), answers BAD to all others, and has only the given extensions.
"""

import re
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from schemas.uids import UidRanges


@dataclass
class OddFolder:
    """A folder: its messages by UID, and how a FETCH of some of them fails.

    The server answers NO to `refused` messages and BAD to `malformed` ones, leaves `withheld` ones out of an OK, and
    hangs up in the middle of `fatal` ones. A `uidvalidity` of None is not sent.
    """

    messages: dict[int, bytes] = field(default_factory=dict)
    uidvalidity: int | None = 7
    attributes: str = ""
    refused: set[int] = field(default_factory=set)
    malformed: set[int] = field(default_factory=set)
    withheld: set[int] = field(default_factory=set)
    fatal: set[int] = field(default_factory=set)


class OddImap:
    """One server on loopback, without TLS; use it as a context manager.

    `fetched` counts the bodies sent, by UID. Before each FETCH of bodies, `on_fetch` is called with the number of such
    FETCHes so far, and the server hangs up if it returns True. Logins get the `login_answers` one by one before they
    succeed. `junk` is sent before the response to a command.
    """

    host = "127.0.0.1"

    def __init__(self, folders: dict[str, OddFolder], *, capabilities: str = "", delimiter: str = "/") -> None:
        self.folders = folders
        self.fetched: Counter[int] = Counter()
        self.fetches = 0
        self.logins = 0
        self.login_answers: list[str] = []
        self.ignores_caps = False
        self.junk: dict[str, bytes] = {}
        self.greeting = "* OK ready"
        self.on_fetch: Callable[[int], bool] = lambda _: False
        self.capabilities = f"IMAP4rev1 {capabilities}".strip()
        self.delimiter = delimiter
        self.lock = threading.Lock()
        odd = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                _Session(odd, self).run()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server((self.host, 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _HangUp(Exception):
    """Ends the session."""


class _Session:
    """One connection."""

    def __init__(self, odd: OddImap, handler: socketserver.StreamRequestHandler) -> None:
        self._odd = odd
        self._handler = handler
        self._folder: OddFolder | None = None

    def run(self) -> None:
        self._say(self._odd.greeting)
        try:
            for line in self._handler.rfile:
                tag, _, command = line.decode().rstrip("\r\n").partition(" ")
                self._say(f"{tag} {self._answer(command)}")
                if command.upper() == "LOGOUT":
                    return
        except (_HangUp, OSError):
            return

    def _say(self, line: str | bytes) -> None:
        data = line.encode() if isinstance(line, str) else line
        self._handler.wfile.write(data + b"\r\n")

    def _answer(self, command: str) -> str:
        word = command.split(" ")[0].upper()
        rest = command[len(word) + 1 :]
        self._handler.wfile.write(self._odd.junk.get(rest.split(" ")[0] if word == "UID" else word, b""))
        handlers: dict[str, Callable[[str], str]] = {
            "CAPABILITY": self._capability,
            "LOGIN": self._login,
            "LIST": self._list,
            "STATUS": self._status,
            "EXAMINE": self._examine,
            "UID": self._uid,
            "LOGOUT": lambda _: "OK bye",
            "NOOP": lambda _: "OK done",
        }
        return handlers[word](rest) if word in handlers else "BAD what?"

    def _capability(self, _: str) -> str:
        self._say(f"* CAPABILITY {self._odd.capabilities}")
        return "OK done"

    def _login(self, _: str) -> str:
        with self._odd.lock:
            self._odd.logins += 1
            return self._odd.login_answers.pop(0) if self._odd.login_answers else "OK in"

    def _list(self, rest: str) -> str:
        if "RETURN" in rest:
            return "BAD what?"
        for name, folder in self._odd.folders.items():
            self._say(f'* LIST ({folder.attributes}) "{self._odd.delimiter}" "{name}"')
        return "OK done"

    def _status(self, rest: str) -> str:
        name = rest.split('"')[1]
        if name not in self._odd.folders:
            return "NO no such folder"
        self._say(f'* STATUS "{name}" (MESSAGES {len(self._odd.folders[name].messages)})')
        return "OK done"

    def _examine(self, rest: str) -> str:
        self._folder = self._odd.folders.get(rest.split('"')[1])
        if self._folder is None:
            return "NO no such folder"
        self._say(f"* {len(self._folder.messages)} EXISTS")
        if self._folder.uidvalidity is not None:
            self._say(f"* OK [UIDVALIDITY {self._folder.uidvalidity}] valid")
        return "OK [READ-ONLY] done"

    def _uid(self, rest: str) -> str:
        if self._folder is None:
            return "BAD no folder"
        word, _, arguments = rest.partition(" ")
        return self._search(arguments) if word == "SEARCH" else self._fetch(*arguments.split(" ", 1))

    def _search(self, criteria: str) -> str:
        assert self._folder is not None
        uids = sorted(self._folder.messages)
        extended = criteria.startswith("RETURN (ALL) ")
        criteria = criteria.removeprefix("RETURN (ALL) ")
        if match := re.fullmatch(r"UID ([\d:,]+)", criteria):
            found = [uid for uid in uids if uid in set(_numbers(match[1]))]
        elif match := re.fullmatch(r"(\d+):(\d+)", criteria):
            found = uids[int(match[1]) - 1 : int(match[2])]
        else:
            return "BAD what?"
        if extended:
            self._say(f'* ESEARCH (TAG "A") UID ALL {",".join(map(str, found))}')
        else:
            self._say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
        return "OK done"

    def _fetch(self, which: str, items: str) -> str:
        assert self._folder is not None
        wanted = set(_numbers(which))
        bodies = "BODY" in items
        if bodies:
            with self._odd.lock:
                self._odd.fetches += 1
                if self._odd.on_fetch(self._odd.fetches):
                    raise _HangUp
            if wanted & self._folder.refused:
                return "NO cannot read it"
            if wanted & self._folder.malformed:
                return "BAD cannot read it"
        for position, (uid, message) in enumerate(sorted(self._folder.messages.items()), start=1):
            if uid in wanted and not (bodies and uid in self._folder.withheld):
                self._send(position, uid, message, items, bodies=bodies)
        return "OK done"

    def _send(self, position: int, uid: int, message: bytes, items: str, *, bodies: bool) -> None:
        assert self._folder is not None
        head = f"* {position} FETCH (UID {uid} RFC822.SIZE {len(message)}"
        if not bodies:
            self._say(f"{head})")
            return
        part = message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in items else message
        cap = None if self._odd.ignores_caps else re.search(r"<0\.(\d+)>", items)
        body = part[: int(cap[1])] if cap else part
        name = "BODY[HEADER]<0>" if "HEADER" in items else "BODY[]<0>"
        self._say(f"{head} {name} {{{len(body)}}}")
        if uid in self._folder.fatal:
            self._handler.wfile.write(body[: len(body) // 2])
            raise _HangUp
        with self._odd.lock:
            self._odd.fetched[uid] += 1
        self._handler.wfile.write(body)
        self._say(b")")


def _numbers(text: str) -> Iterator[int]:
    for first, last in UidRanges.parse(text).pairs():
        yield from range(first, last + 1)
